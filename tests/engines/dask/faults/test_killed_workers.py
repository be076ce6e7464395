"""Workers that are killed while they read, shuffle, measure, train, write: the result is that of a run that nobody disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("distributed")
pytest.importorskip("xgboost")

from polars.testing import assert_frame_equal

from tests.clusters import Servers
from tests.engines.dask.faults.phases import Gate, make_rows, pipeline
from tests.engines.dask.faults.running import Course, kill, rows_of, wait_for_workers, workers_of

PHASES = ("read", "shuffle", "unpack", "fit", "train", "write")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    running = Servers(tmp_path_factory.mktemp("cluster")).start(2)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_rows(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def undisturbed(data: Path, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Return the rows of a run that nobody disturbs, which are those of engine cpu."""
    folder = tmp_path_factory.mktemp("undisturbed")
    wait_for_workers(servers.address, 2)
    Course(pipeline(str(data), str(folder / "dask")), servers.address).ended()
    pipeline(str(data), str(folder / "cpu")).run("cpu")
    made = rows_of(folder / "dask")
    assert_frame_equal(made, rows_of(folder / "cpu"), check_row_order=False, rel_tol=0, abs_tol=1e-6)
    return made


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_worker_that_its_nanny_brings_back_changes_nothing(
    phase: str, servers: Servers, data: Path, undisturbed: pl.DataFrame, tmp_path: Path
) -> None:
    wait_for_workers(servers.address, 2)
    gate = Gate(str(tmp_path), phase)
    run = Course(pipeline(str(data), str(tmp_path / "out"), str(tmp_path), phase), servers.address)
    kill(run.at(gate))
    gate.open()
    result = run.ended()
    assert_frame_equal(rows_of(tmp_path / "out"), undisturbed, rel_tol=0, abs_tol=1e-6)
    assert result.report["cluster"]["lost_workers"] >= 1
