"""Clusters of which nothing is left, or only for a while: a clear error within a bounded time, and no hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import distributed
import pandas as pd
import polars as pl
import pytest
from distributed.client import ClosedClientError
from polars.testing import assert_frame_equal
from xgboost import XGBRegressor

from gpupipe.core.errors import ClusterError
from gpupipe.core.task import Training
from gpupipe.engines.dask.account import described
from gpupipe.engines.dask.boosting import RoundsTold
from gpupipe.engines.dask.clusters import OpenCluster
from gpupipe.engines.dask.waiting import Waiter, connection_errors
from tests.clusters import ROOT, Servers
from tests.engines.dask.faults.conftest import BARE
from tests.engines.dask.faults.phases import FILES, ROWS, Gate, pipeline
from tests.engines.dask.faults.running import Course, kill, rows_of, until, wait_for_workers

Start = Callable[..., Servers]


@pytest.mark.parametrize("phase", ["unpack", pytest.param("train", marks=pytest.mark.slow)])
def test_a_run_whose_workers_are_all_gone_ends_with_an_error_in_time(phase: str, start: Start, data: Path, tmp_path: Path) -> None:
    cluster = start(1, *BARE)
    gate = Gate(str(tmp_path), phase)
    wait_for_workers(cluster.address, 1)
    run = Course(pipeline(str(data), str(tmp_path / "out"), str(tmp_path), phase), cluster.address, worker_seconds=2)
    kill(run.at(gate))
    at = time.monotonic()
    with pytest.raises(ClusterError, match="Every worker has been gone for 2 s. Start workers again"):
        run.ended()
    assert time.monotonic() - at < 50
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_is_held_cannot_be_fetched_from_workers_that_are_gone(start: Start) -> None:
    cluster = start(1, *BARE)
    with distributed.Client(cluster.address) as client:
        client.wait_for_workers(1, timeout=300)
        waiter = Waiter(client, alone_seconds=2)
        (held,) = waiter.held([dd.from_pandas(pd.DataFrame({"x": range(10)}), npartitions=2)])
        assert waiter.fetched(held)["x"].sum() == 45
        kill(cluster.workers[0].pid)
        until(lambda: not client.scheduler_info(n_workers=-1)["workers"], "the worker is still known")
        with pytest.raises(ClusterError, match="Every worker has been gone for 2 s"):
            waiter.fetched(held)


@pytest.mark.parametrize("phase", [pytest.param("unpack", marks=pytest.mark.slow), "train"])
def test_a_run_whose_scheduler_is_killed_ends_with_an_error_and_goes_on_from_its_checkpoints(
    phase: str, start: Start, servers: Servers, data: Path, undisturbed: pl.DataFrame, tmp_path: Path
) -> None:
    cluster = start(1, *BARE)
    gate = Gate(str(tmp_path), phase)
    made = pipeline(str(data), str(tmp_path / "out"), str(tmp_path), phase)
    run = Course(made, cluster.address, checkpoints=str(tmp_path / "kept"))
    run.at(gate)
    at = time.monotonic()
    cluster.kill(cluster.processes[0])
    with pytest.raises(ClusterError, match="connection to the cluster's scheduler was lost"):
        run.ended()
    assert time.monotonic() - at < 80
    assert not (tmp_path / "out").exists()
    gate.open()
    again = Course(made, servers.address, checkpoints=str(tmp_path / "kept"), resume=True).ended()
    assert_frame_equal(rows_of(tmp_path / "out"), undisturbed, rel_tol=0, abs_tol=1e-6)
    if phase == "train":
        assert again.report["checkpoints"]["taken"]


def test_another_client_of_the_process_does_not_disturb_a_run(servers: Servers, data: Path, tmp_path: Path) -> None:
    gate = Gate(str(tmp_path), "read")
    run = Course(pipeline(str(data), str(tmp_path / "out"), str(tmp_path), "read", trained=False), servers.address)
    run.at(gate)
    with distributed.Client(servers.address):
        time.sleep(0.5)  # several looks at the futures
        gate.open()
        run.ended()
    assert rows_of(tmp_path / "out").height == FILES * ROWS


def test_a_slow_worker_slows_the_run_and_nothing_else(servers: Servers, data: Path, undisturbed: pl.DataFrame, tmp_path: Path) -> None:
    gate = Gate(str(tmp_path), "shuffle")
    run = Course(pipeline(str(data), str(tmp_path / "out"), str(tmp_path), "shuffle"), servers.address)
    pid = run.at(gate)
    os.kill(pid, signal.SIGSTOP)
    gate.open()
    time.sleep(3)
    os.kill(pid, signal.SIGCONT)
    run.ended()
    assert_frame_equal(rows_of(tmp_path / "out"), undisturbed, rel_tol=0, abs_tol=1e-6)


CLIENT = """
import sys
from tests.engines.dask.faults.phases import BLOCK_BYTES, pipeline
from gpupipe.core.engine import EngineOptions
data, out, gates, shut, address = sys.argv[1:]
pipeline(data, out, gates, shut).run("dask", options=EngineOptions(cluster=address, block_bytes=BLOCK_BYTES))
"""


def n_tasks(address: str) -> int:
    """Return how many tasks a scheduler knows."""
    with distributed.Client(address) as client:
        found: int = client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
    return found


def test_a_client_that_is_killed_leaves_no_tasks_and_another_one_can_run_at_once(
    servers: Servers, data: Path, undisturbed: pl.DataFrame, tmp_path: Path
) -> None:
    gate = Gate(str(tmp_path), "unpack")
    words = [sys.executable, "-c", CLIENT, data, tmp_path / "lost", tmp_path, "unpack", servers.address]
    client: Any = subprocess.Popen([str(word) for word in words], env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        gate.waiter(lambda: client.poll() is None or pytest.fail("the client has ended"))
        assert n_tasks(servers.address) > 10
    finally:
        client.kill()
        client.wait()
    until(lambda: not n_tasks(servers.address), "tasks of the killed client are left")
    gate.open()  # a thread that is at a task cannot be stopped
    Course(pipeline(str(data), str(tmp_path / "out")), servers.address).ended()
    assert_frame_equal(rows_of(tmp_path / "out"), undisturbed, rel_tol=0, abs_tol=1e-6)
    assert not (tmp_path / "lost").exists()
    wait_for_workers(servers.address, 2)


def test_a_client_that_has_given_its_scheduler_up_says_so_as_the_clusters_error(servers: Servers) -> None:
    """As under load, where a training may still want to hear of its rounds when the client is closed."""
    recipe = Training(XGBRegressor(), ("x",), "y", None, lambda number, total, facts: None)
    with distributed.Client(servers.address) as client:
        told = RoundsTold(client, recipe)
        told.parameters()
        opened = OpenCluster(client)
        client.close()
        with pytest.raises(ClosedClientError, match="Can't send unsubscribe-topic"):
            client.unsubscribe_topic(told.topic)
        told.close()
        for asked in (lambda: client.unsubscribe_topic("x"), lambda: Waiter(client).wait_for_worker()):
            with (
                pytest.raises(ClusterError, match="The connection to the cluster's scheduler was lost"),
                connection_errors(client, also=()),
            ):
                asked()
        assert described(opened, "run", 0.0)["workers"] == []
