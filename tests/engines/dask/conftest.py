"""A table in many small blocks on two workers, and the engine that holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gpupipe.core.arrow import schema_of
from gpupipe.core.engine import EngineOptions
from gpupipe.engines.dask.blocks import Blocks
from gpupipe.engines.dask.engine import DaskEngine
from gpupipe.engines.dask.reading import Sizes, blocks_of

N_ROWS = 400
ROWS_A_BLOCK = 70


@pytest.fixture
def options() -> EngineOptions:
    """Return the engine's options; a test module may have its own."""
    return EngineOptions(broadcast_bytes=0)


@pytest.fixture
def dask_engine(two_workers: str, options: EngineOptions) -> Iterator[DaskEngine]:
    """Return an engine on the two workers."""
    engine = DaskEngine(EngineOptions(**{**vars(options), "cluster": two_workers}))
    engine.ledger.stage = 0
    yield engine
    engine.close()


@pytest.fixture
def blocks(dask_engine: DaskEngine) -> Callable[[pa.Table], Blocks]:
    """Return a function that holds a table in blocks of a few rows."""

    def hold(table: pa.Table) -> Blocks:
        schema = schema_of(table.schema)
        rows = max(1, min(ROWS_A_BLOCK, table.num_rows))
        return blocks_of(table, schema, _Fixed(rows), dask_engine.site.at)

    return hold


class _Fixed(Sizes):
    """Blocks of a fixed number of rows."""

    def __init__(self, rows: int) -> None:
        Sizes.__init__(self, 1, 2)
        object.__setattr__(self, "_rows", rows)

    def rows(self, schema: Any) -> int:
        """Return the fixed number."""
        return int(vars(self)["_rows"])

    def spread(self, n_rows: int, most: int) -> int:
        """Return the fixed number."""
        return most


@pytest.fixture
def table() -> pa.Table:
    """Return rows with nulls, NaN, equal keys, text and dates."""
    random = np.random.default_rng(5)
    number = random.integers(0, 37, N_ROWS)
    x = np.where(random.random(N_ROWS) < 0.1, np.nan, random.normal(size=N_ROWS).round(2))
    return pa.table(
        {
            "k": pa.array(number, pa.int64(), mask=random.random(N_ROWS) < 0.08),
            "s": pa.array([None if value % 7 == 0 else f"é{value % 5}" for value in number], pa.large_string()),
            "t": pa.array(np.arange(N_ROWS), pa.int32()),
            "x": pa.array(x, pa.float64(), mask=random.random(N_ROWS) < 0.1, from_pandas=False),
            "d": pa.array(random.integers(0, 400, N_ROWS).astype(np.int32), pa.date32()),
            "b": pa.array(random.random(N_ROWS) < 0.5, pa.bool_()),
        }
    )
