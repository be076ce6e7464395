"""Arithmetic of decimals in expressions: exact, in the dtypes that SQL gives it, and the same on every engine.

Polars keeps the larger scale of two factors and rounds each product to it, Arrow adds the scales and soon runs out of digits, and means are
decimals here and floats there. So the expressions of stages are rewritten before they are run: factors get the digits that their product
needs, and what is not a decimal in general (quotients, means, deviations) is taken in Float64, as DuckDB does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
from narwhals import Expr as AnyExpr  # see `core/expressions.py`

from gpupipe.core.errors import DtypeError
from gpupipe.core.expressions import Named, all_nodes, columns_of, nodes_of, with_arguments

DIGITS = 38
_PRODUCTS = frozenset({"__mul__", "__rmul__"})
_QUOTIENTS = frozenset({"__truediv__", "__rtruediv__"})
_REFUSED = {"__floordiv__": "//", "__rfloordiv__": "//", "__mod__": "%", "__rmod__": "%", "__pow__": "**", "__rpow__": "**"}
_IN_FLOATS = frozenset({"mean", "median", "quantile", "std", "var"})
_OF_ONE_DTYPE = frozenset(
    {"coalesce", "sum_horizontal"}
)  # Arrow takes the first one's digits, and Polars adds in other digits than it plans


def exact(columns: Named, frame: nw.LazyFrame[Any]) -> Named:
    """Return expressions whose arithmetic of decimals is exact.

    Parameters
    ----------
    frame
        A table of the columns that the expressions are of; its rows do not count.

    Raises
    ------
    DtypeError
        Where a product may need more than 38 digits behind the point, or an operation of decimals is not the same everywhere.
    """
    read = columns_of(columns)  # of a wide table, most columns are not looked at
    looked_at = frame if read is None else frame.select(sorted(read))
    if not any(isinstance(dtype, nw.Decimal) for dtype in looked_at.collect_schema().dtypes()) and not _makes_decimals(columns):
        return columns
    rewriter = _Rewriter(frame.head(0))
    return tuple((name, rewriter.rewritten(given) if isinstance(given, AnyExpr) else given) for name, given in columns)


def _makes_decimals(columns: Named) -> bool:
    """Whether decimals are made in an expression, by a cast."""
    nodes = (node for _, given in columns if isinstance(given, AnyExpr) for node in all_nodes(given))
    return any(node.name == "cast" and isinstance(node.kwargs["dtype"], nw.Decimal) for node in nodes)


class _Rewriter:
    """Rewrites expressions of one table."""

    def __init__(self, frame: nw.LazyFrame[Any]) -> None:
        self.frame = frame

    def rewritten(self, expression: Any) -> Any:
        """Return an expression with its arithmetic made exact."""
        made: list[Any] = []
        for node in nodes_of(expression):
            arguments: Sequence[Any] = [self.rewritten(given) if isinstance(given, AnyExpr) else given for given in node.exprs]
            if not made and node.name in _OF_ONE_DTYPE:
                arguments = self._alike(node, arguments)
            if made and node.name == "cast":
                made = list(nodes_of(self._widened(nw.Expr(*made), node.kwargs["dtype"])))
            if made and node.name in _PRODUCTS | _QUOTIENTS | set(_REFUSED):
                made = list(nodes_of(self._arithmetic(node, nw.Expr(*made), arguments[0])))
                continue
            if made and node.name in _IN_FLOATS and self._is_decimal(nw.Expr(*made)):
                made = list(nodes_of(nw.Expr(*made).cast(nw.Float64)))
            made.append(with_arguments(node, arguments) if node.exprs else node)
        return nw.Expr(*made)

    def _arithmetic(self, node: Any, left: nw.Expr, right: Any) -> nw.Expr:
        """Return an operation on two operands, at least one of which may be decimal."""
        other = right if isinstance(right, AnyExpr) else nw.lit(right)
        dtypes = [self._dtype(left), self._dtype(other)]
        if not any(isinstance(dtype, nw.Decimal) for dtype in dtypes) or any(dtype.is_float() for dtype in dtypes):
            return nw.Expr(*nodes_of(left), with_arguments(node, [right]))
        if node.name in _REFUSED:
            msg = f"Expected no {_REFUSED[node.name]} of decimals, which engines do in different ways. Cast them first: .cast(nw.Float64)."
            raise DtypeError(msg)
        if node.name in _QUOTIENTS:
            return nw.Expr(*nodes_of(left.cast(nw.Float64)), with_arguments(node, [other.cast(nw.Float64)]))
        scales = [dtype.scale for dtype in dtypes if isinstance(dtype, nw.Decimal)]
        if len(scales) < 2:  # a whole number has no digits behind the point
            return nw.Expr(*nodes_of(left), with_arguments(node, [right]))
        if sum(scales) > DIGITS:
            msg = f"Expected a product of decimals of at most {DIGITS} digits behind the point, got {sum(scales)}. Cast one of the factors."
            raise DtypeError(msg)
        wide = nw.Decimal(DIGITS, sum(scales))
        return nw.Expr(*nodes_of(left.cast(wide)), with_arguments(node, [other.cast(wide)]))

    def _widened(self, expression: nw.Expr, wanted: Any) -> nw.Expr:
        """Return what is cast to a dtype: whole numbers as decimals of all digits, since Arrow asks for as many as the largest may need."""
        if not isinstance(wanted, nw.Decimal) or not self._dtype(expression).is_integer():
            return expression
        return expression.cast(nw.Decimal(DIGITS, wanted.scale))

    def _alike(self, node: Any, arguments: Sequence[Any]) -> Sequence[Any]:
        """Return the columns that become one column, in its dtype."""
        columns = [given if isinstance(given, AnyExpr) else nw.col(given) for given in arguments]
        dtypes = [self._dtype(column) for column in columns]
        if not any(isinstance(dtype, nw.Decimal) for dtype in dtypes) or any(dtype.is_float() for dtype in dtypes):
            return arguments
        made = self._dtype(nw.Expr(with_arguments(node, columns)))
        if not isinstance(made, nw.Decimal):
            return arguments
        whole = made if node.name == "coalesce" else nw.Decimal(DIGITS, made.scale)
        return [column if dtype == whole else column.cast(whole) for column, dtype in zip(columns, dtypes, strict=True)]

    def _is_decimal(self, expression: nw.Expr) -> bool:
        """Whether an expression makes decimals."""
        return isinstance(self._dtype(expression), nw.Decimal)

    def _dtype(self, expression: Any) -> Any:
        """Return the dtype of what an expression makes."""
        dtypes: Sequence[Any] = self.frame.select(expression).collect_schema().dtypes()
        if len(dtypes) > 1 and any(isinstance(dtype, nw.Decimal) for dtype in dtypes):
            msg = f"Expected one column at a time in arithmetic of decimals, got {len(dtypes)} in {expression}. Write one for each."
            raise DtypeError(msg)
        return dtypes[0]
