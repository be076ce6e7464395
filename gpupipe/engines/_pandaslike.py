"""Frames of pandas' kind: eager, one library for all of it, dtypes from Arrow. cuDF takes pandas' place by another `PandasLikeEngine`.

Every stage's result is brought to the planned dtypes at this seam, so that a library's own promotion rules do not leak out.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.demand import Demand
from gpupipe.core.errors import GpupipeError, StageError, UnsupportedError
from gpupipe.core.progress import Progress
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.core.task import Task
from gpupipe.core.want import Want
from gpupipe.engines._arrow import arrow_schema
from gpupipe.engines._block_engine import PLACE, BlockEngine
from gpupipe.engines._retry import HOST_MEMORY, Memory, run_within_memory
from gpupipe.engines._single import batches_of
from gpupipe.engines._verbs import NarwhalsVerbs, account_of

Frame = nw.LazyFrame[Any]


class PandasLikeVerbs(NarwhalsVerbs):
    """The verbs where pandas' own would mean something else."""

    def sort(self, frame: Frame, columns: Sequence[str], descending: Sequence[bool], *, nulls_last: bool) -> Frame:
        """Return the rows in order, NaN as the largest number: pandas would put it beside the missing ones."""
        schema = frame.collect_schema()
        names = schema.names()
        mark = nw.generate_temporary_column_name(8, names)
        keys: list[str] = []
        order: list[bool] = []
        extra: list[nw.Expr] = []
        for column, down in zip(columns, descending, strict=True):
            if not schema[column].is_float():
                keys.append(column)
                order.append(down)
                continue
            plus = nw.col(column) + 0.0  # 0.0 and -0.0 are one number, of which pandas would make two categories and fail
            extra += [nw.col(column).is_nan().alias(f"{mark}{column}"), plus.alias(f"{mark}{column}+")]
            keys += [f"{mark}{column}", f"{mark}{column}+"]
            order += [down, down]
        marked = frame.with_columns(*extra) if extra else frame
        return marked.sort(keys, descending=order, nulls_last=nulls_last).select(names)


class PandasLikeEngine(BlockEngine):
    """An engine over eager frames of pandas' kind, of a whole table or of a block of one, which is such a frame.

    What is done to blocks where libraries differ: a frame comes in with its rows numbered from 0 on, and arrays are those of `xp`.
    """

    memory: Memory = HOST_MEMORY
    shuffling: ClassVar[str | None] = None  # the way in which Dask moves rows between blocks; None leaves it to Dask

    @abstractmethod
    def semantics(self) -> AbstractContextManager[Any]:
        """Return the context in which the library keeps NaN and missing apart."""

    @contextmanager
    def working(self) -> Iterator[None]:
        """Keep NaN and missing apart, and refuse aggregates that would be one Python call a key."""
        with ExitStack() as stack:
            stack.enter_context(self.semantics())
            stack.enter_context(plain_group_bys())
            yield

    def settle_process(self) -> None:
        """Prepare a process whose threads all work on blocks."""
        warnings.filterwarnings("error", message="Found complex group-by expression", category=UserWarning)

    @abstractmethod
    def settled(self, frame: Frame) -> Frame:
        """Return the frame with a plain index from 0 on, and every column in the library's Arrow dtypes.

        Whatever index an operation left means nothing here, and reductions may have left scalars of Python's own.
        """

    def meta(self, schema: Schema) -> Any:
        """Return the empty native frame of a schema."""
        return self.verbs.literal(arrow_schema(schema).empty_table()).to_native()

    def opened(self, block: Any, schema: Schema) -> Frame:
        """Return a native frame as the engine's: whatever index a shuffle left means nothing."""
        return self.settled(nw.from_native(block).lazy())

    def closed(self, frame: Frame) -> Any:
        """Return the native frame."""
        return frame.to_native()

    def measured(self, block: Any) -> tuple[int, int]:
        """Return the number of a native frame's rows, and of their bytes."""
        return len(block), int(block.memory_usage(index=False).sum())

    def addressed(self, frame: Frame, places: Any, values: Sequence[int]) -> Any:
        """Return the native frame with the address of each row."""
        return self.marked(frame, PLACE, self.xp.asarray(values, dtype=self.xp.float64)[places]).to_native()

    def addressed_meta(self, schema: Schema) -> Any:
        """Return the empty native frame of a schema, with addresses."""
        return self.marked(self.opened(self.meta(schema), schema), PLACE, self.xp.zeros(0)).to_native()

    def numbered(self, n_rows: int) -> Any:
        """Return a native frame of addresses from 0 on."""
        return self.verbs.literal(pa.table({PLACE: np.arange(n_rows, dtype=np.float64)})).to_native()

    def shuffle_method(self, schema: Schema) -> str | None:
        """Return "tasks" where there are columns of lists, which Dask cannot restore from worker to worker."""
        nested = any(isinstance(field.dtype, nw.List | nw.Struct | nw.Array) for field in schema.values())
        return "tasks" if nested else self.shuffling

    def marked(self, frame: Frame, name: str, values: Any) -> Frame:
        """Return the frame with an array as one more column."""
        made: Frame = nw.from_native(frame.to_native().assign(**{name: values})).lazy()
        return made

    def run(self, stage: TableStage, inputs: Sequence[Frame], schema: Schema) -> Frame:
        """Return the stage's result, in the planned dtypes; in pieces where it does not fit into memory at once."""

        def make(frames: Sequence[Frame]) -> Frame:
            return self.settled(conformed(self.settled(stage.run(self.verbs, *frames)), schema, stage.name))

        try:
            with self.working():
                return self.settled(run_within_memory(stage, inputs, make, self.verbs, self.memory))
        except GpupipeError:
            raise
        except Exception as error:
            raise StageError(account_of(error) or f"{type(error).__name__}: {error}") from error

    def solve(self, task: Task, inputs: Sequence[Any], progress: Progress | None = None, schema: Schema | None = None) -> Any:
        """Return what a task makes; a table as every other is."""
        with self.semantics():
            made = super().solve(task, inputs, progress, schema)
            return self.settled(made) if isinstance(made, nw.LazyFrame) else made

    def compute(self, demands: Sequence[Demand]) -> list[Any]:
        """Return what is demanded, one after the other."""
        with self.working():
            return [self._compute(demand) for demand in demands]

    def _wanted(self, want: Want, frame: Frame) -> Frame:
        """Return what a barrier wants of a table."""
        try:
            return self.prepared(want, frame)
        except GpupipeError:
            raise
        except Exception as error:
            raise StageError(account_of(error) or f"{type(error).__name__}: {error}") from error

    def prepared(self, want: Want, frame: Frame) -> Frame:
        """Return what a barrier wants of a table, settled."""
        return self.settled(want.prepare(self.verbs, frame))

    def _compute(self, demand: Demand) -> Any:
        """Return what one demand asks for."""
        data = demand.data if demand.want is None else self._wanted(demand.want, demand.data)
        if demand.form in ("held", "drain"):
            return data
        if demand.form == "rows":
            return len(data.collect())
        table = self.to_arrow(data, at_end=demand.form == "write")
        if demand.form == "arrow":
            return table
        assert demand.writer is not None
        for batch in batches_of(table):
            demand.writer.write(batch)
        demand.writer.close()
        return None


@contextmanager
def plain_group_bys() -> Iterator[None]:
    """Refuse aggregates that narwhals would run as one Python call a key.

    Besides being slow, those know no missing booleans and fail where there are no rows; and cuDF could not run them at all.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Found complex group-by expression", category=UserWarning)
        try:
            yield
        except (UserWarning, ValueError) as warning:
            if "complex group-by" not in str(warning) and "No results for group-by" not in str(warning):
                raise
            msg = (
                "Expected aggregates that reduce one column at a time, as nw.col('x').sum(), got an expression of them. Compute the "
                "column to reduce with WithColumns before the group-by, and what is made of the results after it; or use engine 'cpu'."
            )
            raise UnsupportedError(msg) from warning


def conformed(frame: Frame, schema: Schema, name: str) -> Frame:
    """Return the frame with exactly the schema's columns, order and dtypes; columns that nobody needs are left out."""
    have = frame.collect_schema()
    missing = [column for column in schema if column not in have]
    if missing:
        msg = f"{name} promised the columns {list(schema)}, but made {list(have)}. A function must make what it made in the plan."
        raise StageError(msg)
    casts = [nw.col(column).cast(field.dtype) for column, field in schema.items() if have[column] != field.dtype]
    frame = frame.with_columns(*casts) if casts else frame
    return frame if list(have) == list(schema) else frame.select(list(schema))
