"""Workers that are killed while they read, shuffle, measure, train, write: the result is that of a run that nobody disturbed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.clusters import Servers
from tests.engines.dask.faults.conftest import BARE
from tests.engines.dask.faults.phases import Gate, pipeline
from tests.engines.dask.faults.running import Course, kill, rows_of, wait_for_workers, workers_of

PHASES = ("read", "shuffle", "unpack", "fit", "train", "write")


def some(*short: str) -> list[object]:
    """Return all phases, of which only these are tried in the short form."""
    return [phase if phase in short else pytest.param(phase, marks=pytest.mark.slow) for phase in PHASES]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Give a cluster whose killed workers stay dead; whoever uses it adds those that are missing."""
    running = Servers(tmp_path_factory.mktemp("bare")).start(0)
    yield running
    running.stop()


@pytest.mark.parametrize("phase", some("train", "write"))
def test_a_killed_worker_that_its_nanny_brings_back_changes_nothing(
    phase: str, servers: Servers, data: Path, undisturbed: pl.DataFrame, tmp_path: Path
) -> None:
    gate = Gate(str(tmp_path), phase)
    run = Course(pipeline(str(data), str(tmp_path / "out"), str(tmp_path), phase), servers.address)
    kill(run.at(gate))
    gate.open()
    result = run.ended()
    assert_frame_equal(rows_of(tmp_path / "out"), undisturbed, rel_tol=0, abs_tol=1e-6)
    assert result.report["cluster"]["lost_workers"] == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize("phase", some("fit"))
def test_the_worker_that_is_left_does_what_a_killed_one_did(
    phase: str, bare: Servers, data: Path, undisturbed: pl.DataFrame, tmp_path: Path
) -> None:
    for _ in range(2 - len(workers_of(bare.address))):
        bare.add_worker(*BARE)
    wait_for_workers(bare.address, 2)
    gate = Gate(str(tmp_path), phase)
    run = Course(pipeline(str(data), str(tmp_path / "out"), str(tmp_path), phase), bare.address)
    kill(run.at(gate))
    gate.open()
    run.ended()
    assert len(workers_of(bare.address)) == 1
    assert_frame_equal(rows_of(tmp_path / "out"), undisturbed, rel_tol=0, abs_tol=1e-6)


@pytest.mark.parametrize("phase", some("shuffle"))
def test_the_other_worker_is_killed_with_what_it_held(
    phase: str, servers: Servers, data: Path, undisturbed: pl.DataFrame, tmp_path: Path
) -> None:
    gate = Gate(str(tmp_path), phase)
    run = Course(pipeline(str(data), str(tmp_path / "out"), str(tmp_path), phase), servers.address)
    waiting = run.at(gate)
    (other,) = set(workers_of(servers.address)) - {waiting}
    kill(other)
    gate.open()
    run.ended()
    assert_frame_equal(rows_of(tmp_path / "out"), undisturbed, rel_tol=0, abs_tol=1e-6)


@pytest.mark.slow
def test_a_worker_that_comes_back_at_its_old_address_is_still_one_that_was_lost(
    start: object, data: Path, undisturbed: pl.DataFrame, tmp_path: Path
) -> None:
    assert callable(start)
    cluster: Servers = start(0)
    for port in (_free_port(), _free_port()):
        cluster.add_worker("--nthreads", "1", "--worker-port", str(port))
    wait_for_workers(cluster.address, 2)
    gate = Gate(str(tmp_path), "train")
    run = Course(pipeline(str(data), str(tmp_path / "out"), str(tmp_path), "train"), cluster.address)
    kill(run.at(gate))
    wait_for_workers(cluster.address, 2)
    gate.open()
    run.ended()
    assert_frame_equal(rows_of(tmp_path / "out"), undisturbed, rel_tol=0, abs_tol=1e-6)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
