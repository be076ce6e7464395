"""Tasks on one worker: where all rows come together, and what comes back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gpupipe.core.arrow import schema_of
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import StageError
from gpupipe.core.task import Scoring
from gpupipe.engines.dask.blocks import Blocks
from gpupipe.engines.dask.engine import DaskEngine
from gpupipe.engines.dask.reading import Sizes, blocks_of
from gpupipe.engines.dask.solving import solved_on_one_worker

RECIPE = Scoring(("rmse", "r2"), "y", "prediction", None, None)


def held(engine: DaskEngine, table: pa.Table) -> Blocks:
    """Return a table in several blocks."""
    blocks = blocks_of(table, schema_of(table.schema), Sizes(64, 2), engine.site.at)
    assert blocks.n_blocks > 1
    return blocks


def test_metrics_are_those_of_this_process(two_workers: str) -> None:
    truth = np.arange(200.0)
    table = pa.table({"y": truth, "prediction": truth + np.sin(truth)})
    engine = DaskEngine(EngineOptions(cluster=two_workers))
    made, _ = solved_on_one_worker(RECIPE, [held(engine, table)], engine.waiter, engine.site, None, "Evaluate")
    assert made["values"] == pytest.approx(engine.solve(RECIPE, [held(engine, table)])["values"], rel=1e-12)
    engine.close()


def test_too_many_rows_for_one_worker_are_told(two_workers: str) -> None:
    engine = DaskEngine(EngineOptions(cluster=two_workers, gather_bytes=100))
    table = pa.table({"y": np.arange(200.0), "prediction": np.arange(200.0)})
    with pytest.raises(StageError, match=r"^Evaluate must have all rows on one worker: it needs 3,200 bytes for 200 rows, and has 100\."):
        solved_on_one_worker(RECIPE, [held(engine, table)], engine.waiter, engine.site, None, "Evaluate")
    engine.close()
