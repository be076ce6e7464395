"""Tasks on tables in blocks, by passes over all of them; the rows of a key are brought into one block first, where the task wants it so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cloudpickle
import pandas as pd

from gpupipe.core.by_blocks import ByBlocks, InParts
from gpupipe.core.errors import GpupipeError, StageError
from gpupipe.core.progress import Progress
from gpupipe.core.schema import Schema
from gpupipe.engines._block_engine import PACKED, carrying
from gpupipe.engines._blocks import TaskContext, block_engine
from gpupipe.engines._shipping import dumps
from gpupipe.engines.dask.blocks import Blocks, Held, Site, mapped, meta_of, placed_by_key, reduced
from gpupipe.engines.dask.lowering import lowered
from gpupipe.engines.dask.solving import Remote
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


@dataclass(frozen=True, eq=False)
class PartsOnWorkers:
    """Something that is no table, in parts on the workers that made them.

    Parameters
    ----------
    frame
        A dask.dataframe of one row a partition, held: what belongs to each.
    whole
        What is known of all of them.
    """

    frame: Any
    whole: InParts


@dataclass(frozen=True)
class OpenPart:
    """Opens a part of something that is no table."""

    at: TaskContext
    work: ByBlocks

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return nothing measured yet, and what is kept of the part."""
        with self.at.work() as engine:
            return carrying((None, self.work.opened(engine.tools(None), frame["table"].iloc[0])))


@dataclass(frozen=True)
class MakePart:
    """Makes a block's part of the result."""

    at: TaskContext
    work: ByBlocks

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the part."""
        with self.at.work() as engine:
            return carrying(self.work.part(engine.tools(None), frame["table"].iloc[0][1]))


@dataclass(frozen=True)
class JoinParts:
    """Makes the whole of all parts."""

    at: TaskContext
    whole: InParts

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return it, with nothing noted, as `SolveOnWorker` leaves what it made."""
        with self.at.work() as engine:
            return carrying((self.whole.joined(engine.tools(None), [part for part in rows["table"] if part is not None]), {}))


def joined(parts: PartsOnWorkers, site: Site, name: str) -> Remote:
    """Return all parts as one on a worker; over its budget the run ends with what was needed."""
    whole = parts.whole
    if whole.n_bytes > site.gather_bytes:
        msg = (
            f"{name} must have all of it on one worker: it needs {whole.n_bytes:,} bytes, and there are {site.gather_bytes:,}. Filter the "
            "rows before it, make labels coarser, give the workers more memory, or raise gather_bytes."
        )
        raise StageError(msg)
    together = mapped(JoinParts(site.at, whole), f"join-{name}", PACKED, parts.frame.repartition(npartitions=1))
    return Remote(together, whole.describe(), whole.n_bytes)


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
    work: ByBlocks, name: str, inputs: Sequence[Any], told: tuple[Waiter, Site, Progress | None], schema: Schema | None
) -> tuple[Any, Mapping[str, Any]]:
    """Return what the blocks come to, and what was noted: blocks for a table, else the result.

    Raises
    ------
    StageError
        A table beside the first one is larger than one worker may hold.
    """
    waiter, site, progress = told
    n_blocks, opened = _opened(work, name, inputs, site)
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
    noted = {**tools.told, "facts": {**tools.told.get("facts", {}), "blocks": n_blocks}}
    if work.gives_parts:
        (frame,) = waiter.held([mapped(MakePart(site.at, work), f"part-{name}", PACKED, held)])
        return PartsOnWorkers(frame, made), noted
    if not work.gives_rows:
        return made, noted
    assert schema is not None
    rows = mapped(MakeRows(site.at, work), name, meta_of(schema, site.at.engine), held)
    return Blocks(Held(rows, schema), schema, inputs[0].n_rows), noted


def _opened(work: ByBlocks, name: str, inputs: Sequence[Any], site: Site) -> tuple[int, Any]:
    """Return how many blocks there are, and a dask.dataframe of what is kept of each."""
    table, *others = inputs
    if isinstance(table, PartsOnWorkers):
        return int(table.frame.npartitions), mapped(OpenPart(site.at, work), f"open-{name}", PACKED, table.frame)
    if work.keys and not table.is_placed(work.keys):
        table = placed_by_key(table, work.keys, table.n_blocks, site.at)
    whole = [table, *(gathered(other, site, name) for other in others)]
    frames = lowered([one.origin for one in whole])
    return table.n_blocks, mapped(OpenBlock(site.at, work, tuple(one.schema for one in whole)), f"open-{name}", PACKED, *frames)
