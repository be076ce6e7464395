"""Engine ``pandas``: pandas frames with Arrow dtypes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pyarrow as pa

from gpupipe.core.arrow import plain_table
from gpupipe.core.ends import Piece, Reading, Source
from gpupipe.core.engine import EngineOptions
from gpupipe.core.schema import Schema
from gpupipe.core.want import Want
from gpupipe.engines._arrow import conform_arrow, table_of
from gpupipe.engines._pandaslike import PandasLikeEngine, PandasLikeVerbs, conformed
from gpupipe.engines._scan import explained, read_table
from gpupipe.engines._symbolic import VERBS, empty_frame, frame_schema
from gpupipe.engines.pandas.limits import LIMITS
from gpupipe.engines.pandas.narwhals_patches import patch_narwhals, polars_semantics

Frame = nw.LazyFrame[Any]


class PandasVerbs(PandasLikeVerbs):
    """The verbs on pandas frames."""

    def literal(self, table: pa.Table) -> Frame:
        """Return an Arrow table as a pandas frame with Arrow dtypes."""
        return from_arrow(table)

    def _series(self, like: nw.DataFrame[Any], name: str, values: pa.Array | pa.ChunkedArray) -> nw.Series[Any]:
        """Return Arrow values as a pandas column with an Arrow dtype."""
        return from_arrow(pa.table({name: values})).collect()[name]


class PandasEngine(PandasLikeEngine):
    """pandas with Arrow dtypes: eager, one core."""

    name: ClassVar[str] = "pandas"
    limits = LIMITS

    def __init__(self, options: EngineOptions | None = None) -> None:
        super().__init__(options)
        self.verbs = PandasVerbs()

    def settle_process(self) -> None:
        """Set the options for the whole process, whose threads would otherwise undo each other's.

        Of Arrow's allocators, mimalloc gives freed memory back at once and takes it anew page by page, jemalloc a second later: a block of
        a million mortgage rows took 1.65 processor seconds instead of 1.9 to 2.9.
        """
        PandasLikeEngine.settle_process(self)
        patch_narwhals()
        if "jemalloc" in pa.supported_memory_backends():
            pa.set_memory_pool(pa.jemalloc_memory_pool())

    def semantics(self) -> AbstractContextManager[Any]:
        """Return the pandas options under which NaN is a number, and Polars' meaning of narwhals' words."""
        return polars_semantics()

    def read(self, source: Source, reading: Reading, schema: Schema) -> Frame:
        """Return what is needed of the source as a pandas frame."""
        return self._read(source, reading, schema, None)

    def read_pieces(self, source: Source, pieces: Sequence[Piece], reading: Reading, schema: Schema) -> Frame:
        """Return what is needed of some pieces of the source as one pandas frame."""
        return self._read(source, reading, schema, pieces)

    def _read(self, source: Source, reading: Reading, schema: Schema, pieces: Sequence[Piece] | None) -> Frame:
        """Return rows as a pandas frame, with the source's account of an error met on the way."""
        try:
            table = read_table(source, reading, schema, self.scratch, pieces)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise explained(source, error) from error
        started = time.perf_counter()
        needed = Schema(tuple((name, schema[name]) for name in reading.columns))
        frame = from_arrow(conform_arrow(plain_table(table), needed))
        self.ledger.cross("host_copy", table.nbytes, time.perf_counter() - started, "reader to pandas, through Arrow", at_end=True)
        return frame

    def size(self, data: Frame) -> int | None:
        """Return the bytes of the rows."""
        return int(data.to_native().memory_usage(index=False).sum())

    def settled(self, frame: Frame) -> Frame:
        """Return the frame with a plain index, and every column in Arrow dtypes."""
        given = native = frame.to_native()
        if not (isinstance(native.index, pd.RangeIndex) and native.index.start == 0 and native.index.step == 1):
            native = native.reset_index(drop=True)
        foreign = [name for name, dtype in native.dtypes.items() if not isinstance(dtype, pd.ArrowDtype)]
        if foreign:
            reduced = len(native) == 1 and len(foreign) == len(native.columns)
            native = native.assign(**{name: arrow_column(native[name], nan_as_null=not reduced) for name in foreign})
        return frame if native is given else nw.from_native(native).lazy()

    def prepared(self, want: Want, frame: Frame) -> Frame:
        """Return what a barrier wants of a table; a small one for the host, such as a reduction, in the planned dtypes."""
        made = super().prepared(want, frame)
        if want.form != "arrow":
            return made
        planned = want.prepare(VERBS, empty_frame(Schema.of_names(frame.collect_schema())))
        return self.settled(conformed(made, frame_schema(planned, ()), "what is measured"))

    def to_arrow(self, frame: Frame, *, at_end: bool = False) -> pa.Table:
        """Return the frame as Arrow."""
        started = time.perf_counter()
        table = table_of(frame.collect())
        self.ledger.cross("host_copy", table.nbytes, time.perf_counter() - started, "pandas to Arrow", at_end=at_end)
        return table


def arrow_column(column: pd.Series, *, nan_as_null: bool) -> pd.Series:
    """Return a column that an operation left in NumPy's dtypes with an Arrow dtype.

    Parameters
    ----------
    nan_as_null
        Whether NaN means missing, as it does where a condition left out a literal. What a whole table was reduced to may be NaN
        itself.
    """
    if not nan_as_null and (column.dtype == object or column.dtype.kind == "f"):  # pandas' mark of what is missing is not Arrow's
        values = pa.array([None if value is pd.NA else value for value in column], from_pandas=False)
    else:
        values = pa.array(column, from_pandas=True)
    return pd.Series(pd.array(values, dtype=pd.ArrowDtype(values.type)), index=column.index, name=column.name)


def from_arrow(table: pa.Table) -> Frame:
    """Return an Arrow table as a pandas frame with Arrow dtypes; NaN stays a number."""
    columns = {name: pd.array(table[name], dtype=pd.ArrowDtype(table[name].type)) for name in table.column_names}
    return nw.from_native(pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))).lazy()
