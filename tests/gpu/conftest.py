"""Tests that need a device. Elsewhere each is skipped, with what is missing; docs/gpu-status.md says what has been seen on one.

Where there is one, the fixture `engine` of all other tests has `gpu` as well, so that every stage is tried: ``pytest -k gpu``.
``python -m bench.gpu --tests`` runs both.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gpupipe.core.schema import Schema
from gpupipe.engines._cuda import why_not
from gpupipe.engines.load import load_engine

HERE = Path(__file__).parent
RunOn = Callable[..., pa.Table]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests where engine `gpu` cannot run."""
    lacks = why_not()
    for item in items:
        if lacks is not None and HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"needs a GPU: {lacks}"))


@pytest.fixture
def run_on() -> RunOn:
    """Return what runs a stage on an Arrow table, on an engine, with the schema that Polars plans."""

    def run(engine: str, stage: Any, *tables: pa.Table) -> pa.Table:
        from gpupipe.engines._symbolic import VERBS, empty_frame  # local: loads Polars, which a skipped test does without

        loaded = load_engine(engine)
        frames = [loaded.verbs.literal(table) for table in tables]  # type: ignore[attr-defined]
        schemas = [Schema.of_names(VERBS.literal(table.slice(0, 0)).collect_schema()) for table in tables]
        planned = stage.run(VERBS, *(empty_frame(schema) for schema in schemas))
        made = loaded.run(stage, frames, Schema.of_names(planned.collect_schema()))
        from gpupipe.core.engine import Demand  # local: as above

        table: pa.Table = loaded.compute([Demand("arrow", made)])[0]
        loaded.close()
        return table

    return run
