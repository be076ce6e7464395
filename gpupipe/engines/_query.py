"""A Polars query as Polars itself will run it, node by node: what it scans, and what comes through it untouched.

Polars hands out its optimized plan as a tree of typed nodes, which is how engines other than its own take it over. A node, or a version of
the tree, that is not known here means "no": all columns are needed, no column comes through, rows may be lost.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

KNOWN_VERSIONS = frozenset({14, 15, 16})  # of the tree, as `NodeTraverser.version` tells: Polars 1.42 to 2.1
CASTS_ROUND = tuple(int(part) for part in pl.__version__.split(".")[:2]) < (2, 1)  # decimals, to whole numbers; later they are cut off
_FEWER_OR_MOVED = frozenset({"Filter", "Sort", "Distinct", "Slice", "Cache", "SimpleProjection"})
_SCANS = frozenset({"PythonScan", "DataFrameScan"})


class EmptyScan:
    """An empty table of a schema, which is recognised in a query that scans it, and notes which columns are collected of it."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self.collected: set[str] | None = None  # by eager code, of which the query that comes out shows nothing

        def scan(columns: list[str] | None, *_: Any) -> Iterator[pl.DataFrame]:
            self.collected = (self.collected or set()) | set(rows.columns if columns is None else columns)
            yield rows if columns is None else rows.select(columns)

        self.names = tuple(rows.columns)
        self._scan = scan
        self.frame = register_io_source(scan, schema=rows.schema, is_pure=False)

    def is_read_by(self, options: Sequence[Any]) -> bool:
        """Whether a scan's options are those of a scan of this table."""
        cells = getattr(options[0], "__closure__", None) or ()
        return any(cell.cell_contents is self._scan for cell in cells)


def scanned_columns(query: pl.LazyFrame, tables: Sequence[EmptyScan]) -> list[frozenset[str]] | None:
    """Return the columns that the optimized query reads of each table, over all its scans, and those that were collected before.

    None where that cannot be told.
    """
    read: list[set[str]] = [set(table.collected or ()) for table in tables]
    tree = _Tree(query)
    if not tree.is_known:
        return None
    for kind, node in tree.walk():
        if kind == "PythonScan":
            number = next((number for number, table in enumerate(tables) if table.is_read_by(node.options)), None)
            if number is None:
                return None
            columns = node.options[1]
            read[number].update(tables[number].names if columns is None else columns)
    return [frozenset(columns) for columns in read]


def spelled(query: pl.LazyFrame) -> str:
    """Return the optimized query as text: queries of equal texts that read the same columns are equal.

    Left out is how many columns a scan could have read, and where the optimizer leaves columns out that it needs no longer.
    """
    lines = [re.sub(r"PROJECT \S+ COLUMNS", "", line).strip() for line in query.explain().splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("simple π "))


def comes_through(query: pl.LazyFrame, columns: Collection[str], *, grouped: bool) -> bool:
    """Whether some columns of the one table that a query scans come out as they went in, be it in fewer rows or another order.

    Parameters
    ----------
    grouped
        Whether it may also aggregate by them.
    """
    names = query.collect_schema().names()
    if not set(columns) <= set(names):
        return False
    tree, n_scans = _Tree(query.select(list(columns))), 0
    if not tree.is_known:
        return False
    for kind, node in tree.walk():
        if kind in _SCANS:
            n_scans += 1
        elif kind == "HStack":
            if {made.output_name for made in node.exprs} & set(columns):
                return False
        elif kind == "Select":
            plain = {made.output_name for made in node.expr if tree.column_of(made) == made.output_name}
            if not set(columns) <= plain:
                return False
        elif kind == "GroupBy" and grouped:
            if not set(columns) <= {key.output_name for key in node.keys if tree.column_of(key) == key.output_name}:
                return False
        elif kind not in _FEWER_OR_MOVED:
            return False
    return n_scans == 1


def keeps_rows(query: pl.LazyFrame, *, selects: bool) -> bool:
    """Whether a query only adds, drops or changes columns of the one table that it scans.

    Parameters
    ----------
    selects
        Whether columns may be computed in place of the table's; a reduction among them must have been ruled out.
    """
    allowed = {"HStack", "SimpleProjection", *_SCANS, *(["Select"] if selects else [])}
    tree = _Tree(query)
    kinds = [kind for kind, _ in tree.walk()] if tree.is_known else []
    return set(kinds) <= allowed and sum(kind in _SCANS for kind in kinds) == 1


def rounded_decimals(query: pl.LazyFrame) -> str | None:
    """Return ``"product"``, ``"quotient"`` or ``"mean"`` where a query makes one of decimals that Polars rounds; None otherwise."""
    tree = _Tree(query)
    for _, node in tree.walk():
        for found in tree.expressions(node):
            kind, operation = type(found).__name__, str(getattr(found, "op", ""))
            scales = [tree.scale_of(operand) for operand in tree.operands(found)]
            if kind == "BinaryExpr" and "Divide" in operation and scales != [None, None]:
                return "quotient"
            if kind == "BinaryExpr" and operation.endswith("Multiply") and all(scales):  # with a whole number it is exact
                return "product"
            if kind == "Agg" and found.name == "mean" and scales != [None]:
                return "mean"
    return None


def rounds_to_whole(query: pl.LazyFrame) -> bool:
    """Whether a query casts decimals to whole numbers where this Polars rounds them; engines, and Polars from 2.1 on, cut them off."""
    if not CASTS_ROUND:
        return False
    tree = _Tree(query)
    made = (found for _, node in tree.walk() for found in tree.expressions(node) if type(found).__name__ == "Cast")
    return any(found.dtype.is_integer() and bool(tree.scale_of(found.expr)) for found in made)


def tree_is_known() -> bool:
    """Whether the tree of this Polars is one that is read here."""
    return _Tree(pl.LazyFrame()).is_known


class _Tree:
    """The tree of a query's optimized plan."""

    def __init__(self, query: pl.LazyFrame) -> None:
        self._traverser: Any = query._ldf.visit()
        self.is_known = self._traverser.version()[0] in KNOWN_VERSIONS

    def walk(self) -> Iterator[tuple[str, Any]]:
        """Yield every node with its kind, parents first."""
        stack = [self._traverser.get_node()]
        while stack:
            self._traverser.set_node(stack.pop())
            node = self._traverser.view_current_node()
            stack += self._traverser.get_inputs()
            yield type(node).__name__, node

    def expressions(self, node: Any) -> Iterator[Any]:
        """Yield the expressions of a node just walked to, and those inside them; meanwhile dtypes are those of its input."""
        made = self._traverser.get_exprs()
        if not hasattr(node, "input") or not isinstance(node.input, int):
            return
        here, stack = self._traverser.get_node(), [one.node for one in made]
        self._traverser.set_node(node.input)
        try:
            while stack:
                found = self._viewed(stack.pop())
                stack += self.operands(found)
                yield found
        finally:
            self._traverser.set_node(here)

    def _viewed(self, number: int) -> Any:
        """Return an expression; None for a function of a user's, which Polars 1.44 does not show."""
        try:
            return self._traverser.view_expression(number)
        except NotImplementedError:
            return None

    def operands(self, found: Any) -> list[int]:
        """Return the expressions that an expression is made of."""
        inner: list[int] = []
        for name in ("left", "right", "expr", "input", "arguments", "predicate", "truthy", "falsy", "function"):
            given = getattr(found, name, None)
            inner += [part for part in (given if isinstance(given, list) else [given]) if type(part) is int]
        return inner

    def scale_of(self, number: int) -> int | None:
        """Return the digits behind the point of an expression that makes decimals, while `expressions` yields it; None for others.

        Polars before 2.1 gives whole numbers beside decimals as many digits as those have, all of them zeros.
        """
        dtype, found = self._traverser.get_dtype(number), self._viewed(number)
        if not dtype.is_decimal():
            return None
        kind = type(found).__name__ if CASTS_ROUND else ""
        is_whole = (
            found.value == int(found.value) if kind == "Literal" else kind == "Cast" and self._traverser.get_dtype(found.expr).is_integer()
        )
        return 0 if is_whole else int(dtype.scale)

    def column_of(self, made: Any) -> str | None:
        """Return the column that an expression is, or None where it is something else."""
        found = self._viewed(made.node)
        return str(found.name) if type(found).__name__ == "Column" else None
