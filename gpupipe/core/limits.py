"""Limits: what an engine cannot do, or does otherwise than the others, as data that plans are held against and docs are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import narwhals.stable.v2 as nw
from narwhals import Expr as AnyExpr  # see `core/expressions.py`

from gpupipe.core.expressions import nodes_of


@dataclass(frozen=True)
class Use:
    """An operation in an expression, by which a limit is met.

    Parameters
    ----------
    operations
        The operation's names, as narwhals has them: ``"__mod__"``, ``"cast"``, ``"dt.to_string"``, ``"mean"``.
    of
        The kinds of what it is done to (see `kind_of_dtype`); any unless given.
    beside
        The kinds of its argument; any unless given.
    to
        The kinds that a cast makes; any unless given.
    where
        Texts of which one stands in its pattern, format or replacement; any unless given.
    windowed
        Whether it only counts followed by ``over()``.
    """

    operations: tuple[str, ...]
    of: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    windowed: bool = False


@dataclass(frozen=True)
class Limit:
    """A thing an engine cannot do, or does otherwise: whose it is (*todo* ours, *upstream* theirs, *never*), why, and what to do.

    Parameters
    ----------
    effect
        ``"refused"``: the engine ends with an error. ``"differs"``: it gives another answer than engine ``cpu``. ``"rare"``: it does so for
        values that a plan does not know, such as NaN, which `why` names. ``"told"``: nothing of an answer changes.
    uses
        By which operations the limit is met; the plan looks for them before a run. None for ``"rare"`` and ``"told"``.
    """

    what: str
    whose: Literal["todo", "upstream", "never"]
    why: str
    effect: Literal["refused", "differs", "rare", "told"] = "told"
    uses: tuple[Use, ...] = ()


def kind_of_dtype(dtype: Any) -> str:
    """Return what a dtype is to a limit.

    Examples
    --------
    >>> kind_of_dtype(nw.Int8()), kind_of_dtype(nw.Float32()), kind_of_dtype(nw.Datetime("us"))
    ('integer', 'float32', 'datetime')
    """
    if dtype.is_integer():
        return "integer"
    if dtype.is_decimal():
        return "decimal"
    if isinstance(dtype, nw.List | nw.Array | nw.Struct):
        return "nested"
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is not None:
        return "zoned"
    return type(dtype).__name__.lower()


def uses_met(limit: Limit, expression: Any, frame: nw.LazyFrame[Any]) -> Iterator[str]:
    """Yield the operations of an expression by which a limit is met.

    Parameters
    ----------
    frame
        An empty table of the columns that the expression is of.
    """
    nodes = nodes_of(expression)
    for number, node in enumerate(nodes):
        for use in limit.uses:
            if node.name in use.operations and _is_met(use, nodes[:number], node, nodes[number + 1 :], frame):
                yield str(node.name)
        for given in node.exprs:
            if isinstance(given, AnyExpr):
                yield from uses_met(limit, given, frame)


def _is_met(use: Use, before: Any, node: Any, after: Any, frame: nw.LazyFrame[Any]) -> bool:
    """Whether an operation is the use."""
    if use.windowed and not any(following.name == "over" for following in after):
        return False
    if use.of and not (before and _kind(nw.Expr(*before), frame) in use.of):
        return False
    if use.beside and not (node.exprs and _kind(node.exprs[0], frame) in use.beside):
        return False
    if use.to and kind_of_dtype(_instance(node.kwargs["dtype"])) not in use.to:
        return False
    texts = [given for given in (*node.kwargs.values(), *node.exprs) if isinstance(given, str)]
    return not use.where or (node.kwargs.get("literal") is not True and any(part in text for part in use.where for text in texts))


def _instance(dtype: Any) -> Any:
    """Return the instance of a dtype."""
    return dtype() if isinstance(dtype, type) else dtype


def _kind(given: Any, frame: nw.LazyFrame[Any]) -> str:
    """Return the kind of what an expression makes; several columns count as the first."""
    made = given if isinstance(given, AnyExpr) else nw.lit(given)
    return kind_of_dtype(frame.select(made).collect_schema().dtypes()[0])
