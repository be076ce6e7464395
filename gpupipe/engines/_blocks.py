"""What is done to one block of rows on a worker, whatever library the block is of.

A block is a native frame of the block engine's library (pandas with Arrow dtypes, cuDF). What is measured of a block travels *packed*:
a frame of one row whose one value is an Arrow table in bytes, so that a dataframe library's own reduction carries it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.ends import Piece, Reading, Source
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import GpupipeError, StageError
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.core.want import Want
from gpupipe.engines._arrow import arrow_schema, conform_arrow
from gpupipe.engines._crossed import enter
from gpupipe.engines._pandaslike import PandasLikeEngine, plain_group_bys
from gpupipe.engines._users import user_lines
from gpupipe.engines.load import load_engine

PACKED = pd.DataFrame({"table": pd.Series([], dtype=object)})
PLACE = "__gpupipe_place__"  # the column that says which block a row goes to


@dataclass
class Spent:
    """What one step came to in one worker process."""

    blocks: int = 0
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0


_SPENT: dict[str, dict[int, Spent]] = {}
_LOCK = threading.Lock()
_THREAD = threading.local()


@dataclass(frozen=True)
class At:
    """Where in which run a task belongs.

    Parameters
    ----------
    engine
        The block engine's name.
    run
        The run's own name, so that two runs share no tasks.
    step
        The plan's step, or None outside a plan.
    options
        What the block engine of each worker is told: how much memory it may take, what may cross, what may fall back.
    """

    engine: str
    run: str
    step: int | None
    options: EngineOptions = field(default_factory=EngineOptions)

    @contextmanager
    def work(self) -> Iterator[PandasLikeEngine]:
        """Give the block engine; an error that leaves the block knows its step, and the lines of the user's own code."""
        engine = worker_engine(self.engine, self.options)
        try:
            with engine.semantics(), plain_group_bys():
                yield engine
            enter(self.run, self.step, engine.ledger, self.options)
        except GpupipeError as error:
            raise told(error, self.step) from error.__cause__
        except MemoryError:
            raise
        except Exception as error:
            made = StageError(f"{type(error).__name__}: {error}")
            made.__cause__ = error
            raise told(made, self.step) from error
        finally:  # what a task that failed had entered must not count for the next one, which may be another run's
            engine.ledger.events, engine.ledger.fallbacks = [], []

    def label(self, name: str) -> str:
        """Return what displays call a task: the stage's name, with the step's number in the plan."""
        return name if self.step is None else f"{name}.{self.step}"

    def spend(self, frame: Any, started: float) -> None:
        """Enter a block made."""
        with _LOCK:
            spent = _SPENT.setdefault(self.run, {}).setdefault(-1 if self.step is None else self.step, Spent())
            spent.blocks += 1
            spent.rows += len(frame)
            spent.bytes += block_bytes(frame)
            spent.seconds += time.perf_counter() - started


def take_spent(run: str) -> dict[int, tuple[int, int, int, float]]:
    """Return what each step of a run came to in this process, and forget it."""
    with _LOCK:
        found = _SPENT.pop(run, {})
    return {step: (spent.blocks, spent.rows, spent.bytes, spent.seconds) for step, spent in found.items()}


@lru_cache(maxsize=4)
def block_engine(name: str) -> PandasLikeEngine:
    """Return the process's own block engine."""
    return _made_engine(name, EngineOptions())


def worker_engine(name: str, options: EngineOptions) -> PandasLikeEngine:
    """Return the block engine of a worker's thread, with a ledger that no other thread writes to; its process is settled for it."""
    engines: dict[tuple[str, EngineOptions], PandasLikeEngine] = _THREAD.__dict__.setdefault("engines", {})
    if (name, options) not in engines:
        engine = engines[name, options] = _made_engine(name, options)
        engine.settle_process()
    return engines[name, options]


def _made_engine(name: str, options: EngineOptions) -> PandasLikeEngine:
    """Return a new block engine."""
    engine = load_engine(name, options)
    assert isinstance(engine, PandasLikeEngine)
    return engine


def told(error: GpupipeError, step: int | None) -> GpupipeError:
    """Return the error with the step it belongs to and the lines of the user's code that it came through, which pickling loses."""
    if step is not None and not hasattr(error, "step"):
        error.step = step  # type: ignore[attr-defined]
        error.lines = user_lines(error)  # type: ignore[attr-defined]
    return error


def given(engine: PandasLikeEngine, block: Any) -> nw.LazyFrame[Any]:
    """Return a block as the engine's frame: whatever index a shuffle left means nothing."""
    return engine.settled(nw.from_native(block).lazy())


def block_bytes(frame: Any) -> int:
    """Return the bytes of a block."""
    used = frame.memory_usage(index=False)
    return int(used.sum())


@dataclass(frozen=True)
class ReadBlock:
    """Reads some pieces of a source as one block."""

    at: At
    source: Source
    reading: Reading
    schema: Schema

    def __call__(self, pieces: Sequence[Piece]) -> Any:
        """Return the rows of the pieces."""
        started = time.perf_counter()
        with self.at.work() as engine:
            frame = engine.read_pieces(self.source, pieces, self.reading, self.schema).to_native()
        self.at.spend(frame, started)
        return frame


@dataclass(frozen=True)
class HoldBlock:
    """Makes a block of an Arrow table in bytes."""

    at: At
    schema: Schema

    def __call__(self, table: bytes) -> Any:
        """Return the rows as a block."""
        with self.at.work() as engine:
            return engine.ingested(conform_arrow(unpacked(table), self.schema)).to_native()


@dataclass(frozen=True)
class RunBlock:
    """Runs a stage on one block of each input."""

    at: At
    stage: TableStage
    schema: Schema

    def __call__(self, *blocks: Any) -> Any:
        """Return the stage's rows."""
        started = time.perf_counter()
        with self.at.work() as engine:
            frames = [given(engine, block) for block in blocks]
            frame = engine.run(self.stage, frames, self.schema).to_native()
        self.at.spend(frame, started)
        return frame


@dataclass(frozen=True)
class StackBlock:
    """Brings a block of one of a stacking stage's tables to the columns of the result.

    Parameters
    ----------
    number
        Which of the tables it is of.
    schemas
        The columns of every table.
    """

    at: At
    stage: TableStage
    schema: Schema
    number: int
    schemas: tuple[Schema, ...]

    def __call__(self, block: Any) -> Any:
        """Return the block's rows as rows of the result."""
        with self.at.work() as engine:
            frames = [engine.verbs.literal(arrow_schema(schema).empty_table()) for schema in self.schemas]
            frames[self.number] = given(engine, block)
            return engine.run(self.stage, frames, self.schema).to_native()


@dataclass(frozen=True)
class MeasureBytes:
    """Counts the bytes and rows of a block."""

    at: At

    def __call__(self, block: Any) -> pd.DataFrame:
        """Return the counts, packed."""
        return packed(pa.table({"bytes": pa.array([block_bytes(block)], pa.int64()), "rows": pa.array([len(block)], pa.int64())}))


def added(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the sums of each column."""
    whole = pa.concat_tables(tables)
    return pa.table({name: pa.array([pc.sum(whole[name]).as_py() or 0], pa.int64()) for name in whole.column_names})


@dataclass(frozen=True)
class GuardBlock:
    """Lets a block pass where the whole table, whose bytes are told, has room on one worker."""

    at: At
    name: str
    most: int

    def __call__(self, block: Any, total: pd.DataFrame) -> Any:
        """Return the block."""
        with self.at.work():
            [row] = unpacked(total["table"].iloc[0]).to_pylist()
            if row["bytes"] > self.most:
                msg = (
                    f"{self.name} must have all rows on one worker: it needs {row['bytes']:,} bytes for {row['rows']:,} rows, and has "
                    f"{self.most:,}. Filter or aggregate before it, give the workers more memory, or raise gather_bytes."
                )
                raise StageError(msg)
        return block


@dataclass(frozen=True)
class PrepareBlock:
    """Makes what a barrier wants of one block, and keeps it as rows."""

    at: At
    want: Want

    def __call__(self, block: Any) -> Any:
        """Return the wanted rows."""
        with self.at.work() as engine:
            return engine.prepared(self.want, given(engine, block)).to_native()


@dataclass(frozen=True)
class MeasureBlock:
    """Measures one block: makes what a barrier wants of it as Arrow, packed.

    Parameters
    ----------
    at_end
        Whether the rows go to a sink or an output.
    """

    at: At
    want: Want | None
    at_end: bool = False

    def __call__(self, block: Any) -> pd.DataFrame:
        """Return the Arrow table, packed."""
        with self.at.work() as engine:
            frame = given(engine, block)
            wanted = frame if self.want is None else engine.prepared(self.want, frame)
            return packed(engine.to_arrow(wanted, at_end=self.at_end))


@dataclass(frozen=True)
class MergeBlocks:
    """Merges what was measured of several blocks."""

    at: At
    merge: Callable[[Sequence[pa.Table]], pa.Table]

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the merged table, packed."""
        with self.at.work():
            return packed(self.merge([unpacked(table) for table in rows["table"]]))


@dataclass(frozen=True)
class PlaceRows:
    """Says of each row which of `n_blocks` blocks it goes to, by the hash of its key; equal keys go to one block, on every table.

    Parameters
    ----------
    values
        For each block, the value that Dask's own hash sends there.
    """

    at: At
    keys: tuple[str, ...]
    values: tuple[int, ...]

    def __call__(self, block: Any) -> Any:
        """Return the block with the place of each row."""
        with self.at.work() as engine:
            frame = given(engine, block)
            place = engine.hashes(frame, self.keys) % np.uint64(len(self.values))
            return engine.marked(frame, PLACE, engine.xp.asarray(self.values, dtype=np.float64)[place.astype(np.int64)])


def packed(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a frame of one row that holds its bytes."""
    return carrying(as_bytes(table))


def carrying(value: Any) -> pd.DataFrame:
    """Return a frame of one row whose one value is any object."""
    column = pd.Series([None], dtype=object)
    column.iat[0] = value
    return pd.DataFrame({"table": column})


def as_bytes(table: pa.Table) -> bytes:
    """Return an Arrow table as the bytes of an IPC stream."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return bytes(stream.getvalue().to_pybytes())


def unpacked(table: bytes) -> pa.Table:
    """Return the Arrow table of some bytes."""
    with pa.ipc.open_stream(pa.py_buffer(table)) as reader:
        return reader.read_all()
