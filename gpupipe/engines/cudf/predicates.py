"""What of a source's predicate the device's Parquet reader can use: a predicate of Polars as filters in disjunctive normal form.

A predicate only says which rows the pipeline needs, and the stages filter again; so a part that has no translation is left out, as long
as what is left keeps every row that the whole would keep.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from gpupipe.core.schema import Schema

Term = tuple[str, str, Any]
_SIGNS = {"Gt": ">", "GtEq": ">=", "Lt": "<", "LtEq": "<=", "Eq": "==", "NotEq": "!="}
_TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
MOST_TERMS = 64  # beyond that the filter costs more than the rows it leaves out


def parquet_filters(predicate: pl.Expr | None, schema: Schema, *, nan_as_null: bool) -> list[list[Term]] | None:
    """Return filters that keep every row the predicate keeps, as any of lists of which all terms hold; None where all rows are kept.

    Parameters
    ----------
    schema
        The columns of the files.
    nan_as_null
        Whether NaN is missing. Where it is a number, Polars takes it for the largest and a device's comparison is never true of it, so
        that columns of floats are left out.

    Examples
    --------
    >>> import narwhals.stable.v2 as nw
    >>> schema = Schema.of_names({"x": nw.Int64(), "s": nw.String()})
    >>> parquet_filters((pl.col("x") > 5) & (pl.col("s") == "a") & (pl.col("x").sin() > 0), schema, nan_as_null=True)
    [[('x', '>', 5), ('s', '==', 'a')]]
    """
    if predicate is None:
        return None
    tree = json.loads(predicate.meta.serialize(format="json"))
    found = _normal(tree, _Columns(schema, nan_as_null))
    return found if found and all(found) and sum(map(len, found)) <= MOST_TERMS else None


class _Columns:
    """Which columns a filter may name, and with what values."""

    def __init__(self, schema: Schema, nan_as_null: bool) -> None:
        self.schema = schema
        self.nan_as_null = nan_as_null

    def fit(self, name: str, value: Any) -> bool:
        """Whether the device compares the column's values with this one as Polars does."""
        dtype = self.schema[name].dtype if name in self.schema else None
        if dtype is None or isinstance(value, bool):
            return False
        if isinstance(value, str):
            return str(dtype) == "String"
        if not isinstance(value, int | float) or not math.isfinite(value):
            return False
        if dtype.is_integer() and isinstance(value, int):
            limits = np.iinfo(str(dtype).lower())
            return bool(limits.min <= value <= limits.max)
        exact = not isinstance(dtype, nw.Float32) or float(np.float32(value)) == value  # Polars rounds the value to the column's dtype
        return dtype.is_float() and self.nan_as_null and exact


def _normal(tree: Any, columns: _Columns) -> list[list[Term]] | None:
    """Return the filters of an expression, or None for one that says nothing."""
    if not isinstance(tree, Mapping):
        return None
    node = tree.get("BinaryExpr")
    if node is not None:
        if node["op"] in ("And", "Or"):
            left, right = _normal(node["left"], columns), _normal(node["right"], columns)
            return _both(left, right) if node["op"] == "And" else None if left is None or right is None else left + right
        return _compared(node["left"], node["op"], node["right"], columns)
    function = tree.get("Function")
    if function is not None:
        return _tested(function, columns)
    return None


def _both(left: list[list[Term]] | None, right: list[list[Term]] | None) -> list[list[Term]] | None:
    """Return the filters of a conjunction, of which a side that says nothing drops out."""
    if left is None or right is None:
        return right if left is None else left
    return [one + other for one, other in product(left, right)] if len(left) * len(right) <= MOST_TERMS else left


def _compared(left: Any, op: str, right: Any, columns: _Columns) -> list[list[Term]] | None:
    """Return the filter of a comparison of a column with a value."""
    sign = _SIGNS.get(op)
    if sign is None:
        return None
    if "Column" not in left:
        left, right, sign = right, left, _TURNED[sign]
    if "Column" not in left or "Literal" not in right:
        return None
    value = _value(right)
    return [[(left["Column"], sign, value)]] if columns.fit(left["Column"], value) else None


def _tested(function: Mapping[str, Any], columns: _Columns) -> list[list[Term]] | None:
    """Return the filter of ``is_between`` and ``is_in`` with plain values."""
    given, what = function["input"], function["function"].get("Boolean")
    if not isinstance(what, Mapping) or "Column" not in given[0] or not all("Literal" in part for part in given[1:]):
        return None
    name = given[0]["Column"]
    if "IsBetween" in what and what["IsBetween"]["closed"] == "Both":
        low, high = (_value(part) for part in given[1:])
        return [[(name, ">=", low), (name, "<=", high)]] if columns.fit(name, low) and columns.fit(name, high) else None
    if "IsIn" in what and not what["IsIn"]["nulls_equal"]:
        values = _value(given[1])
        several = [value for value in values if value is not None] if isinstance(values, list) else []
        return [[(name, "==", value)] for value in several] if several and all(columns.fit(name, value) for value in several) else None
    return None


def _value(literal: Mapping[str, Any]) -> Any:
    """Return the value of a literal; None for one that JSON does not hold, as infinity."""
    text = io.BytesIO(json.dumps(literal).encode())
    try:
        value = pl.Expr.deserialize(text, format="json")
    except pl.exceptions.ComputeError:
        return None
    return pl.select(value).to_series().to_list()[0]
