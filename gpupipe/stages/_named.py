"""Expressions under names, as `WithColumns`, `GroupBy` and `Scalar` take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError

Named = tuple[tuple[str | None, Any], ...]


def named(positional: Sequence[Any], keyword: Mapping[str, Any], stage: str) -> Named:
    """Return the expressions with their new names; those given by position keep their own.

    Raises
    ------
    UsageError
        Where something is neither a narwhals expression nor, by keyword, a plain value.
    """
    for given in positional:
        if not isinstance(given, nw.Expr | str):
            msg = f"{stage} expects narwhals expressions (nw.col('a') + 1), got {type(given).__name__}: {given!r}."
            raise UsageError(msg)
    for name, given in keyword.items():
        if given is None:
            msg = f"{stage} expects an expression or a value for {name!r}, got None, which has no dtype. Use nw.lit(None, dtype=...)."
            raise UsageError(msg)
        if not isinstance(given, nw.Expr) and not isinstance(given, bool | int | float | str):
            msg = f"{stage} expects a narwhals expression for {name!r}, got {type(given).__name__}. Use nw.lit(...) for a constant."
            raise UsageError(msg)
    plain = [(None, given) for given in positional]
    return (*plain, *((name, given if isinstance(given, nw.Expr) else nw.lit(given)) for name, given in keyword.items()))


def expressions(columns: Named) -> list[Any]:
    """Return the expressions, named."""
    return [given if name is None else given.alias(name) for name, given in columns]


def text(columns: Named) -> str:
    """Return the expressions as a person reads them."""
    return ", ".join(f"{given}" if name is None else f"{name}={given}" for name, given in columns)
