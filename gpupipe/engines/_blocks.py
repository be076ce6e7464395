"""What is done on workers, whatever library their blocks are of: at which step of which run, by which block engine, at what cost.

What is measured of a block travels *packed*: a frame of one row whose one value is an Arrow table in bytes, so that a dataframe
library's own reduction carries it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import GpupipeError, StageError
from gpupipe.engines._block_engine import BlockEngine, carrying
from gpupipe.engines._crossed import enter
from gpupipe.engines._users import user_lines
from gpupipe.engines.load import load_block_engine


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
class TaskContext:
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
    def work(self) -> Iterator[BlockEngine]:
        """Give the block engine; an error that leaves the block knows its step, and the lines of the user's own code."""
        engine = worker_engine(self.engine, self.options)
        try:
            with engine.working():
                yield engine
            enter(self.run, self.step, engine.ledger, self.options)
        except GpupipeError as error:
            raise told(error, self.step) from error.__cause__
        except MemoryError:
            raise
        except Exception as error:
            raise told(error, self.step) from error
        finally:  # what a task that failed had entered must not count for the next one, which may be another run's
            engine.ledger.events, engine.ledger.fallbacks = [], []

    def label(self, name: str) -> str:
        """Return what displays call a task: the stage's name, with the step's number in the plan."""
        return name if self.step is None else f"{name}.{self.step}"

    def spend(self, n_rows: int, n_bytes: int, seconds: float) -> None:
        """Enter a block made; of one that nobody looked at, rows and bytes are 0."""
        with _LOCK:
            spent = _SPENT.setdefault(self.run, {}).setdefault(-1 if self.step is None else self.step, Spent())
            spent.blocks += 1
            spent.rows += n_rows
            spent.bytes += n_bytes
            spent.seconds += seconds


def take_spent(run: str) -> dict[int, tuple[int, int, int, float]]:
    """Return what each step of a run came to in this process, and forget it."""
    with _LOCK:
        found = _SPENT.pop(run, {})
    return {step: (spent.blocks, spent.rows, spent.bytes, spent.seconds) for step, spent in found.items()}


@lru_cache(maxsize=4)
def block_engine(name: str) -> BlockEngine:
    """Return the process's own block engine."""
    return _made_engine(name, EngineOptions())


def worker_engine(name: str, options: EngineOptions) -> BlockEngine:
    """Return the block engine of a worker's thread, with a ledger that no other thread writes to; its process is settled for it."""
    engines: dict[tuple[str, EngineOptions], BlockEngine] = _THREAD.__dict__.setdefault("engines", {})
    if (name, options) not in engines:
        engine = engines[name, options] = _made_engine(name, options)
        engine.settle_process()
    return engines[name, options]


def _made_engine(name: str, options: EngineOptions) -> BlockEngine:
    """Return a new block engine."""
    engine = load_block_engine(name, options)
    assert isinstance(engine, BlockEngine)
    return engine


def told(error: Exception, step: int | None) -> GpupipeError:
    """Return the error as gpupipe's, with the step it belongs to and the user's lines that it came through, which pickling loses."""
    made = error if isinstance(error, GpupipeError) else StageError(f"{type(error).__name__}: {error}")
    if made is not error:
        made.__cause__ = error
    if step is not None and not hasattr(made, "step"):
        made.step = step  # type: ignore[attr-defined]
        made.lines = user_lines(made)  # type: ignore[attr-defined]
    return made


@dataclass(frozen=True)
class MeasureBytes:
    """Counts the bytes and rows of a block."""

    at: TaskContext

    def __call__(self, block: Any) -> pd.DataFrame:
        """Return the counts, packed."""
        with self.at.work() as engine:
            n_rows, n_bytes = engine.measured(block)
        return packed(pa.table({"bytes": pa.array([n_bytes], pa.int64()), "rows": pa.array([n_rows], pa.int64())}))


def added(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the sums of each column."""
    whole = pa.concat_tables(tables)
    return pa.table({name: pa.array([pc.sum(whole[name]).as_py() or 0], pa.int64()) for name in whole.column_names})


@dataclass(frozen=True)
class GuardBlock:
    """Lets a block pass where the whole table, whose bytes are told, has room on one worker."""

    at: TaskContext
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
class MergeBlocks:
    """Merges what was measured of several blocks."""

    at: TaskContext
    merge: Callable[[Sequence[pa.Table]], pa.Table]

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the merged table, packed."""
        with self.at.work():
            return packed(self.merge([unpacked(table) for table in rows["table"]]))


def packed(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a frame of one row that holds its bytes."""
    return carrying(as_bytes(table))


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
