"""What is known of a narwhals expression, from its structure and not from how it prints.

narwhals keeps an expression as a chain of operations (``Expr._nodes``), each with its kind, its name and its arguments. Here, and nowhere
else, that is read: which columns an expression reads, whether it looks at other rows, what it is called, and which results of earlier
stages stand in it. `core/aggregates.py` takes aggregates apart by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
from narwhals import Expr as AnyExpr  # of which the stable one is a kind: narwhals puts plain ones into conditions

from gpupipe.core.node import Value

Named = tuple[tuple[str | None, Any], ...]  # expressions with the names they are given; None keeps an expression's own

COLUMNS = frozenset({"COL", "NTH", "EXCLUDE", "ALL", "SELECTOR"})
SEVERAL = frozenset({"NTH", "EXCLUDE", "ALL", "SELECTOR"})  # which columns these are depends on the table
_COMPARISONS = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "is_in", "is_between"})
_TRUTHS = _COMPARISONS | {"is_null", "is_nan", "is_finite", "str.contains", "str.starts_with", "str.ends_with"}
_OF_TRUTHS = frozenset({"__and__", "__or__", "__invert__"})
_BY_ROW = COLUMNS | {"LITERAL", "ELEMENTWISE", "WHEN_THEN", "SERIES"}


def nodes_of(expression: Any) -> Sequence[Any]:
    """Return the chain of operations that an expression is."""
    nodes: Sequence[Any] = expression._nodes
    return nodes


def arguments_of(node: Any) -> Iterator[tuple[Any, bool]]:
    """Yield the arguments of an operation that are expressions, and whether a text among them is a value and no column."""
    for given in node.exprs:
        yield given, bool(node.str_as_lit)
    for given in node.kwargs.values():
        if isinstance(given, AnyExpr):
            yield given, True


def all_nodes(expression: Any) -> Iterator[Any]:
    """Yield every operation of an expression and of the expressions in its arguments."""
    for node in nodes_of(expression):
        yield node
        for given, _ in arguments_of(node):
            if isinstance(given, AnyExpr):
                yield from all_nodes(given)


def columns_read(expression: Any) -> frozenset[str] | None:
    """Return the columns that an expression reads; None where that depends on the table (``nw.all()``, selectors).

    Examples
    --------
    >>> sorted(columns_read(nw.when(nw.col("a") > 1).then("b").otherwise(nw.col("c").sum().over("d"))))
    ['a', 'b', 'c', 'd']
    >>> columns_read(nw.all() * 2) is None
    True
    """
    if isinstance(expression, str):
        return frozenset({expression})
    found: set[str] = set()
    for node in all_nodes(expression):
        if node.kind.name in SEVERAL:
            return None
        if node.kind.name == "COL":
            found.update(node.kwargs["names"])
        elif node.kind.name == "OVER":
            found.update(node.kwargs["partition_by"], node.kwargs["order_by"])
        if not node.str_as_lit:
            found.update(given for given in node.exprs if isinstance(given, str))
    return frozenset(found)


def columns_of(columns: Named) -> frozenset[str] | None:
    """Return the columns that some expressions read, or None where that depends on the table."""
    read = [columns_read(given) for _, given in columns]
    if any(of_one is None for of_one in read):
        return None
    return frozenset(name for of_one in read if of_one is not None for name in of_one)


def other_rows(expression: Any) -> str | None:
    """Return the first operation of an expression that looks at other rows than its own; None where none does.

    Examples
    --------
    >>> other_rows(nw.col("x") - nw.col("x").mean()), other_rows(nw.col("x") + 1)
    ('mean', None)
    """
    if isinstance(expression, str):
        return None
    return next((str(node.name) for node in all_nodes(expression) if node.kind.name not in _BY_ROW), None)


def is_constant(expression: Any) -> bool:
    """Whether an expression reads no column at all."""
    return not isinstance(expression, str) and columns_read(expression) == frozenset()


def is_truth(expression: Any) -> bool:
    """Whether an expression makes truth values, whatever the dtypes of its columns; False also where only they would tell.

    Examples
    --------
    >>> is_truth((nw.col("a") > 1) & ~nw.col("s").str.contains("x")), is_truth(nw.col("a") & nw.col("b")), is_truth("a")
    (True, False, False)
    """
    if not isinstance(expression, AnyExpr) or output_name(expression) is None:  # what makes several columns makes no one value
        return False
    *before, last = nodes_of(expression)
    if last.name in _TRUTHS:
        return True
    if last.name in _OF_TRUTHS:  # of whole numbers these make numbers
        return is_truth(nw.Expr(*before)) and all(is_truth(given) for given in last.exprs)
    return False


def kind_of(columns: Named, *, replaced: bool = False) -> str:
    """Return the kind of a stage of such expressions: ``"row"`` where each works on every row by itself, else ``"table"``.

    ``sum()``, ``over()``, ``shift()`` and the like look at several rows. Where the columns take the place of the table's (`replaced`), so
    do constants alone: there is one row of them, however many the table has.
    """
    if any(other_rows(given) is not None for _, given in columns):
        return "table"
    return "table" if replaced and all(is_constant(given) for _, given in columns) else "row"


@dataclass(frozen=True)
class Slot:
    """Stands in an expression for a number that is known once the run has come so far."""

    number: int

    def __repr__(self) -> str:
        return "value" if self.number == 0 else f"value {self.number + 1}"  # as plans and drawings show the expression


def values_in(columns: Named) -> list[Value]:
    """Return the results of earlier stages that stand in expressions, in the order they are met."""
    found: dict[int, Value] = {}
    for _, given in columns:
        for node in () if isinstance(given, str) else all_nodes(given):
            for inner in (*node.exprs, *node.kwargs.values()):
                if isinstance(inner, Value):
                    found.setdefault(id(inner), inner)
    return list(found.values())


def taken_plain(expression: Any) -> str | None:
    """Return the first operation that was given a result of an earlier stage where it takes plain values alone; None where none was.

    Examples
    --------
    >>> taken_plain(nw.col("a").round(2)) is None
    True
    """
    for node in () if isinstance(expression, str) else all_nodes(expression):
        plain = [given for name, given in node.kwargs.items() if not (node.kind.name == "LITERAL" and isinstance(given, Value))]
        if any(isinstance(one, Value) for given in plain for one in (given if isinstance(given, list | tuple | set) else [given])):
            return str(node.name)
    return None


def slotted(columns: Named, values: Sequence[Value]) -> Named:
    """Return the expressions with numbered slots in place of results of earlier stages."""
    numbers = {id(value): number for number, value in enumerate(values)}
    return _changed(columns, lambda given: Slot(numbers[id(given)]) if isinstance(given, Value) else given)


def filled(columns: Named, literals: Sequence[nw.Expr]) -> Named:
    """Return the expressions with literals in their slots."""
    return _changed(columns, lambda given: literals[given.number] if isinstance(given, Slot) else given)


def _changed(columns: Named, change: Callable[[Any], Any]) -> Named:
    """Return the expressions with the leaves of their arguments changed."""

    def inner(given: Any) -> Any:
        return _rebuilt(given, inner) if isinstance(given, AnyExpr) else change(given)

    return tuple((name, inner(given)) for name, given in columns)


def _rebuilt(expression: Any, change: Callable[[Any], Any]) -> Any:
    """Return the expression with its arguments changed."""
    made: list[Any] = []
    for node in nodes_of(expression):
        if node.kind.name == "LITERAL":
            value = change(node.kwargs["value"])
            same = value is node.kwargs["value"]
            made += [node] if same else nodes_of(value) if isinstance(value, AnyExpr) else nodes_of(nw.lit(value))
        else:
            made.append(with_arguments(node, [change(given) for given in node.exprs]) if node.exprs else node)
    return nw.Expr(*made)


def with_arguments(node: Any, arguments: Sequence[Any]) -> Any:
    """Return the operation with other arguments."""
    return type(node)(
        node.kind, node.name, exprs=arguments, str_as_lit=node.str_as_lit, allow_multi_output=node.allow_multi_output, **node.kwargs
    )


def output_name(expression: Any) -> str | None:
    """Return the name of the column that an expression makes; None where it makes several, or a name that is not known here.

    Examples
    --------
    >>> output_name(nw.col("a").sum() / nw.col("b").sum()), output_name(nw.len()), output_name(nw.lit(1).alias("one"))
    ('a', 'len', 'one')
    """
    if isinstance(expression, str):
        return expression
    if not isinstance(expression, AnyExpr):
        return "literal"
    first, *rest = nodes_of(expression)
    name: str | None = first.name
    if first.kind.name == "COL":
        names = first.kwargs["names"]
        name = names[0] if len(names) == 1 else None
    elif first.kind.name in SEVERAL:
        name = None
    elif first.kind.name in ("LITERAL", "SERIES"):
        name = "literal"
    elif first.exprs:  # of a choice, the first value gives the name
        name = output_name(first.exprs[1 if first.name == "when_then" else 0])
    for node in rest:
        if node.name == "alias":
            name = node.kwargs["name"]
        elif node.name.startswith("__r"):  # 5 - column
            name = "literal"
        elif node.name.startswith("name."):
            name = _renamed(node, name)
    return name


def _renamed(node: Any, name: str | None) -> str | None:
    """Return a name as ``name.suffix`` and ``name.prefix`` make it; None for other ways of renaming."""
    if name is None or node.name not in ("name.suffix", "name.prefix"):
        return None
    return f"{name}{node.kwargs['suffix']}" if node.name == "name.suffix" else f"{node.kwargs['prefix']}{name}"
