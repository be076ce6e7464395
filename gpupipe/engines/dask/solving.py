"""Tasks on one worker, where all rows of their tables come together; what they make stays there, or comes home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cloudpickle
import pandas as pd

from gpupipe.core.holding import Holding
from gpupipe.core.schema import Schema
from gpupipe.core.task import Task
from gpupipe.engines._block_engine import PACKED, BlockEngine, carrying
from gpupipe.engines._blocks import TaskContext
from gpupipe.engines._shipping import dumps
from gpupipe.engines.dask.blocks import Blocks, Held, Site, from_parts, mapped, meta_of
from gpupipe.engines.dask.lowering import frame_of
from gpupipe.engines.dask.tables import gathered
from gpupipe.engines.dask.waiting import Waiter

_ROWS = 1 << 20  # what is assumed of a table that no table was given for


@dataclass(frozen=True, eq=False)
class Remote:
    """What a task made that is no table, on the worker that made it.

    Parameters
    ----------
    frame
        A dask.dataframe of one row whose one value it is, held.
    described
        What the report says of it.
    n_bytes
        The bytes that it takes there.
    """

    frame: Any
    described: Mapping[str, Any]
    n_bytes: int


@dataclass(frozen=True)
class OnFrame:
    """Stands among a task's inputs for one that comes as a frame: a table of a schema, or what another task made."""

    schema: Schema | None


@dataclass(frozen=True)
class SolveOnWorker:
    """Does a task by a worker's block engine.

    Parameters
    ----------
    inputs
        The task's inputs: those that are small themselves, and `OnFrame` for those that come as frames, in their order.
    schema
        The columns of the result, where it is a table.
    """

    at: TaskContext
    task: Task
    inputs: tuple[Any, ...]
    schema: Schema | None = None

    def __call__(self, *frames: Any) -> pd.DataFrame:
        """Return the result, and what was noted on the way, as the one value of a frame; pickled, where it goes home."""
        coming = iter(frames if any(isinstance(each, OnFrame) for each in self.inputs) else ())
        with self.at.work() as engine:
            inputs = [_taken(engine, each, next(coming)) if isinstance(each, OnFrame) else each for each in self.inputs]
            made = engine.solve(self.task, inputs, schema=self.schema)
            if self.schema is not None:
                return carrying((engine.closed(made), engine.noted))
            return carrying((made, engine.noted) if self.task.stays else dumps((made, engine.noted)))


def _taken(engine: BlockEngine, what: OnFrame, frame: Any) -> Any:
    """Return an input as the block engine takes it."""
    return frame["table"].iloc[0][0] if what.schema is None else engine.opened(frame, what.schema)


@dataclass(frozen=True)
class DescribeOnWorker:
    """Says what the report says of something held on a worker, and how many bytes it takes."""

    at: TaskContext

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return what was noted, the description and the bytes."""
        held, noted = frame["table"].iloc[0]
        return carrying((noted, dict(held.describe()), held.n_bytes) if isinstance(held, Holding) else (noted, {}, 0))


@dataclass(frozen=True)
class TakeBlock:
    """Takes the block out of what `SolveOnWorker` made."""

    at: TaskContext

    def __call__(self, frame: pd.DataFrame) -> Any:
        """Return the block."""
        return frame["table"].iloc[0][0]


def solved_on_one_worker(
    task: Task, inputs: Sequence[Any], waiter: Waiter, site: Site, schema: Schema | None, name: str
) -> tuple[Any, Mapping[str, Any]]:
    """Return what one worker makes of the inputs, and what it noted: blocks for a table, `Remote` for what stays there, else the result.

    Raises
    ------
    StageError
        A table is larger than one worker may hold.
    """
    coming = [gathered(each, site, name) if isinstance(each, Blocks) else each for each in inputs]
    kept = tuple(OnFrame(getattr(each, "schema", None)) if isinstance(each, Blocks | Remote) else each for each in coming)
    frames = [frame_of(each) if isinstance(each, Blocks) else each.frame for each in coming if isinstance(each, Blocks | Remote)]
    frames = frames or [from_parts(carrying, [None], PACKED)]
    made = mapped(SolveOnWorker(site.at, _plain(task), kept, schema), f"{task.task}-{name}", PACKED, *frames)
    if schema is None and not task.stays:
        (frame,) = waiter.brought([made])
        result, noted = cloudpickle.loads(frame["table"].iloc[0])
        return result, noted
    (held,) = waiter.held([made])
    (told,) = waiter.brought([mapped(DescribeOnWorker(site.at), "describe", PACKED, held)])
    noted, described, n_bytes = told["table"].iloc[0]
    if schema is None:
        return Remote(held, described, n_bytes), noted
    n_rows = max((each.n_rows for each in inputs if isinstance(each, Blocks)), default=_ROWS)
    taken = mapped(TakeBlock(site.at), "take", meta_of(schema, site.at.engine), held)
    return Blocks(Held(taken, schema), schema, n_rows), noted


def _plain(task: Task) -> Task:
    """Return the task without what is told in this process alone."""
    return replace(task, progress=None) if getattr(task, "progress", None) is not None else task  # type: ignore[type-var]
