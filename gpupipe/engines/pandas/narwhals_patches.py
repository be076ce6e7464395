"""What narwhals' words mean on pandas with Arrow dtypes: what they mean on Polars.

narwhals makes a column of NumPy's dtypes of a literal, in which nothing and NaN are one thing, and hands mixed dtypes to pandas, which
casts one side to the other's: a missing literal became the text ``nan``, and 2.5 among whole numbers 2. Here those of its methods are
replaced for columns of Arrow's dtypes, as long as the engine works.
`tests/engines/pandas/test_narwhals_patches.py` holds them to engine `cpu`.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from narwhals._pandas_like.expr import PandasLikeExpr
from narwhals._pandas_like.namespace import PandasLikeNamespace
from narwhals._pandas_like.series import PandasLikeSeries
from narwhals._pandas_like.series_dt import PandasLikeSeriesDateTimeNamespace
from narwhals._pandas_like.series_str import PandasLikeSeriesStringNamespace
from pandas.api.typing import DataFrameGroupBy
from pandas.core.window.rolling import BaseWindow

from gpupipe.core.decimals import DIGITS
from gpupipe.core.errors import UnsupportedError
from gpupipe.core.schema import as_dtype
from gpupipe.engines._arrow import arrow_dtype
from gpupipe.engines._grouped import replaced_methods

_OPTION = "future.distinguish_nan_and_na"
_lit = PandasLikeNamespace.lit
_if_then_else = PandasLikeNamespace._if_then_else
_fill_null = PandasLikeSeries.fill_null
_cast = PandasLikeSeries.cast
_to_string = PandasLikeSeriesDateTimeNamespace.to_string
_split = PandasLikeSeriesStringNamespace.split
_from_scalar = PandasLikeSeries._from_scalar
_with_binary = PandasLikeSeries._with_binary
_with_binary_right = PandasLikeSeries._with_binary_right
_cumsum = DataFrameGroupBy.cumsum
_prep_values: Any = vars(BaseWindow)["_prep_values"]
_ARITHMETIC = (operator.add, operator.sub, operator.mul, operator.truediv)
_COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)


@contextmanager
def polars_semantics() -> Iterator[None]:
    """Replace the methods, and have pandas take NaN for a number, until the last of those who want it, in whatever thread, is done."""
    with _Users.lock:
        if _Users.count == 0:
            _Users.before = [(owner, name, getattr(owner, name)) for owner, name, _ in _REPLACED]
            _Users.distinguished = pd.get_option(_OPTION)
        _Users.count += 1
        patch_narwhals()
    try:
        yield
    finally:
        with _Users.lock:
            _Users.count -= 1
            if _Users.count == 0:
                pd.set_option(_OPTION, _Users.distinguished)
                for owner, name, method in _Users.before:
                    setattr(owner, name, method)


class _Users:
    """Those who want the meaning now, and what was there before the first of them came."""

    lock = threading.Lock()
    count = 0
    before: ClassVar[list[tuple[Any, str, Any]]] = []
    distinguished = False


def patch_narwhals() -> None:
    """Replace the methods, and have pandas take NaN for a number, for the whole process."""
    pd.set_option(_OPTION, True)
    for owner, name, method in _REPLACED:
        setattr(owner, name, method)


def _exact_lit(self: Any, value: Any, dtype: Any) -> Any:
    """Return the expression of a literal; nothing is missing, NaN is a number, and a decimal has the digits that it is written with."""
    made = _lit(self, value, dtype)
    is_odd = isinstance(value, Decimal) or (isinstance(value, float) and np.isnan(value))
    if value is not None and (dtype is not None or not is_odd):
        return made
    kind = arrow_dtype(as_dtype(dtype)) if dtype is not None else None
    literal = pa.array([value], kind, from_pandas=False)

    def exact(frame: Any) -> list[Any]:
        native = frame.native
        if not all(isinstance(of_column, pd.ArrowDtype) for of_column in native.dtypes):
            return list(made(frame))
        index = native.index[:1] if len(native) else pd.RangeIndex(1)  # one row, which narwhals makes as many of as there are
        series = pd.Series(_held(literal), index=index, name="literal")
        return [PandasLikeSeries.from_native(series, context=self)]

    return PandasLikeExpr(
        exact,
        evaluate_output_names=lambda _: ["literal"],
        alias_output_names=None,
        implementation=self._implementation,
        version=self._version,
    )


def _chosen(self: Any, when: Any, then: Any, otherwise: Any = None) -> Any:
    """Return one of two values by a condition; of numbers of two dtypes, in one that holds both."""
    if otherwise is None:
        return _if_then_else(self, when, _as_arrow(then))
    return _if_then_else(self, when, *_alike(_as_arrow(then), _as_arrow(otherwise)))


def _filled(self: Any, value: Any, strategy: Any, limit: int | None) -> Any:
    """Return the column with other values where they are missing; numbers of two dtypes become those of one that holds both."""
    kind = _type(self.native)
    if kind is None or not pa.types.is_integer(kind):
        return _fill_null(self, value, strategy, limit)
    if isinstance(value, PandasLikeSeries):
        mine, other = _alike(self.native, _as_arrow(value.native))
        return _fill_null(
            self._with_native(mine, preserve_broadcast=True), value._with_native(other, preserve_broadcast=True), strategy, limit
        )
    needed = np.float64 if isinstance(value, float) else np.min_scalar_type(value) if isinstance(value, int) else np.int8
    wide = _to(self.native, _common(kind, pa.from_numpy_dtype(needed)))
    return _fill_null(self._with_native(wide, preserve_broadcast=True), value, strategy, limit)


def _as_dtype(self: Any, dtype: Any) -> Any:
    """Return the column in another dtype; a whole number becomes the nearest float, of others the fraction is cut off for a whole one."""
    kind = _type(self.native)
    if kind is not None and (pa.types.is_floating(kind) or pa.types.is_decimal(kind)) and as_dtype(dtype).is_integer():
        whole = pd.Series(_held(pc.trunc(self.native.array.__arrow_array__())), index=self.native.index, name=self.native.name)
        return _cast(self._with_native(whole, preserve_broadcast=True), dtype)
    if kind is not None and pa.types.is_integer(kind) and dtype in (nw.Float64, nw.Float32):
        made = _to(self.native, pa.float64() if dtype == nw.Float64 else pa.float32())
        return self._with_native(made, preserve_broadcast=True)
    return _cast(self, dtype)


def _written(self: Any, format: str) -> Any:
    """Return times as text; their seconds are whole where no fraction is asked for."""
    kind = _type(self.native)
    if kind is None or not pa.types.is_timestamp(kind) or "%f" in format or "%.f" in format:
        return _to_string(self, format)
    whole = pc.cast(pc.floor_temporal(pa.chunked_array(self.native.array.__arrow_array__()), unit="second"), pa.timestamp("s", kind.tz))
    return self.with_native(pd.Series(_held(whole), index=self.native.index, name=self.native.name).dt.strftime(format))


def _cut(self: Any, by: str) -> Any:
    """Return texts cut at a separator, of which there must be one: with none, Arrow never ends."""
    if not by:
        raise UnsupportedError("Expected a separator to split at, got an empty text, at which engine pandas never ends. Use engine cpu.")
    return _split(self, by)


def _reduced(self: Any, value: Any) -> Any:
    """Return what a column was reduced to as a column of one row: decimals, and what is missing, in a dtype of Arrow's, too."""
    made = _from_scalar(self, value)
    kind = _type(self.native)
    if kind is None or not (value is pd.NA or isinstance(value, Decimal)):
        return made
    if pa.types.is_decimal(kind):
        kind = pa.decimal128(38, kind.scale)  # of as many digits as a sum may have
    reduced = pa.array([None if value is pd.NA else value], kind)
    return made._with_native(pd.Series(_held(reduced), index=made.native.index, name=made.native.name), preserve_broadcast=True)


def _cumulated(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Return sums up to each row of its group; after an infinite number, of which pandas makes what is missing, they are infinite, too."""
    made, given = _cumsum(self, *args, **kwargs), self._obj_with_exclusions
    for name in made.columns:
        kind = _type(given[name])
        if kind is None or not pa.types.is_floating(kind):
            continue
        values = given[name].to_numpy(np.float64, na_value=np.nan)
        if not np.isinf(values).any():
            continue
        parts = pd.DataFrame({"finite": given[name].where(~np.isinf(values), 0.0), "up": values == np.inf, "down": values == -np.inf})
        sums = _cumsum(parts.groupby(self.ngroup()))
        made[name] = sums["finite"] + np.where(sums["up"] > 0, np.inf, 0.0) + np.where(sums["down"] > 0, -np.inf, 0.0)
    return made


def _windowed(self: Any, values: Any) -> Any:
    """Return what a moving window goes over; of other numbers than finite ones pandas makes missing ones there."""
    kind = _type(values)
    if kind is not None and pa.types.is_floating(kind) and pc.all(pc.is_finite(values.__arrow_array__())).as_py() is False:
        msg = "Expected finite numbers in a moving window, got inf or NaN, which are missing to pandas. Use gp.Rolling, or engine cpu."
        raise UnsupportedError(msg)
    return _prep_values(self, values)


def _binary(self: Any, op: Any, other: Any) -> Any:
    """Return an operation on two columns; on decimals, as Polars does it."""
    return _with_binary(self, _of_decimals(op) if op in _ARITHMETIC else _compared(op) if op in _COMPARISONS else op, other)


def _binary_right(self: Any, op: Any, other: Any) -> Any:
    """Return an operation on two columns, the other one first; on decimals, as Polars does it."""
    return _with_binary_right(self, _of_decimals(op) if op in _ARITHMETIC else op, other)


def _of_decimals(op: Any) -> Any:
    """Return the operation that Polars does where an operand is decimal: it has 38 digits, of which Arrow runs out, and fails beyond."""

    def done(left: Any, right: Any) -> Any:
        columns = [operand for operand in (left, right) if isinstance(operand, pd.Series)]
        if not any((kind := _type(column)) is not None and pa.types.is_decimal(kind) for column in columns):
            return op(left, right)
        made = op(*(_in_polars(operand, columns[0]) for operand in (left, right)))
        return pd.Series(_held(made.to_arrow()), index=columns[0].index, name=columns[0].name)

    return done


def _compared(op: Any) -> Any:
    """Return the comparison, of decimals in a dtype that holds both: Arrow would make one of more than 38 digits of long ones."""

    def done(left: Any, right: Any) -> Any:
        kinds = [_type(operand) for operand in (left, right) if isinstance(operand, pd.Series)]
        if len(kinds) == 2 and all(kind is not None and pa.types.is_decimal(kind) for kind in kinds):
            left, right = _alike(left, right)
        return op(left, right)

    return done


def _in_polars(operand: Any, column: pd.Series) -> Any:
    """Return a pandas column as one of Polars', so also what a column was reduced to, with its own digits, and a number as Python's."""
    if isinstance(operand, pd.Series):
        return pl.from_arrow(pa.array(operand))
    if operand is pd.NA:
        return pl.from_arrow(pa.nulls(1, _type(column)))
    if isinstance(operand, Decimal):
        return pl.from_arrow(pa.array([operand]))
    return operand.item() if isinstance(operand, np.generic) else operand


_REPLACED: tuple[tuple[Any, str, Any], ...] = (
    (PandasLikeNamespace, "lit", _exact_lit),
    (PandasLikeNamespace, "_if_then_else", _chosen),
    (PandasLikeSeries, "fill_null", _filled),
    (PandasLikeSeries, "cast", _as_dtype),
    (PandasLikeSeriesDateTimeNamespace, "to_string", _written),
    (PandasLikeSeriesStringNamespace, "split", _cut),
    (PandasLikeSeries, "_from_scalar", _reduced),
    (PandasLikeSeries, "_with_binary", _binary),
    (PandasLikeSeries, "_with_binary_right", _binary_right),
    (DataFrameGroupBy, "cumsum", _cumulated),
    (BaseWindow, "_prep_values", _windowed),
    *replaced_methods(),
)


def _type(column: Any) -> pa.DataType | None:
    """Return the Arrow type of a pandas column, or None where it has none."""
    dtype = column.dtype
    return dtype.pyarrow_dtype if isinstance(dtype, pd.ArrowDtype) else None


def _as_arrow(column: Any) -> Any:
    """Return a column of numbers or truth values, as literals are, with an Arrow dtype; others as they are."""
    if _type(column) is not None or not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "biuf":
        return column
    return pd.Series(_held(pa.array(column.to_numpy(), from_pandas=False)), index=column.index, name=column.name)


def _alike(one: Any, other: Any) -> tuple[Any, Any]:
    """Return two columns, of numbers both in a dtype that holds both, and one of nothing in the other's."""
    left, right = _type(one), _type(other)
    if left is None or right is None or left == right:
        return one, other
    if pa.types.is_null(left):
        return pd.Series(_held(pc.cast(one.array.__arrow_array__(), right)), index=one.index, name=one.name), other
    common = _common(left, right)
    return _to(one, common), _to(other, common)


def _common(left: pa.DataType, right: pa.DataType) -> pa.DataType:
    """Return the type that holds the numbers of both, or the left one where they are no numbers."""
    scales = [kind.scale for kind in (left, right) if pa.types.is_decimal(kind)]
    if len(scales) + sum(pa.types.is_integer(kind) for kind in (left, right)) == 2 and scales:
        return pa.decimal128(DIGITS, max(scales))
    if not all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in (left, right)):
        return left
    return pa.from_numpy_dtype(np.result_type(left.to_pandas_dtype(), right.to_pandas_dtype()))


def _to(column: Any, kind: pa.DataType) -> Any:
    """Return a column of numbers in another type of numbers; others as they are."""
    have = _type(column)
    if have == kind or not (pa.types.is_integer(have) or pa.types.is_floating(have) or pa.types.is_decimal(kind)):
        return column
    made = pc.cast(column.array.__arrow_array__(), kind, safe=not pa.types.is_floating(kind))
    return pd.Series(_held(made), index=column.index, name=column.name)


def _held(values: Any) -> Any:
    """Return Arrow values as pandas holds them."""
    return pd.arrays.ArrowExtensionArray(values)
