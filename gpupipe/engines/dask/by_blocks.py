"""Tasks on tables in blocks, by passes over all of them; the rows of a key are brought into one block first, where the task wants it so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cloudpickle
import pandas as pd

from gpupipe.core.by_blocks import ByBlocks
from gpupipe.core.errors import GpupipeError, StageError
from gpupipe.core.progress import Progress
from gpupipe.core.schema import Schema
from gpupipe.engines._block_engine import PACKED, carrying
from gpupipe.engines._blocks import TaskContext, block_engine
from gpupipe.engines._shipping import dumps
from gpupipe.engines.dask.blocks import Blocks, Held, Site, mapped, meta_of, placed_by_key, reduced
from gpupipe.engines.dask.lowering import lowered
from gpupipe.engines.dask.tables import gathered
from gpupipe.engines.dask.waiting import Waiter


@dataclass(frozen=True)
class OpenBlock:
    """Opens a block, beside all rows of the other tables."""

    at: TaskContext
    work: ByBlocks
    schemas: tuple[Schema, ...]

    def __call__(self, *blocks: Any) -> pd.DataFrame:
        """Return nothing measured yet, and what is kept of the block."""
        with self.at.work() as engine:
            frames = [engine.opened(block, schema).collect() for block, schema in zip(blocks, self.schemas, strict=True)]
            return carrying((None, self.work.opened(engine.tools(None), *frames)))


@dataclass(frozen=True)
class MeasureBlock:
    """Measures a block in one pass."""

    at: TaskContext
    work: ByBlocks
    question: Any

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return what was measured, and what is kept of the block."""
        with self.at.work() as engine:
            return carrying(self.work.measure(engine.tools(None), self.question, frame["table"].iloc[0][1]))


@dataclass(frozen=True)
class TakeMeasured:
    """Takes what was measured of a block, as bytes: it travels."""

    at: TaskContext

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return it."""
        with self.at.work():
            return carrying(dumps(frame["table"].iloc[0][0]))


@dataclass(frozen=True)
class MergeMeasured:
    """Merges what was measured of several blocks."""

    at: TaskContext
    work: ByBlocks

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return it, as bytes."""
        with self.at.work():
            return carrying(dumps(self.work.merge([cloudpickle.loads(part) for part in rows["table"]])))


@dataclass(frozen=True)
class MakeRows:
    """Makes the rows of the result that a block comes to."""

    at: TaskContext
    work: ByBlocks

    def __call__(self, frame: pd.DataFrame) -> Any:
        """Return a block."""
        with self.at.work() as engine:
            return engine.closed(self.work.rows(engine.tools(None), frame["table"].iloc[0][1]).lazy())


def solved_by_blocks(
    work: ByBlocks, name: str, inputs: Sequence[Blocks], told: tuple[Waiter, Site, Progress | None], schema: Schema | None
) -> tuple[Any, Mapping[str, Any]]:
    """Return what the blocks come to, and what was noted: blocks for a table, else the result.

    Raises
    ------
    StageError
        A table beside the first one is larger than one worker may hold.
    """
    waiter, site, progress = told
    table, *others = inputs
    if work.keys and not table.is_placed(work.keys):
        table = placed_by_key(table, work.keys, table.n_blocks, site.at)
    whole = [table, *(gathered(other, site, name) for other in others)]
    opened = mapped(OpenBlock(site.at, work, tuple(one.schema for one in whole)), f"open-{name}", PACKED, *_frames(whole))
    (held,) = waiter.held([opened])
    tools = block_engine(site.at.engine).tools(None)
    state, done, number = work.start(), False, 0
    try:
        while not done:
            (held,) = waiter.held([mapped(MeasureBlock(site.at, work, work.question(state)), f"measure-{name}", PACKED, held)])
            parts = mapped(TakeMeasured(site.at), "take", PACKED, held)
            (total,) = waiter.brought([reduced(parts, MergeMeasured(site.at, work), f"merge-{name}")])
            state, done = work.advance(tools, state, cloudpickle.loads(total["table"].iloc[0]))
            number += 1
            if progress is not None:
                progress(number, None, {})
        made = work.finish(tools, state)
    except (GpupipeError, MemoryError):
        raise
    except Exception as error:
        msg = f"{name} failed: {type(error).__name__}: {error}"
        raise StageError(msg) from error
    noted = {**tools.told, "facts": {**tools.told.get("facts", {}), "blocks": table.n_blocks}}
    if not work.gives_rows:
        return made, noted
    assert schema is not None
    rows = mapped(MakeRows(site.at, work), name, meta_of(schema, site.at.engine), held)
    return Blocks(Held(rows, schema), schema, table.n_rows), noted


def _frames(tables: Sequence[Blocks]) -> list[Any]:
    """Return the dask.dataframes of some tables."""
    return lowered([one.origin for one in tables])
