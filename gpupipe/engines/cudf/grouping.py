"""Aggregates of groups by libcudf's group-by, all of them in one call.

cuDF's own group-by is asked once an aggregate by narwhals, and the results are joined by their keys; libcudf takes all of them together.
What libcudf makes of groups without a value, or with NaN, is brought to what Polars makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cudf
import pylibcudf as plc

from gpupipe.engines.cudf.frames import opened

_BOOL, _INT64, _FLOAT64 = (plc.DataType(kind) for kind in (plc.TypeId.BOOL8, plc.TypeId.INT64, plc.TypeId.FLOAT64))
_INCLUDE, _EXCLUDE = plc.types.NullPolicy.INCLUDE, plc.types.NullPolicy.EXCLUDE
_INTERPOLATIONS = {
    "linear": plc.types.Interpolation.LINEAR,
    "lower": plc.types.Interpolation.LOWER,
    "higher": plc.types.Interpolation.HIGHER,
    "midpoint": plc.types.Interpolation.MIDPOINT,
    "nearest": plc.types.Interpolation.NEAREST,
}
_MADE: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "any_value": lambda options: plc.aggregation.nth_element(0, _INCLUDE),
    "count": lambda options: plc.aggregation.count(_EXCLUDE),
    "first": lambda options: plc.aggregation.nth_element(0, _INCLUDE),
    "last": lambda options: plc.aggregation.nth_element(-1, _INCLUDE),
    "len": lambda options: plc.aggregation.count(_INCLUDE),
    "max": lambda options: plc.aggregation.max(),
    "mean": lambda options: plc.aggregation.mean(),
    "median": lambda options: plc.aggregation.median(),
    "min": lambda options: plc.aggregation.min(),
    "n_unique": lambda options: plc.aggregation.nunique(_INCLUDE),
    "quantile": lambda options: plc.aggregation.quantile([options["quantile"]], _INTERPOLATIONS[options["interpolation"]]),
    "std": lambda options: plc.aggregation.std(options.get("ddof", 1)),
    "sum": lambda options: plc.aggregation.sum(),
    "var": lambda options: plc.aggregation.variance(options.get("ddof", 1)),
}
_OF_NUMBERS = frozenset(("mean", "median", "quantile", "std", "sum", "var"))
_KINDS = frozenset("biufMmOUS")


@dataclass(frozen=True)
class _Wanted:
    """One aggregate: of which column, under what name."""

    function: str
    options: Mapping[str, Any]
    column: str | None
    name: str


def grouped_by_libcudf(group_by: Any, exprs: Sequence[Any]) -> Any | None:
    """Return what narwhals' group-by makes of expressions, or None where one of them, or a column, is not for this.

    Parameters
    ----------
    group_by
        A ``PandasLikeGroupBy`` of a cuDF frame.
    exprs
        Its aggregates.
    """
    wanted = _wanted(group_by, exprs)
    native = group_by.compliant.native
    if not wanted or not all(is_plain(native[name].dtype) for name in {*group_by._keys, *(one.column for one in wanted if one.column)}):
        return None
    if any(one.function in _OF_NUMBERS and native[one.column].dtype.kind not in "biuf" for one in wanted):
        return None
    policy = _EXCLUDE if group_by._drop_null_keys else _INCLUDE
    names = list(dict.fromkeys(one.column for one in wanted if one.column is not None))
    with opened(*(native[name] for name in (*group_by._keys, *names))) as columns:
        keys, values = columns[: len(group_by._keys)], dict(zip(names, columns[len(group_by._keys) :], strict=True))
        requests = [_requests(one, keys[0] if one.column is None else values[one.column]) for one in wanted]
        flat = [request for some in requests for request in some]
        found, tables = plc.groupby.GroupBy(plc.Table(keys), policy).aggregate(flat)
    results = iter(table.columns()[0] for table in tables)
    made = [_finished(one, [next(results) for _ in some]) for one, some in zip(wanted, requests, strict=True)]
    outputs = dict(zip(group_by._output_key_names, found.columns(), strict=True)) | {
        one.name: column for one, column in zip(wanted, made, strict=True)
    }
    frame = cudf.DataFrame.from_pylibcudf(plc.Table(list(outputs.values())), {"columns": list(outputs)})
    return group_by.compliant._with_native(frame)


def _wanted(group_by: Any, exprs: Sequence[Any]) -> list[_Wanted] | None:
    """Return the aggregates, or None where one is not a plain function of a column."""
    from narwhals._expression_parsing import evaluate_output_names_and_aliases  # local: of no use without a frame to group

    wanted = []
    for expr in exprs:
        node = next(expr._metadata.op_nodes_reversed())
        options = dict(node.kwargs)
        if not group_by._is_simple(expr) or node.name not in _MADE or options.pop("order_by", ()) or options.get("ignore_nulls"):
            return None
        names, aliases = evaluate_output_names_and_aliases(expr, group_by.compliant, group_by.exclude)
        alone = node.name == "len" and len(list(expr._metadata.op_nodes_reversed())) == 1
        wanted += [
            _Wanted(node.name, options, None if alone else name, alias)
            for name, alias in zip(aliases if alone else names, aliases, strict=True)
        ]
    return wanted


def is_plain(dtype: Any) -> bool:
    """Whether libcudf's column says all that there is to say of cuDF's."""
    special = isinstance(dtype, cudf.CategoricalDtype | cudf.ListDtype | cudf.StructDtype | cudf.IntervalDtype)
    return not special and not hasattr(dtype, "precision") and getattr(dtype, "tz", None) is None and dtype.kind in _KINDS


def _requests(wanted: _Wanted, column: Any) -> list[Any]:
    """Return what libcudf is asked for one aggregate: of the least and largest of floats also whether there was any value."""
    aggregation = _MADE[wanted.function](wanted.options)
    kind = column.type().id()
    if wanted.function in _OF_NUMBERS and kind == plc.TypeId.BOOL8:
        column = plc.unary.cast(column, _INT64 if wanted.function == "sum" else _FLOAT64)
    if wanted.function in ("min", "max") and kind in (plc.TypeId.FLOAT32, plc.TypeId.FLOAT64) and _has_nan(column):
        numbers, counted = plc.transform.column_nans_to_nulls(column), plc.aggregation.count(_EXCLUDE)
        return [plc.groupby.GroupByRequest(numbers, [aggregation]), plc.groupby.GroupByRequest(column, [counted])]
    return [plc.groupby.GroupByRequest(column, [aggregation])]


def _has_nan(column: Any) -> bool:
    """Whether one of the floats is NaN."""
    found = plc.reduce.reduce(plc.unary.is_nan(column), plc.aggregation.any(), _BOOL)
    return bool(found.to_py())


def _finished(wanted: _Wanted, results: Sequence[Any]) -> Any:
    """Return an aggregate as Polars has it: a sum of nothing is 0, and the largest of NaN alone is NaN."""
    result = results[0]
    if wanted.function == "sum" and result.null_count():
        return plc.replace.replace_nulls(result, plc.Scalar.from_py(0, result.type()))
    if len(results) == 2 and result.null_count():
        nothing = plc.Scalar.from_py(0, results[1].type())
        there = plc.binaryop.binary_operation(results[1], nothing, plc.binaryop.BinaryOperator.GREATER, _BOOL)
        nan = plc.replace.replace_nulls(result, plc.Scalar.from_py(float("nan"), result.type()))
        return plc.copying.copy_if_else(nan, result, there)
    return result
