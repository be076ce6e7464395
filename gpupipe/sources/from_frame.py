"""Rows of a dataframe in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa
from narwhals.exceptions import DuplicateError
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.arrow import schema_of
from gpupipe.core.ends import Reading, Source
from gpupipe.core.errors import DtypeError, SourceError, UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema, as_dtype
from gpupipe.sources._memory import check_distinct, table_batches, table_schema


@dataclass(frozen=True, init=False, eq=False)
class FromFrame(Source):
    """The rows of a pandas or Polars frame, or of any other that narwhals knows.

    A lazy frame is computed when the pipeline reads it, and only the columns that are needed. Of a pandas frame, each level of the
    index that has a name is a column, ahead of the others; an index without a name is left out. A pandas frame must not be changed
    before the pipeline has run.

    Parameters
    ----------
    frame
        The frame.
    nan_as_null
        Whether NaN is missing. pandas' own missing marks (None, NaT, NA) always are.

    Raises
    ------
    UsageError
        It is no frame, or a pandas column's name is no text.
    ColumnError
        A name is there more than once.
    DtypeError
        A column holds Python objects, periods, or whole numbers of 128 bits.
    SourceError
        A column holds values of several kinds.

    Examples
    --------
    >>> import polars as pl
    >>> FromFrame(pl.LazyFrame({"a": [1.5, None]})).schema().dtypes
    {'a': Float64}
    """

    frame: Any = field(repr=False)
    nan_as_null: bool

    def __init__(self, frame: Any, *, nan_as_null: bool = True) -> None:
        try:
            known = nw.from_native(frame)
        except TypeError as error:
            msg = f"FromFrame expects a pandas or Polars frame, got {type(frame).__name__}. Use FromArrow for Arrow objects."
            raise UsageError(msg) from error
        except DuplicateError:
            check_distinct([str(name) for name in frame.columns])
            raise
        settle(
            self, frame=_pandas_table(known.to_native(), nan_as_null=nan_as_null) if _is_pandas(known) else known, nan_as_null=nan_as_null
        )

    def fingerprint(self) -> tuple[()] | None:
        """Return nothing beyond the frame itself; what a lazy one holds is not known before it is computed."""
        return None if isinstance(self.frame, nw.LazyFrame) else ()

    def origin(self) -> str:
        """Return what the frame is."""
        return "a pandas frame" if isinstance(self.frame, pa.Table) else f"a {self.frame.implementation.value} frame"

    def schema(self) -> Schema:
        """Return the frame's columns."""
        if not isinstance(self.frame, pa.Table):
            _check_dtypes(self.frame)
        if isinstance(self.frame, nw.LazyFrame):
            return schema_of(self.frame.head(0).collect().to_arrow().schema)
        return table_schema(self._table(), nan_as_null=self.nan_as_null)

    def known_rows(self) -> int | None:
        """Return the frame's rows, where it is not lazy."""
        return None if isinstance(self.frame, nw.LazyFrame) else int(self._table().num_rows)

    def batches(self, reading: Reading) -> pa.RecordBatchReader:
        """Return the columns' batches."""
        if isinstance(self.frame, nw.LazyFrame):
            return table_batches(self.frame.select(*reading.columns).collect().to_arrow(), reading)
        return table_batches(self._table(), reading)

    def _table(self) -> pa.Table:
        """Return the eager frame as Arrow."""
        return self.frame if isinstance(self.frame, pa.Table) else self.frame.to_arrow()


def _check_dtypes(frame: Any) -> None:
    """Raise DtypeError where a column has a dtype that does not become Arrow, or becomes addresses in memory."""
    for name, dtype in frame.collect_schema().items():
        if isinstance(dtype, nw.Object):
            msg = f"Column {name!r}: expected values of one dtype, got Python objects."
            raise DtypeError(f"{msg} Convert them, or leave the column out.")
        if _is_wide(dtype):
            msg = f"Column {name!r}: expected whole numbers of at most 64 bits, got {dtype}."
            raise DtypeError(f"{msg} Cast it to Int64 or to a Decimal first.")


def _is_wide(dtype: DType) -> bool:
    """Whether a dtype is one of whole numbers of 128 bits, or holds them."""
    if isinstance(dtype, (nw.List, nw.Array)):
        return _is_wide(as_dtype(dtype.inner))
    if isinstance(dtype, nw.Struct):
        return any(_is_wide(as_dtype(field.dtype)) for field in dtype.fields)
    return isinstance(dtype, (nw.Int128, nw.UInt128))


def _is_pandas(frame: Any) -> bool:
    """Whether the frame's columns may be NumPy's, which have no missing marks of their own."""
    return bool(frame.implementation.is_pandas_like()) and not frame.implementation.is_cudf()


def _pandas_table(frame: Any, *, nan_as_null: bool) -> pa.Table:
    """Return a pandas frame as Arrow, with the index' named levels first."""
    levels = enumerate(frame.index.names)
    columns = [(name, frame.index.get_level_values(position).to_series()) for position, name in levels if name is not None]
    columns += [(name, frame.iloc[:, position]) for position, name in enumerate(frame.columns)]
    for name, _ in columns:
        if not isinstance(name, str):
            advice = "Rename it: frame.columns = frame.columns.astype(str)."
            msg = f"FromFrame expects text as the name of every column, got {name!r}. {advice}"
            raise UsageError(msg)
    arrays = [_pandas_array(name, column, nan_as_null=nan_as_null) for name, column in columns]
    return pa.table(arrays, names=[name for name, _ in columns])


def _pandas_array(name: str, column: Any, *, nan_as_null: bool) -> pa.Array:
    """Return a pandas column as Arrow; NumPy's NaN stays a number unless it is to be missing."""
    if str(column.dtype).startswith("period["):
        msg = f"Column {name!r}: expected dates or times, got pandas' {column.dtype}. Convert it, with .dt.to_timestamp(), first."
        raise DtypeError(msg)
    is_float = getattr(column.dtype, "kind", "") == "f" and not hasattr(column.array, "__arrow_array__")
    try:
        return pa.array(column.array if not is_float else column.to_numpy(), from_pandas=nan_as_null or not is_float)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        advice = "Convert it, with .astype(...), first."
        msg = f"Column {name!r} of the pandas frame holds values that make no one column: {error}. {advice}"
        raise SourceError(msg) from error
