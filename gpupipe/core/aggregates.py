"""Aggregates, taken apart into plain reductions of columns, which every engine has, and what is done before and after them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import narwhals.stable.v2 as nw
from narwhals import Expr as AnyExpr  # see `core/expressions.py`

from gpupipe.core.errors import UnsupportedError, UsageError
from gpupipe.core.expressions import COLUMNS, SEVERAL, Named, nodes_of, other_rows, output_name, with_arguments

# What every engine reduces the rows of a key to, a column at a time.
REDUCTIONS = frozenset({"sum", "mean", "min", "max", "count", "len", "n_unique", "any", "all", "std", "var", "median", "quantile"})
_BLIND_TO_NULLS = REDUCTIONS - {"len", "n_unique"}


EmptySum = Literal["zero", "null"]


def with_empty_sum(aggregates: Named, empty_sum: EmptySum, stage: str) -> Named:
    """Return aggregates whose sums of no value at all are 0 or, as in SQL, missing.

    Raises
    ------
    UsageError
        `empty_sum` is something else, or an aggregate is of several columns.
    """
    if empty_sum not in ("zero", "null"):
        msg = f"{stage} expects empty_sum to be 'zero' or 'null', got {empty_sum!r}."
        raise UsageError(msg)
    if empty_sum == "zero":
        return aggregates
    for name, given in aggregates:
        if name is None and output_name(given) is None:
            msg = f"{stage} with empty_sum='null' expects aggregates of one column each, got {given}. Write one for each column."
            raise UsageError(msg)
    return tuple((name, _null_of_nothing(given) if isinstance(given, AnyExpr) else given) for name, given in aggregates)


def _null_of_nothing(expression: Any) -> nw.Expr:
    """Return an expression in which every sum is missing where there is no value to add up."""
    made: list[Any] = []
    for node in nodes_of(expression):
        arguments = [_null_of_nothing(given) if isinstance(given, AnyExpr) else given for given in node.exprs]
        same = with_arguments(node, arguments) if node.exprs else node
        if node.name == "sum" and node.kind.name.endswith("AGGREGATION"):
            made = list(nodes_of(nw.when(nw.Expr(*made).count() > 0).then(nw.Expr(*made, same))))
        else:
            made.append(same)
    return nw.Expr(*made)


@dataclass(frozen=True)
class Grouping:
    """Aggregates of the rows of each key; of the whole table where there is no key."""

    by: tuple[str, ...]
    aggregates: Named
    drop_null_keys: bool


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
            made.append(with_arguments(node, arguments) if node.exprs else node)
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
        several = first.kind.name in SEVERAL or (first.kind.name == "COL" and len(first.kwargs["names"]) > 1)
        made += (
            [(None, nw.Expr(*nodes_of(nw.col(column)), *rest)) for column in names_of(nw.Expr(*whole[:n_chosen]))]
            if several
            else [(name, given)]
        )
    return tuple(made)
