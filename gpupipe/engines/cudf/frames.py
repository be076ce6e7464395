"""The two verbs through which rows go from host to device and back, and what a column is on the device.

Nothing else in this engine moves rows, so the ledger knows of every crossing. Single numbers (a row count, the least of a column) are not
counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import cudf
import cupy as cp
import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pylibcudf as plc
from cudf.core.column.column import ColumnBase
from cudf.utils.dtypes import cudf_dtype_from_pa_type

from gpupipe.core.errors import UnsupportedError, listing
from gpupipe.core.ledger import Ledger
from gpupipe.engines.cudf.dtypes import with_dates, with_short_lists

Frame = nw.LazyFrame[Any]


_THREAD = threading.local()


def at_work(ledger: Ledger) -> None:
    """Have crossings of models that were trained in another process entered in this ledger, in this thread."""
    _THREAD.ledger = ledger


class Crossing:
    """The way between host and device, with its ledger; where it was pickled along with a model, the ledger at work."""

    def __init__(self, ledger: Ledger | None) -> None:
        self._ledger = ledger

    @property
    def ledger(self) -> Ledger:
        """Where crossings are entered."""
        found: Ledger = self._ledger or getattr(_THREAD, "ledger", None) or Ledger()
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return Crossing, (None,)

    def to_device(self, table: pa.Table, reason: str, *, at_end: bool = False) -> Any:
        """Return an Arrow table as a cuDF frame; NaN stays a number."""
        started = time.perf_counter()
        frame = _frame_of(with_short_lists(table))
        self.ledger.cross("host_to_device", table.nbytes, time.perf_counter() - started, reason, at_end=at_end)
        return frame

    def to_host(self, frame: Any, reason: str, *, at_end: bool = False) -> pa.Table:
        """Return a cuDF frame as an Arrow table, its dates as dates."""
        started = time.perf_counter()
        table = with_dates(frame.to_arrow(preserve_index=False))
        self.ledger.cross("device_to_host", table.nbytes, time.perf_counter() - started, reason, at_end=at_end)
        return table

    def read(self, n_bytes: int, seconds: float, reason: str) -> None:
        """Enter what the device's own reader took from files: their bytes as they are there, not rows."""
        self.ledger.cross("host_to_device", n_bytes, seconds, reason, at_end=True)

    def wrote(self, n_bytes: int, seconds: float, reason: str) -> None:
        """Enter what the device's own writer put into a file."""
        self.ledger.cross("device_to_host", n_bytes, seconds, reason, at_end=True)


def native_of(frame: Frame | nw.DataFrame[Any]) -> Any:
    """Return the cuDF frame inside, with its rows numbered from 0 on."""
    native = frame.to_native()
    index = native.index
    plain = isinstance(index, cudf.RangeIndex) and index.start == 0 and index.step == 1
    return native if plain else native.reset_index(drop=True)


def lazy_of(native: Any) -> Frame:
    """Return a cuDF frame as a narwhals one."""
    made: Frame = nw.from_native(native).lazy()
    return made


def _frame_of(table: pa.Table) -> Any:
    """Return an Arrow table as a cuDF frame; cuDF itself would make text of lists and structs that are all missing."""
    nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    if not nested:
        return cudf.DataFrame.from_arrow(table)
    flat = cudf.DataFrame.from_arrow(table.drop_columns(nested))
    index = cudf.RangeIndex(table.num_rows)
    made = {name: _nested(table[name], index) if name in nested else flat[name] for name in table.column_names}
    return cudf.DataFrame(made, index=index)


def _nested(lists: pa.ChunkedArray, index: Any) -> Any:
    """Return Arrow lists or structs as a cuDF column of the same type."""
    whole = lists.combine_chunks()
    column = ColumnBase.create(plc.Column.from_arrow(whole), cudf_dtype_from_pa_type(whole.type))
    return cudf.Series._from_column(column, index=index)


@contextmanager
def opened(*columns: Any) -> Iterator[list[Any]]:
    """Give libcudf's view of cuDF columns, which stay on the device as long as the block lasts and may be spilled after it."""
    with ExitStack() as stack:
        yield [stack.enter_context(column._column.access(mode="read", scope="internal")).plc_column for column in columns]


def column_like(column: Any, made: Any, index: Any) -> Any:
    """Return libcudf's column as cuDF's, in the dtype of another one, which may say more than libcudf's type."""
    return cudf.Series._from_column(ColumnBase.create(made, column.dtype), name=column.name, index=index)


def null_mask(column: Any) -> Any:
    """Return a CuPy array of which values are missing; NaN is not, though cuDF's ``isna`` counts it in."""
    missing = column.isna()
    if column.dtype.kind == "f":
        missing = missing & ~(column != column).fillna(False)  # noqa: PLR0124  (true of NaN alone)
    return missing.to_cupy()


def numbers_of(column: Any) -> Any:
    """Return a column as a CuPy array of numbers, with any where a value is missing; times as their integers, booleans as 0 and 1."""
    kind = column.dtype.kind
    if isinstance(column.dtype, cudf.Decimal128Dtype | cudf.Decimal64Dtype | cudf.Decimal32Dtype):
        return column.astype("float64").to_cupy(na_value=np.nan)
    if kind == "f":
        return column.to_cupy(na_value=np.nan)
    if kind == "b":
        return column.fillna(False).astype("int8").to_cupy()
    if kind in {"M", "m"}:
        return column.astype("int64").fillna(0).to_cupy()
    return column.fillna(0).to_cupy()


def column_of(values: Any, missing: Any = None) -> Any:
    """Return a CuPy array as a cuDF column, missing where the mask says so; NaN stays a number."""
    made = cudf.Series(values, nan_as_null=False)
    return made if missing is None else made.where(cudf.Series(~missing), None)


def feature_array(frame: Any, columns: list[str]) -> Any:
    """Return columns of numbers as a CuPy array [n_rows, n_columns]: float32 if every one fits in it, else float64; missing is NaN."""
    dtype = number_dtype(frame, columns)
    array = cp.empty((len(frame), len(columns)), dtype=dtype, order="F")
    for position, name in enumerate(columns):
        array[:, position] = frame[name].astype(dtype).fillna(np.nan).to_cupy()
    return array


def number_dtype(frame: Any, columns: Sequence[str]) -> Any:
    """Return the dtype of an array of columns: float32 if every one fits in it, else float64."""
    dtypes = [frame[name].dtype for name in columns]
    texts = [name for name, dtype in zip(columns, dtypes, strict=True) if cudf.api.types.is_string_dtype(dtype)]
    if texts:
        msg = f"A device has no arrays of text, got it in {listing(texts)}. Encode it first, with gp.EncodeCategory, or use engine 'cpu'."
        raise UnsupportedError(msg)
    narrow = all(dtype.kind == "b" or (dtype.kind in "iu" and dtype.itemsize <= 2) or dtype == np.float32 for dtype in dtypes)
    return np.dtype(np.float32 if narrow else np.float64)
