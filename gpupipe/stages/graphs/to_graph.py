"""Makes a graph of a table of edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.errors import DtypeError, StageError, UsageError, listing
from gpupipe.core.node import Node, Table
from gpupipe.core.options import settle
from gpupipe.core.present import as_text, text_of
from gpupipe.core.schema import Schema
from gpupipe.core.stage import as_columns
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Codes, Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec

Columns = str | Sequence[str]


@dataclass(frozen=True, init=False)
class ToGraph(TaskStage):
    """Makes a graph of a table of edges, and a second table of vertices where some have no edge.

    ``graph = gp.ToGraph("buyer", "seller", directed=True)(sales)``. A vertex is a key: the values of one column or of several. Vertices
    are numbered in the ascending order of their keys, and every result has the key back under the source's name.

    Parameters
    ----------
    source, destination
        The columns of the keys at both ends of an edge, of the same dtypes.
    weight
        A column of finite numbers; float32 stays, all else becomes Float64.
    directed
        Whether an edge has a direction. If not, u-v and v-u are one edge.
    vertices
        The key's columns in the second table; the source's names unless given. Each key in an edge must be there.
    duplicates
        What parallel edges become. Without weights ``"any"`` (the default): one edge. With weights ``"error"`` (the default), or the one
        edge's weight is their ``"sum"``, ``"min"``, ``"max"`` or ``"mean"``. ``"count"`` makes their number the weight.
    listed
        ``"both"`` where rows list each undirected edge in both directions, which is checked; ``"once"`` where each row is an edge.
    loops
        ``"keep"``, ``"drop"`` or ``"error"``.
    nulls
        ``"error"``, or ``"drop"`` for rows with a missing key or weight.

    Examples
    --------
    >>> import polars as pl
    >>> edges = pl.DataFrame({"from": ["a", "b"], "to": ["b", "c"]})
    >>> ToGraph("from", "to", directed=False).apply(edges).describe()["facts"]["edges"]
    2
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    optional: ClassVar[int] = 1
    gives: ClassVar[type[Node]] = Graph

    source: tuple[str, ...]
    destination: tuple[str, ...]
    weight: str | None
    directed: bool
    vertices: tuple[str, ...]
    duplicates: str | None
    listed: str
    loops: str
    nulls: str

    def __init__(
        self,
        source: Columns,
        destination: Columns,
        weight: str | None = None,
        *,
        directed: bool,
        vertices: Columns | None = None,
        duplicates: Literal["any", "error", "sum", "min", "max", "mean", "count"] | None = None,
        listed: Literal["once", "both"] = "once",
        loops: Literal["keep", "drop", "error"] = "keep",
        nulls: Literal["error", "drop"] = "error",
    ) -> None:
        ends = as_columns(source, "ToGraph's source"), as_columns(destination, "ToGraph's destination")
        named = ends[0] if vertices is None else as_columns(vertices, "ToGraph's vertices")
        if not len(ends[0]) == len(ends[1]) == len(named):
            msg = f"ToGraph expects keys of as many columns on every side, got {listing(ends[0])}, {listing(ends[1])} and {listing(named)}."
            raise UsageError(msg)
        if nulls not in ("error", "drop"):
            msg = f"nulls={nulls!r}: ToGraph expects 'error' or 'drop'."
            raise UsageError(msg)
        gg.edge_rule(duplicates, weighted=weight is not None, directed=directed, loops=loops, listed=listed)
        settle(self, source=ends[0], destination=ends[1], weight=weight, directed=directed, vertices=named)
        settle(self, duplicates=duplicates, listed=listed, loops=loops, nulls=nulls)

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the columns of the keys and the weight."""
        of_edges = [*self.source, *self.destination, *([] if self.weight is None else [self.weight])]
        return [list(dict.fromkeys(of_edges)), self.vertices][: len(schemas)]

    def plan(self, *specs: Any) -> GraphSpec:
        """Return what is known of the graph.

        Raise ColumnError for a column that is not there, DtypeError for keys of other dtypes or weights that are no numbers.
        """
        edges = specs[0]
        edges.require([*self.source, *self.destination])
        pairs = [(name, edges[name].dtype, other, edges[other].dtype) for name, other in zip(self.source, self.destination, strict=True)]
        if len(specs) > 1:
            specs[1].require(self.vertices)
            named = zip(self.source, self.vertices, strict=True)
            pairs += [(name, edges[name].dtype, other, specs[1][other].dtype) for name, other in named]
        for name, dtype, other, got in pairs:
            if dtype != got:
                msg = f"ToGraph expects keys of one dtype, got {dtype} in {name!r} and {got} in {other!r}. Cast one of them."
                raise DtypeError(msg)
        if self.weight is not None:
            edges.require_numeric([self.weight], "ToGraph's weight")
        key = tuple((name, text_of(specs[0][name].dtype)) for name in self.source)
        return GraphSpec(key, self.directed, self.weight is not None or self.duplicates == "count")

    def solve(self, tools: Tools, *inputs: Any) -> GraphData:
        """Return the graph."""
        edges = self._whole(inputs[0], "edges", [*self.source, *self.destination, *([] if self.weight is None else [self.weight])])
        named = [self._whole(frame, "vertices", self.vertices) for frame in inputs[1:]]
        codes = tools.coded((edges, self.source), (edges, self.destination), *((frame, self.vertices) for frame in named))
        if named:
            self._require_named(tools, codes)
        weight = None if self.weight is None else tools.array(edges, self.weight)
        self._require_room(len(edges), len(codes.keys), tools.most_bytes)
        options: dict[str, Any] = {"duplicates": self.duplicates, "loops": self.loops, "listed": self.listed}
        made = gg.from_edges(codes.numbers[0], codes.numbers[1], weight, len(codes.keys), directed=self.directed, **options)
        return GraphData(made.source, made.destination, made.weight, codes.keys, self.directed, made.n_folded)

    def _whole(self, frame: nw.DataFrame[Any], what: str, columns: Sequence[str]) -> nw.DataFrame[Any]:
        """Return the rows that lack none of the columns; missing ones are an error unless they are to be dropped."""
        lacking = {name: int(frame[name].null_count()) for name in dict.fromkeys(columns)}
        lacking = {name: count for name, count in lacking.items() if count}
        frame = as_text(frame, columns)
        if not lacking:
            return frame
        if self.nulls == "error":
            counts = ", ".join(f"{count} in {name!r}" for name, count in lacking.items())
            msg = f"ToGraph expects no missing key or weight in its {what}, got some: {counts}. Fill them, or say nulls='drop'."
            raise StageError(msg)
        return frame.filter(~nw.any_horizontal(*(nw.col(name).is_null() for name in lacking), ignore_nulls=False))

    def require_room(self, n_rows: Sequence[int | None], most_bytes: int | None) -> None:
        """Raise StageError where metadata count more edges than there is memory for; see `gpupipe.graphs.needed_bytes`."""
        if n_rows[0] is not None and self.nulls == "error":  # of rows that are dropped nobody knows how many there are
            self._require_room(n_rows[0], None, most_bytes)

    def _require_room(self, n_edges: int, n_vertices: int | None, most_bytes: int | None) -> None:
        """Raise StageError where the graph needs more memory than there is."""
        weighted = self.weight is not None or self.duplicates == "count"
        needed = gg.needed_bytes(n_vertices or 0, n_edges, directed=self.directed, weighted=weighted)
        if most_bytes is not None and needed > most_bytes:
            vertices = "" if n_vertices is None else f" and {n_vertices:,} vertices"
            msg = (
                f"A graph of {n_edges:,} edges{vertices} needs about {needed:,} bytes, and there are {most_bytes:,}. "
                "Filter the edges, or run on a machine with more memory."
            )
            raise StageError(msg)

    def _require_named(self, tools: Tools, codes: Codes) -> None:
        """Raise StageError for a key in an edge that is none of the vertices."""
        xp = tools.xp
        is_named = xp.zeros(len(codes.keys), dtype=bool)
        is_named[codes.numbers[2]] = True
        if not bool(is_named.all()):
            first = int(xp.flatnonzero(~is_named)[0])
            shown = ", ".join(map(repr, codes.keys[first : first + 1].rows()[0]))
            msg = (
                f"ToGraph expects every key of an edge among the vertices; {int((~is_named).sum())} are not, {shown} for one. "
                "Add them to the table of vertices, or filter the edges."
            )
            raise StageError(msg)
