"""Expressions under names, as `WithColumns`, `GroupBy` and `Scalar` take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError

Named = tuple[tuple[str | None, Any], ...]

_COLUMNS = frozenset({"COL", "NTH", "EXCLUDE", "ALL", "SELECTOR"})
_BY_ROW = _COLUMNS | {"LITERAL", "ELEMENTWISE", "WHEN_THEN"}


def named(positional: Sequence[Any], keyword: Mapping[str, Any], stage: str) -> Named:
    """Return the expressions with their new names; those given by position keep their own.

    Raises
    ------
    UsageError
        Where something is neither a narwhals expression nor, by keyword, a plain value.
    """
    for given in positional:
        if not isinstance(given, nw.Expr | str):
            msg = f"{stage} expects narwhals expressions (nw.col('a') + 1), got {foreign(given)}"
            raise UsageError(msg)
    for name, given in keyword.items():
        if given is None:
            msg = f"{stage} expects an expression or a value for {name!r}, got None, which has no dtype. Use nw.lit(None, dtype=...)."
            raise UsageError(msg)
        if not isinstance(given, nw.Expr) and not isinstance(given, bool | int | float | str):
            msg = f"{stage} expects a narwhals expression for {name!r}, got {foreign(given)} Use nw.lit(...) for a constant."
            raise UsageError(msg)
    plain = [(None, given) for given in positional]
    return (*plain, *((name, given if isinstance(given, nw.Expr) else nw.lit(given)) for name, given in keyword.items()))


_OTHERS = {"narwhals": "another of narwhals' interfaces", "polars": "Polars", "pandas": "pandas", "pyspark": "Spark", "ibis": "Ibis"}


def foreign(given: Any) -> str:
    """Return what stands where an expression should, and how to write one.

    Examples
    --------
    >>> import polars as pl
    >>> foreign(pl.lit(1))
    'Expr of Polars: dyn int: 1. Write it with what every engine understands: import narwhals.stable.v2 as nw.'
    """
    kind = type(given)
    library = _OTHERS.get(kind.__module__.partition(".")[0])
    if library is None:
        return f"{kind.__name__}: {given!r}."
    return f"{kind.__name__} of {library}: {given!s:.80}. Write it with what every engine understands: import narwhals.stable.v2 as nw."


def kind_of(columns: Named, *, replaced: bool = False) -> str:
    """Return the kind of a stage of such expressions: ``"row"`` where each works on every row by itself, else ``"table"``.

    ``sum()``, ``over()``, ``shift()`` and the like look at several rows. Where the columns take the place of the table's (`replaced`), so
    do constants alone: there is one row of them, however many the table has.
    """
    kinds = [_kinds(given) for _, given in columns if isinstance(given, nw.Expr)]
    if not all(of_one <= _BY_ROW for of_one in kinds):
        return "table"
    is_constant = replaced and len(kinds) == len(columns) and not any(of_one & _COLUMNS for of_one in kinds)
    return "table" if is_constant else "row"


def _kinds(expression: Any) -> set[str]:
    """Return the kinds of what an expression is put together of, as narwhals calls them."""
    found: set[str] = set()
    for node in expression._nodes:
        found.add(node.kind.name)
        for inner in node.exprs:
            found |= _kinds(inner) if isinstance(inner, nw.Expr) else {"COL"} if isinstance(inner, str) else set()
    return found


def expressions(columns: Named) -> list[Any]:
    """Return the expressions, named."""
    return [given if name is None else given.alias(name) for name, given in columns]


def text(columns: Named) -> str:
    """Return the expressions as a person reads them."""
    return ", ".join(f"{given}" if name is None else f"{name}={given}" for name, given in columns)
