"""What is known of a narwhals expression, from its structure and not from how it prints.

narwhals keeps an expression as a chain of operations (``Expr._nodes``), each with its kind, its name and its arguments. Here, and nowhere
else, that is read: which columns an expression reads, whether it looks at other rows, what it is called, how an aggregate is made of plain
reductions of columns, and which results of earlier stages stand in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals.stable.v2 as nw
from narwhals import Expr as AnyExpr  # of which the stable one is a kind: narwhals puts plain ones into conditions

from gpupipe.core.errors import UnsupportedError
from gpupipe.core.node import Value

Named = tuple[tuple[str | None, Any], ...]  # expressions with the names they are given; None keeps an expression's own

COLUMNS = frozenset({"COL", "NTH", "EXCLUDE", "ALL", "SELECTOR"})
_SEVERAL = frozenset({"NTH", "EXCLUDE", "ALL", "SELECTOR"})  # which columns these are depends on the table
_BY_ROW = COLUMNS | {"LITERAL", "ELEMENTWISE", "WHEN_THEN", "SERIES"}
# What every engine reduces the rows of a key to, a column at a time.
REDUCTIONS = frozenset({"sum", "mean", "min", "max", "count", "len", "n_unique", "any", "all", "std", "var", "median", "quantile"})
_BLIND_TO_NULLS = REDUCTIONS - {"len", "n_unique"}


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


def _all_nodes(expression: Any) -> Iterator[Any]:
    """Yield every operation of an expression and of the expressions in its arguments."""
    for node in nodes_of(expression):
        yield node
        for given, _ in arguments_of(node):
            if isinstance(given, AnyExpr):
                yield from _all_nodes(given)


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
    for node in _all_nodes(expression):
        if node.kind.name in _SEVERAL:
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
    return next((str(node.name) for node in _all_nodes(expression) if node.kind.name not in _BY_ROW), None)


def is_constant(expression: Any) -> bool:
    """Whether an expression reads no column at all."""
    return not isinstance(expression, str) and columns_read(expression) == frozenset()


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


def values_in(columns: Named) -> list[Value]:
    """Return the results of earlier stages that stand in expressions, in the order they are met."""
    found: dict[int, Value] = {}
    for _, given in columns:
        for node in () if isinstance(given, str) else _all_nodes(given):
            for inner in (*node.exprs, *node.kwargs.values()):
                if isinstance(inner, Value):
                    found.setdefault(id(inner), inner)
    return list(found.values())


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
            made.append(_with_arguments(node, [change(given) for given in node.exprs]) if node.exprs else node)
    return nw.Expr(*made)


def _with_arguments(node: Any, arguments: Sequence[Any]) -> Any:
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
    elif first.kind.name in _SEVERAL:
        name = None
    elif first.kind.name in ("LITERAL", "SERIES"):
        name = "literal"
    elif first.exprs:  # of a choice, the first value gives the name
        name = output_name(first.exprs[1 if first.name == "when_then" else 0])
    for node in rest:
        if node.name == "alias":
            name = node.kwargs["name"]
        elif node.name.startswith("name."):
            name = _renamed(node, name)
    return name


def _renamed(node: Any, name: str | None) -> str | None:
    """Return a name as ``name.suffix`` and ``name.prefix`` make it; None for other ways of renaming."""
    if name is None or node.name not in ("name.suffix", "name.prefix"):
        return None
    return f"{name}{node.kwargs['suffix']}" if node.name == "name.suffix" else f"{node.kwargs['prefix']}{name}"


@dataclass(frozen=True)
class Reduction:
    """A plain reduction of one column: ``sum``, ``mean``, ... of `column`; ``len`` of none.

    Parameters
    ----------
    options
        What the reduction takes beyond the column: ``ddof``, ``quantile``, ``interpolation``.
    """

    name: str
    how: str
    column: str | None
    options: tuple[tuple[str, Any], ...] = ()

    def expression(self) -> nw.Expr:
        """Return it as an expression."""
        made: nw.Expr = nw.len() if self.column is None else getattr(nw.col(self.column), self.how)(**dict(self.options))
        return made.alias(self.name)


@dataclass
class Apart:
    """Aggregates taken apart: columns made of each row, plain reductions of columns, and what is made of their results.

    Parameters
    ----------
    before
        Columns to add to the rows, under names of their own.
    reductions
        Reductions of columns of the rows, those before among them.
    after
        The aggregates, under their names, made of the reductions.
    """

    before: list[nw.Expr] = field(default_factory=list)
    reductions: list[Reduction] = field(default_factory=list)
    after: list[nw.Expr] = field(default_factory=list)


def taken_apart(aggregates: Named, columns: Sequence[str]) -> Apart:
    """Return aggregates as plain reductions, which every engine has, with what is done to rows before and to results after.

    ``(a * b).sum()``, ``a.sum() / b.mean()``, ``when(...).then(...).otherwise(...).sum()``, ``a.filter(...).max()``, ``a.null_count()`` and
    what is put together of such can be taken apart.

    Parameters
    ----------
    columns
        The columns that ``nw.all()`` and selectors may mean; they must have been put in names before (see `spelled_out`).

    Raises
    ------
    UnsupportedError
        Where an aggregate is put together of something else, such as ``shift()`` or ``over()``, or does not reduce.
    """
    apart = Apart()
    taken = set(columns)
    for name, given in aggregates:
        called = name or output_name(given)
        if called is None:
            raise UnsupportedError(f"Expected one name for the aggregate {given}, got none that is known. Give it by keyword: total=...")
        apart.after.append(_Taker(apart, taken, given).result(given).alias(called))
    return apart


class _Taker:
    """Takes one aggregate apart."""

    def __init__(self, apart: Apart, taken: set[str], whole: Any) -> None:
        self.apart = apart
        self.taken = taken
        self.whole = whole

    def result(self, given: Any) -> nw.Expr:
        """Return an aggregate, or a part of one, as an expression of the reductions."""
        nodes = nodes_of(given)
        last = max((number for number, node in enumerate(nodes) if node.kind.name.endswith("AGGREGATION")), default=None)
        if last is None:
            return nw.Expr(*self._results(nodes))
        reduced = self._reduced(nodes[:last], nodes[last])
        return nw.Expr(*nodes_of(reduced), *self._results(nodes[last + 1 :]))

    def _results(self, nodes: Sequence[Any]) -> list[Any]:
        """Return operations on results, with the aggregates in their arguments taken apart."""
        made = []
        for node in nodes:
            if node.kind.name not in ("ELEMENTWISE", "WHEN_THEN", "LITERAL") or any(
                isinstance(inner, str) and not node.str_as_lit for inner in node.exprs
            ):
                raise self.refusal("does not reduce" if node.kind.name in COLUMNS | {"ELEMENTWISE"} else f"uses {node.name}()")
            arguments = [self.result(inner) if isinstance(inner, AnyExpr) else inner for inner in node.exprs]
            made.append(_with_arguments(node, arguments) if node.exprs else node)
        return made

    def _reduced(self, before: Sequence[Any], node: Any) -> nw.Expr:
        """Return the reduction of what is made of each row, as a column of the results."""
        if node.name == "len" and not before:
            return self._plain("len", None)
        if node.name not in REDUCTIONS | {"null_count"} or node.exprs or not before:
            raise self.refusal(f"uses {node.name}()")
        kept, rows = self._filtered(before)
        if any(other_rows(part) for part in (rows, kept) if part is not None):
            raise self.refusal("looks at other rows before it reduces them")
        return self._of_rows(node, rows, kept)

    def _filtered(self, before: Sequence[Any]) -> tuple[Any, nw.Expr]:
        """Return which rows are reduced, None for all, and what is made of each."""
        kept: Any = None
        rows: list[Any] = []
        for node in before:
            if node.kind.name != "FILTRATION":
                rows.append(node)
                continue
            if node.name == "drop_nulls":
                more = ~nw.Expr(*rows).is_null()
            elif node.name == "filter":
                more = nw.all_horizontal(*node.exprs, ignore_nulls=False)
            else:
                raise self.refusal(f"uses {node.name}()")
            kept = more if kept is None else kept & more
        return kept, nw.Expr(*rows)

    def _of_rows(self, node: Any, rows: nw.Expr, kept: Any) -> nw.Expr:
        """Return the reduction of some of the rows."""
        options = tuple(node.kwargs.items())
        if node.name == "null_count":
            missing = rows.is_null() if kept is None else rows.is_null() & kept
            return self._plain("sum", self._column(missing.fill_null(False).cast(nw.Int64)))
        if kept is None:
            return self._plain(node.name, self._column(rows), options)
        if node.name == "len":
            return self._plain("sum", self._column(kept.fill_null(False).cast(nw.Int64)))
        chosen = nw.when(kept).then(rows)
        if node.name in _BLIND_TO_NULLS:
            return self._plain(node.name, self._column(chosen), options)
        # Distinct values: rows left out came to be missing, which must not count unless a row that is kept is missing itself.
        distinct = self._plain("n_unique", self._column(chosen)).cast(nw.Int64)
        missing = self._plain("max", self._column(chosen.is_null().cast(nw.Int64)))
        wanted = self._plain("max", self._column((kept & rows.is_null()).fill_null(False).cast(nw.Int64)))
        return distinct - missing + wanted

    def _column(self, rows: nw.Expr) -> str:
        """Return the column that holds what is made of each row: itself, where it is one of the table's."""
        nodes = nodes_of(rows)
        if len(nodes) == 1 and nodes[0].kind.name == "COL" and len(nodes[0].kwargs["names"]) == 1:
            return str(nodes[0].kwargs["names"][0])
        name = self._new_name()
        self.apart.before.append(rows.alias(name))
        return name

    def _plain(self, how: str, column: str | None, options: tuple[tuple[str, Any], ...] = ()) -> nw.Expr:
        """Return the column of the results that holds a plain reduction."""
        for known in self.apart.reductions:
            if (known.how, known.column, known.options) == (how, column, options):
                return nw.col(known.name)
        self.apart.reductions.append(Reduction(self._new_name(), how, column, options))
        return nw.col(self.apart.reductions[-1].name)

    def _new_name(self) -> str:
        """Return a name that no column has."""
        number = len(self.apart.before) + len(self.apart.reductions)
        while (name := f"__part_{number}") in self.taken:
            number += 1
        self.taken.add(name)
        return name

    def refusal(self, why: str) -> UnsupportedError:
        """Return the error for an aggregate that cannot be taken apart."""
        return UnsupportedError(
            f"Expected an aggregate made of reductions of columns, as nw.col('x').sum() / nw.len(), got {self.whole}, which {why}. "
            "Make a column of it before the group-by, or an aggregate that reduces it."
        )


def spelled_out(aggregates: Named, names_of: Callable[[Any], Sequence[str]]) -> Named:
    """Return aggregates of several columns (``nw.col("a", "b").sum()``, ``nw.all().max()``) as one for each.

    Parameters
    ----------
    names_of
        Returns the columns that an expression of columns alone means.
    """
    made: list[tuple[str | None, Any]] = []
    for name, given in aggregates:
        whole = nodes_of(given)
        n_chosen = next((number for number, node in enumerate(whole) if node.kind.name != "SELECTOR"), len(whole)) or 1
        first, rest = whole[0], whole[n_chosen:]
        several = first.kind.name in _SEVERAL or (first.kind.name == "COL" and len(first.kwargs["names"]) > 1)
        made += (
            [(None, nw.Expr(*nodes_of(nw.col(column)), *rest)) for column in names_of(nw.Expr(*whole[:n_chosen]))]
            if several
            else [(name, given)]
        )
    return tuple(made)
