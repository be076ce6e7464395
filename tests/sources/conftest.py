"""Reading through a real engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from gpupipe.core.demand import Demand
from gpupipe.core.ends import Reading, Source
from gpupipe.engines.load import load_engine

Read = Callable[..., pa.Table]


@pytest.fixture
def read(engine: str) -> Read:
    """Return a function that reads a source on the engine, as a run does, and gives Arrow."""

    def run(source: Source, columns: Sequence[str] | None = None, predicate: Any = None) -> pa.Table:
        running = load_engine(engine)
        try:
            schema = source.schema()
            data = running.read(source, Reading(tuple(columns or schema), predicate), schema)
            if columns and running.is_wide:  # there the stages choose the columns
                data = data.select(list(columns))
            [table] = running.compute([Demand("arrow", data)])
        finally:
            running.close()
        return table

    return run
