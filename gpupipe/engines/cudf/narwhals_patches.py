"""What narwhals' words mean on cuDF: what they mean on the other engines.

narwhals runs expressions on cuDF as on pandas, and takes over cuDF's own meaning where that differs: NaN as missing in some places and as
a number in others, ``False & missing`` as missing, a sum of nothing as missing, and so on; some of its ways lead through the host. Here
those of its methods are replaced, for cuDF's frames alone, by ones that ask libcudf for what Polars does. `tests/stages` and
`tests/gpu/test_meaning.py` hold them to engine `cpu` on a device; docs/gpu-status.md says which of them have not been seen there.

Measured on a device, narwhals 2.29: `DataFrame.lazy` copied the whole frame to the host and threw the copy away; CUPTI's records told.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import cudf
import cupy as cp
import narwhals.stable.v2 as nw
import numpy as np
import pylibcudf as plc
from cudf.core.groupby.groupby import GroupBy
from narwhals._pandas_like import dataframe as dataframe_module
from narwhals._pandas_like import series as series_module
from narwhals._pandas_like.dataframe import PandasLikeDataFrame
from narwhals._pandas_like.expr import PandasLikeExpr
from narwhals._pandas_like.group_by import PandasLikeGroupBy
from narwhals._pandas_like.series import PandasLikeSeries
from narwhals._pandas_like.utils import align_and_extract_native, broadcast_series_to_index

from gpupipe.engines._grouped import replaced_methods
from gpupipe.engines.cudf.frames import column_like, column_of, null_mask, numbers_of, opened
from gpupipe.engines.cudf.grouping import grouped_by_libcudf
from gpupipe.engines.cudf.missing import filled, has_nan, is_missing, like_of, n_missing, n_there, with_missing
from gpupipe.engines.cudf.reductions import NOTHING, REDUCTIONS

_BOOL = plc.DataType(plc.TypeId.BOOL8)
_COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)
_LARGEST_INT64 = 2**63 - 1
_SECONDS_A_DAY = 86_400
_SINGLE = "_gpupipe_single"  # where a column of one literal keeps it
_BY_METHOD = ("cummax", "cummin", "cumprod", "cumsum", "diff", "rank", "shift")


def patch_narwhals() -> None:
    """Replace the methods, once in a process."""
    if _Settled.done:
        return
    for (owner, name), made in _REPLACED.items():
        setattr(owner, name, _for_cudf(getattr(owner, name), made))
    for owner, name, method in replaced_methods():
        setattr(owner, name, method)
    make = vars(PandasLikeSeries)["from_iterable"].__func__
    setattr(PandasLikeSeries, "from_iterable", classmethod(_after(make, _from_iterable)))  # noqa: B010  (no assignment, to type checkers)
    setattr(series_module, "align_and_extract_native", _aligned)  # noqa: B010
    for module in (series_module, dataframe_module):
        setattr(module, "broadcast_series_to_index", _broadcast)  # noqa: B010
    setattr(GroupBy, "transform", _after(GroupBy.transform, _transform))  # noqa: B010
    _Settled.done = True


class _Settled:
    """Whether this process has the replacements."""

    done = False


def _for_cudf(original: Callable[..., Any], made: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method that calls `made` for cuDF's frames, and the original for others."""

    @wraps(original)
    def method(self: Any, *args: Any, **options: Any) -> Any:
        if getattr(self, "compliant", self)._implementation.is_cudf():
            return made(original, self, *args, **options)
        return original(self, *args, **options)

    return method


def _after(original: Callable[..., Any], made: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that calls `made`, with the original before its arguments."""

    @wraps(original)
    def method(*args: Any, **options: Any) -> Any:
        return made(original, *args, **options)

    return method


# Frames


def _lazy(original: Any, self: Any, backend: Any = None, **options: Any) -> Any:
    """Return the frame itself: narwhals would copy it to the host first, for nothing."""
    return self if backend is None else original(self, backend, **options)


def _drop_nulls(original: Any, self: Any, subset: Sequence[str] | None) -> Any:
    """Return the rows in which nothing is missing; NaN is there."""
    return original(self, list(self.columns) if subset is None else subset)


# Missing values


def _is_null(original: Any, self: Any) -> Any:
    return self._with_native(is_missing(self.native), preserve_broadcast=True)


def _null_count(original: Any, self: Any) -> int:
    return n_missing(self.native)


def _count(original: Any, self: Any) -> int:
    return n_there(self.native)


def _series_drop_nulls(original: Any, self: Any) -> Any:
    return self._with_native(self.native[~is_missing(self.native)])


def _fill_null(original: Any, self: Any, value: Any, strategy: Any, limit: int | None) -> Any:
    """Return the column with its missing values filled; NaN stays a number."""
    native = self.native
    if native.dtype.kind != "f" or (value is None and limit is not None):
        return original(self, value, strategy, limit)
    if value is None:
        policy = plc.replace.ReplacePolicy.PRECEDING if strategy == "forward" else plc.replace.ReplacePolicy.FOLLOWING
        with opened(native) as (column,):
            return self._with_native(like_of(native, plc.replace.replace_nulls(column, policy)), preserve_broadcast=True)
    filler: Any = _aligned(self, value)[1]
    if isinstance(filler, cudf.Series):
        with opened(native, filler.astype(native.dtype)) as (column, other):
            return self._with_native(like_of(native, plc.replace.replace_nulls(column, other)), preserve_broadcast=True)
    return self._with_native(filled(native, float(filler)), preserve_broadcast=True)


def _fill_nan(original: Any, self: Any, value: float | None) -> Any:
    """Return the column with its NaN filled; with None they become missing. A column of whole numbers has none."""
    if self.native.dtype.kind != "f":
        return self
    return original(self, value) if value is not None else self._with_native(self.native.nans_to_nulls(), preserve_broadcast=True)


def _is_in(original: Any, self: Any, other: Any) -> Any:
    """Return which values are among others; missing where a value is."""
    return self._with_native(with_missing(original(self, other).native, self.native))


# Operators


def _aligned(left: Any, right: Any) -> tuple[Any, Any]:
    """Return the operands as narwhals aligns them, a column of one row as its value; a missing one as missing, where cuDF would say NaN."""
    if left._broadcast and isinstance(right, PandasLikeSeries) and not right._broadcast:
        value = vars(left).get(_SINGLE)
        if value is not None:
            return value, right.native
    elif isinstance(right, PandasLikeSeries) and right._broadcast:
        value = vars(right).get(_SINGLE)
        if value is not None:
            return left.native, value
    one, other = align_and_extract_native(left, right)
    return _value_of(left, one), _value_of(right, other)


def _value_of(given: Any, native: Any) -> Any:
    """Return what an operand became; where it was a single value and missing, that."""
    if isinstance(native, cudf.Series) or not isinstance(given, PandasLikeSeries) or not given._implementation.is_cudf():
        return native
    return cudf.NA if n_missing(given.native) else native


def _broadcast(series: Any, index: Any, is_nested: bool, series_class: Any) -> Any:
    """Return a column of one row as one of many; cuDF would make a missing number NaN, and NaN missing."""
    if not isinstance(series, cudf.Series) or not (n_missing(series) or has_nan(series)):
        return broadcast_series_to_index(series, index, is_nested=is_nested, series_class=series_class)
    with opened(series) as (column,):
        repeated = plc.Column.from_scalar(plc.copying.get_element(column, 0), len(index))
    return column_like(series, repeated, index)


def _with_binary(original: Any, self: Any, op: Callable[..., Any], other: Any) -> Any:
    """Return a comparison that is missing where a side is; dates compare with dates."""
    if op not in _COMPARISONS:
        return original(self, op, other)
    left: Any
    right: Any
    left, right = _aligned(self, other)
    if isinstance(right, dt.date) and not isinstance(right, dt.datetime):
        right = np.datetime64(right, "s")
    if _is_missing_value(left) or _is_missing_value(right):
        like = left if isinstance(left, cudf.Series) else right
        made = column_of(cp.zeros(len(like), dtype=bool), cp.ones(len(like), dtype=bool))
        made.index, made.name = like.index, self.name
    else:
        made = with_missing(op(left, right), left, right)
    return _result(self, other, made)


def _result(left: Any, right: Any, made: Any) -> Any:
    """Return what an operator made, named as its left side; a single value where both sides are."""
    return left._with_native(made, preserve_broadcast=left._broadcast and getattr(right, "_broadcast", True)).alias(left.name)


def _is_missing_value(value: Any) -> bool:
    """Whether a single value is a missing one."""
    return value is None or value is cudf.NA or value is cudf.NaT


def _logical(operation: Any) -> Callable[..., Any]:
    """Return the method of `and` or `or`: of booleans, ``False & missing`` is False and ``True | missing`` is True."""

    def method(original: Any, self: Any, other: Any) -> Any:
        left, right = _aligned(self, other)
        if not (_is_boolean(left) and _is_boolean(right)):
            return original(self, other)
        return _result(self, other, _decided(left, right, operation))

    return method


def _is_boolean(value: Any) -> bool:
    """Whether an operand is a boolean column or a single boolean."""
    return value.dtype.kind == "b" if isinstance(value, cudf.Series) else isinstance(value, bool | np.bool_)


def _decided(left: Any, right: Any, operation: Any) -> Any:
    """Return libcudf's three-valued `and` or `or`."""
    series = left if isinstance(left, cudf.Series) else right
    if isinstance(left, cudf.Series) and isinstance(right, cudf.Series):
        with opened(left, right) as (one, other):
            return like_of(series, plc.binaryop.binary_operation(one, other, operation, _BOOL))
    single = plc.Scalar.from_py(bool(right if series is left else left), _BOOL)
    with opened(series) as (column,):
        return like_of(series, plc.binaryop.binary_operation(column, single, operation, _BOOL))


def _clip(original: Any, self: Any, *args: Any, **options: Any) -> Any:
    """Return the column within bounds; where a value is missing, so it stays."""
    return self._with_native(with_missing(original(self, *args, **options).native, self.native))


# Casts, functions of arrays, literals


def _cast(original: Any, self: Any, dtype: Any) -> Any:
    """Return the column in another dtype; dates, which lie as seconds, as the days they are."""
    native = self.native
    wanted = dtype() if isinstance(dtype, type) else dtype
    if (wanted.is_float() or wanted.is_integer()) and self.dtype == wanted:
        return self
    if isinstance(wanted, nw.Date):
        days = native if str(native.dtype) == "datetime64[s]" else native.dt.floor("D").astype("datetime64[s]")
        return self._with_native(days, preserve_broadcast=True)
    if str(native.dtype) == "datetime64[s]":
        if isinstance(wanted, nw.String):
            return self._with_native(native.dt.strftime("%Y-%m-%d"), preserve_broadcast=True)
        if wanted.is_numeric():
            days = self._with_native(native.astype("int64") // _SECONDS_A_DAY, preserve_broadcast=True)
            return original(days, dtype)
    return original(self, dtype)


def _apply_array_func(original: Any, self: Any, native: Any, array_func: Callable[[Any], Any]) -> Any:
    """Return what a function of CuPy makes of a column with missing values, which CuPy does not know."""
    made = column_of(array_func(numbers_of(native)), null_mask(native))
    made.index, made.name = native.index, native.name
    return made


def _from_iterable(original: Any, cls: Any, data: Any, *, context: Any, **options: Any) -> Any:
    """Return a column of values; of whole numbers too large for Int64 as UInt64, and with NaN as the number it is."""
    values = data if context._implementation.is_cudf() and isinstance(data, list) else []
    if any(isinstance(value, int) and value > _LARGEST_INT64 for value in values):
        data = np.array(data, dtype=np.uint64)
    made = original(cls, data, context=context, **options)
    (single, *more) = values or [None]
    if not more and isinstance(single, bool | int | float) and single == single and made.native.dtype.kind in "biuf":  # noqa: PLR0124
        setattr(made, _SINGLE, np.asarray(single, dtype=made.native.dtype)[()])  # so that nobody has to wait for the device to say it
    if any(isinstance(value, float | np.floating) and value != value and value is not NOTHING for value in values):  # noqa: PLR0124
        numbers = cudf.Series(cp.array([np.nan if value is None else value for value in values]), nan_as_null=False)
        numbers.index, numbers.name = made.native.index, made.native.name
        made = made._with_native(numbers.where(cudf.Series([value is not None for value in values], index=numbers.index), None))
    return made


# Groups and windows


def _agg(original: Any, self: Any, *exprs: Any) -> Any:
    """Return the aggregates of each group, by one call of libcudf's group-by where each is a plain one."""
    made = grouped_by_libcudf(self, exprs)
    return original(self, *exprs) if made is None else made


def _over(original: Any, self: Any, partition_by: Sequence[str], order_by: Sequence[str]) -> Any:
    """Return the window expression; a sum of nothing is 0."""
    made = original(self, partition_by, order_by)
    if next(iter(self._metadata.iter_nodes_reversed())).name == "sum":
        call = made._call
        made._call = lambda frame: [one._with_native(filled(one.native, 0)) for one in call(frame)]
    return made


def _scatter(original: Any, self: Any, indices: Any, values: Any, *, in_place: bool = False) -> Any:
    """Return the column with values put at some positions, on the device; narwhals would look at the positions on the host."""
    target = self.native
    with opened(values.native, indices.native, target) as (column, positions, whole):
        made = like_of(target, plc.copying.scatter(plc.Table([column]), positions, plc.Table([whole])).columns()[0])
    if not in_place:
        return self._with_native(made)
    self._native_series = made
    return None


def _transform(original: Any, self: Any, func: Any, *args: Any, **options: Any) -> Any:
    """Return what a function makes of each group, row by row; with the options that cuDF takes by its methods alone."""
    if func in _BY_METHOD and not args:
        return getattr(self, func)(**options)
    return original(self, func, *args, **options)


_AND, _OR = plc.binaryop.BinaryOperator.NULL_LOGICAL_AND, plc.binaryop.BinaryOperator.NULL_LOGICAL_OR
_REPLACED: dict[tuple[Any, str], Callable[..., Any]] = {
    (PandasLikeDataFrame, "lazy"): _lazy,
    (PandasLikeDataFrame, "drop_nulls"): _drop_nulls,
    (PandasLikeExpr, "over"): _over,
    (PandasLikeGroupBy, "agg"): _agg,
    (PandasLikeSeries, "__and__"): _logical(_AND),
    (PandasLikeSeries, "__rand__"): _logical(_AND),
    (PandasLikeSeries, "__or__"): _logical(_OR),
    (PandasLikeSeries, "__ror__"): _logical(_OR),
    (PandasLikeSeries, "_apply_array_func"): _apply_array_func,
    (PandasLikeSeries, "_with_binary"): _with_binary,
    (PandasLikeSeries, "cast"): _cast,
    (PandasLikeSeries, "clip"): _clip,
    (PandasLikeSeries, "clip_lower"): _clip,
    (PandasLikeSeries, "clip_upper"): _clip,
    (PandasLikeSeries, "count"): _count,
    (PandasLikeSeries, "drop_nulls"): _series_drop_nulls,
    (PandasLikeSeries, "fill_nan"): _fill_nan,
    (PandasLikeSeries, "fill_null"): _fill_null,
    (PandasLikeSeries, "is_in"): _is_in,
    (PandasLikeSeries, "is_null"): _is_null,
    (PandasLikeSeries, "null_count"): _null_count,
    (PandasLikeSeries, "scatter"): _scatter,
    **{(PandasLikeSeries, name): reduced for name, reduced in REDUCTIONS.items()},
}
