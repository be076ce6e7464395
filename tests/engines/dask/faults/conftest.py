"""What the tests of faults share: a cluster whose nannies bring killed workers back, rows, and what comes of them undisturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

pytest.importorskip("distributed")
pytest.importorskip("xgboost")

from polars.testing import assert_frame_equal

from tests.clusters import Servers
from tests.engines.dask.faults.phases import make_rows, pipeline
from tests.engines.dask.faults.running import Course, rows_of, wait_for_workers

NANNY = ("--nthreads", "1")
BARE = ("--nthreads", "1", "--no-nanny")


@pytest.fixture(scope="session")
def nursed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Give a scheduler and two workers, each with a nanny."""
    running = Servers(tmp_path_factory.mktemp("nursed")).start(2, worker_options=NANNY)
    yield running
    running.stop()


@pytest.fixture
def servers(nursed: Servers) -> Servers:
    """Give the cluster once both of its workers are there."""
    wait_for_workers(nursed.address, 2)
    return nursed


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Servers]]:
    """Give what starts a cluster of the test's own."""
    started: list[Servers] = []

    def made(n_workers: int, *options: str) -> Servers:
        running = Servers(tmp_path / f"cluster-{len(started)}")
        started.append(running)
        return running.start(n_workers, worker_options=options)

    yield made
    for running in started:
        running.stop()


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_rows(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def undisturbed(data: Path, nursed: Servers, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Return the rows of a run that nobody disturbs, which are those of engine cpu."""
    folder = tmp_path_factory.mktemp("undisturbed")
    wait_for_workers(nursed.address, 2)
    Course(pipeline(str(data), str(folder / "dask")), nursed.address).ended()
    pipeline(str(data), str(folder / "cpu")).run("cpu")
    made = rows_of(folder / "dask")
    assert_frame_equal(made, rows_of(folder / "cpu"), rel_tol=0, abs_tol=1e-6)
    return made
