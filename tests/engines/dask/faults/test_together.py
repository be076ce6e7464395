"""Commands beside one another, and interrupted ones, on one cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import distributed
import polars as pl
import pytest

import gpupipe as gp
from tests.clusters import ROOT, Servers
from tests.engines.dask.faults.phases import Gate, make_rows
from tests.engines.dask.faults.running import until
from tests.engines.dask.faults.test_lost_clusters import n_tasks

FLOW = """
import narwhals.stable.v2 as nw
import gpupipe as gp
from tests.engines.dask.faults.phases import Gate, gated

def pipeline(data: str, gates: str, me: str):
    @gp.by_key("key")
    def per_key(frame):
        gated(frame, Gate(gates, me), "key", 7)
        return frame.with_columns(total=(nw.col("b") * FACTOR).sum().over("key"))
    table = per_key(gp.ReadParquet(data).node())
    return gp.Pipeline("flow", total=gp.Scalar(nw.col("total").sum())(table))
"""


@pytest.fixture
def command() -> Iterator[Callable[..., Any]]:
    """Give what starts ``gpupipe run`` on a cluster; what still runs when the test is over is killed, and leaves the workers alone."""
    started: list[Any] = []

    def run(servers: Servers, *words: object, cwd: Path) -> Any:
        line = [sys.executable, "-m", "gpupipe", "run", *words, "--engine", "dask", "--cluster", servers.address, "--json", "--quiet"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        texts = [str(word) for word in line]
        started.append(subprocess.Popen(texts, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_rows(tmp_path_factory.mktemp("long"), 60_000)


def test_two_pipelines_of_one_name_run_beside_one_another(
    command: Callable[..., Any], start: Callable[..., Servers], long: Path, tmp_path: Path
) -> None:
    servers = start(1, "--nthreads", "2")  # both wait at their gates on one worker, which has a thread for each
    runs, gates = {}, {}
    for me, factor in (("first", 1), ("second", 10)):
        folder = tmp_path / me
        folder.mkdir()
        (folder / "flow.py").write_text(f"FACTOR = {factor}\n{FLOW}")
        gates[me] = Gate(str(tmp_path), me)
        words = ["flow.py", "-p", f"data={long}", "-p", f"gates={tmp_path}", "-p", f"me={me}"]
        runs[me] = command(servers, *words, cwd=folder)
    for me, run in runs.items():
        gates[me].waiter(lambda run=run: run.poll() is None or pytest.fail(run.communicate()[1]))
    for gate in gates.values():  # both are at work by now
        gate.open()
    answers = {me: json.loads(run.communicate(timeout=600)[0]) for me, run in runs.items()}
    rows = pl.scan_parquet(long / "*.parquet")
    expected = rows.select((pl.col("b").sum().over("key")).sum()).collect().item()
    assert {me: answer["outputs"]["total"] for me, answer in answers.items()} == {"first": expected, "second": 10 * expected}


@pytest.mark.parametrize("phase", [pytest.param("unpack", marks=pytest.mark.slow), "before_write"])
def test_ctrl_c_takes_the_tasks_back_and_leaves_the_old_output(
    phase: str, command: Callable[..., Any], servers: Servers, long: Path, tmp_path: Path
) -> None:
    out, gate = tmp_path / "results" / "out", Gate(str(tmp_path), phase)
    gp.Pipeline("old", out=gp.WriteParquet(out)(gp.FromFrame(pl.DataFrame({"old": [1]})).node())).run("cpu")
    before = sorted(path.name for path in out.iterdir())
    words = [ROOT / "tests/engines/dask/faults/phases.py", "-p", f"data={long}", "-p", f"out={out}", "-p", f"gates={tmp_path}"]
    run = command(servers, *words, "-p", f"shut={phase}", "-p", "trained=false", cwd=tmp_path)
    gate.waiter(lambda: run.poll() is None or pytest.fail(run.communicate()[1]))
    at = time.monotonic()
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=300)
    assert run.returncode == 130, err
    assert time.monotonic() - at < 50
    until(lambda: not n_tasks(servers.address), "tasks of the interrupted run are left")
    gate.open()  # a task that a worker is at cannot be stopped; what it does now must leave nothing
    until(lambda: not _executing(servers.address), "the worker's task does not end")
    assert pl.read_parquet(out)["old"].to_list() == [1]
    assert sorted(path.name for path in out.parent.iterdir()) == ["out"]
    assert sorted(path.name for path in out.iterdir()) == before


def _executing(address: str) -> int:
    """Return how many threads of the workers are at a task."""
    with distributed.Client(address) as client:
        return sum(client.run(lambda dask_worker: len(dask_worker.active_threads)).values())
