"""Graphs: vertices with a key, and the edges between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

import gpupipe.graphs as gg
from gpupipe.core.errors import ArtefactError, ColumnError, DtypeError, PlanError, StageError, UsageError, listing
from gpupipe.core.holding import Holding
from gpupipe.core.node import Node
from gpupipe.core.present import as_text, require_present, text_of
from gpupipe.core.schema import Field, Schema
from gpupipe.core.tools import Tools

_RECIPROCITY = 1 << 22  # edges of a graph of which it is told which share is there in both directions: they are sorted for it


class Graph(Node):
    """A graph that a stage makes; graph stages take it."""

    __slots__ = ()
    words: ClassVar[str] = "graphs"
    made_by: ClassVar[str] = 'gp.ToGraph("source", "destination", directed=...)(edges)'
    to_table: ClassVar[str] = "by a graph stage, such as gp.Degrees()(graph)"


@dataclass(frozen=True)
class GraphSpec:
    """What a plan knows of a graph.

    Parameters
    ----------
    key
        The columns of a vertex's key in results, with their dtypes.
    """

    key: tuple[tuple[str, Any], ...]
    directed: bool
    weighted: bool

    def require_undirected(self, stage: str, view: str | None) -> None:
        """Raise PlanError for a directed graph of which no undirected view is asked for, UsageError for a view that there is not."""
        if view not in (None, "undirected"):
            msg = f"view={view!r}: {stage} expects 'undirected', or None."
            raise UsageError(msg)
        if self.directed and view is None:
            msg = f"{stage} expects an undirected graph, got a directed one. Say view='undirected' to forget directions, loops and weights."
            raise PlanError(msg)

    def require_table(self, specs: Sequence[Schema], stage: str, option: str, column: str | None) -> None:
        """Raise PlanError unless a second table is given with the option that names its column of numbers, and has the key's columns."""
        if (column is None) != (not specs):
            msg = f"{stage} expects {option}=COLUMN and a second table, with the key's columns and that one; got one of the two."
            raise PlanError(msg)
        for schema in specs:
            schema.require([name for name, _ in self.key])
            schema.require_numeric([str(column)], stage)

    def require_pairs(self, schema: Schema, pairs: tuple[Sequence[str], Sequence[str]], stage: str) -> None:
        """Raise ColumnError or DtypeError unless a table has keys of the graph in the columns of both ends of a pair."""
        for columns in pairs:
            schema.require(columns)
            wanted = [dtype for _, dtype in self.key]
            got = [text_of(schema[name].dtype) for name in columns]
            if got != wanted:
                found = f"{listing(map(str, got))} in {listing(columns)}"
                msg = f"{stage} expects keys of dtypes {listing(map(str, wanted))}, got {found}. Cast them."
                raise DtypeError(msg)

    def try_out(self, measure: Callable[[gg.Graph], object]) -> None:
        """Measure a graph without vertices: what is wrong with the options is told in the plan, by the function that takes them."""
        none = np.zeros(0, np.int32)
        measure(gg.Graph(0, none, none, np.zeros(0) if self.weighted else None, directed=self.directed))

    def table_of(self, keys: Sequence[Any], stage: str) -> Any:
        """Return vertices given as Python values, tuples where a key has several columns, as an Arrow table.

        Raises
        ------
        DtypeError
            One of them has another number of values, or a value that is none of its column's dtype.
        """
        rows = [key if isinstance(key, tuple) else (key,) for key in keys]
        told = ", ".join(f"{dtype} in {name!r}" for name, dtype in self.key)
        wrong = next((row for row in rows if len(row) != len(self.key)), None)
        if wrong is not None:
            msg = f"{stage} expects vertices as their keys, {told}, got {wrong!r} for one."
            raise DtypeError(msg)
        held = {name: [row[place] for row in rows] for place, (name, _) in enumerate(self.key)}
        try:
            return nw.from_dict(held, schema=dict(self.key), backend="polars").to_arrow()  # which takes no value of another dtype
        except (TypeError, ValueError, OverflowError) as error:
            msg = f"{stage} expects vertices as their keys, {told}, got others: {str(error).partition(chr(10))[0]}."
            raise DtypeError(msg) from error

    def by_vertex(self, stage: str, **columns: Any) -> Schema:
        """Return the columns of a table with a row for each vertex: its key, then `columns`, dtypes or fields; none is missing."""
        twice = [name for name, _ in self.key if name in columns]
        if twice:
            msg = f"{stage} makes column {listing(twice)}, and the key of the graph's vertices is called so. Rename it before ToGraph."
            raise ColumnError(msg)
        return Schema((*((name, Field(dtype, nullable=False)) for name, dtype in self.key), *_fields(columns)))

    def keyed(self, name: str, *, nullable: bool = False) -> tuple[tuple[str, Field], ...]:
        """Return the columns of another vertex's key under a name; see `names_of`."""
        return tuple(
            (column, Field(dtype, nullable=nullable)) for column, (_, dtype) in zip(names_of(name, self.key), self.key, strict=True)
        )

    def by_pair(self, first: str, second: str, **columns: Any) -> Schema:
        """Return the columns of a table with a row for each of some pairs of vertices: both keys, then `columns`."""
        return Schema((*self.keyed(first), *self.keyed(second), *_fields(columns)))


def names_of(name: str, key: Sequence[Any]) -> tuple[str, ...]:
    """Return the columns that a vertex's key has under a name.

    Examples
    --------
    >>> names_of("component", [("id", None)]), names_of("component", [("country", None), ("number", None)])
    (('component',), ('component_country', 'component_number'))
    """
    return (name,) if len(key) == 1 else tuple(f"{name}_{column}" for column, _ in key)


def _fields(columns: Mapping[str, Any]) -> list[tuple[str, Field]]:
    """Return columns as a schema has them: dtypes are of columns in which none is missing."""
    return [(name, given if isinstance(given, Field) else Field(given, nullable=False)) for name, given in columns.items()]


@dataclass(frozen=True, eq=False, repr=False)
class GraphData(Holding):
    """A graph as a run holds it: edges between numbers, and the key of each number.

    Parameters
    ----------
    source, destination
        Arrays of the edges' ends, sorted; an undirected edge stands in both directions.
    weight
        An array of the edges' weights, or None.
    keys
        A frame of the vertices' keys, in ascending order.
    n_folded
        How many parallel edges became one with another.
    """

    word: ClassVar[str] = "graph"

    source: Any
    destination: Any
    weight: Any
    keys: Any
    directed: bool
    n_folded: int = 0

    @cached_property
    def graph(self) -> gg.Graph:
        """The graph as the functions of `gpupipe.graphs` take it, with what they keep beside it."""
        return gg.Graph(len(self.keys), self.source, self.destination, self.weight, directed=self.directed, n_folded=self.n_folded)

    @property
    def spec(self) -> GraphSpec:
        """What the plan would know of it."""
        return GraphSpec(tuple(self.keys.schema.items()), self.directed, self.weight is not None)

    def check(self) -> None:
        """Raise ArtefactError unless edges go between vertices, and are as many as their weights."""
        n, arrays = len(self.keys), [self.source, self.destination, *([] if self.weight is None else [self.weight])]
        sound = all(isinstance(array, np.ndarray) and array.shape == (len(self.source),) for array in arrays)
        sound = sound and self.source.dtype == self.destination.dtype and self.source.dtype in (np.int32, np.int64)
        sound = sound and (self.weight is None or self.weight.dtype.kind == "f")
        if sound and len(self.source):
            order = self.source.astype(np.int64) * n + self.destination
            inside = min(self.source.min(), self.destination.min()) >= 0 and max(self.source.max(), self.destination.max()) < n
            sound = bool(inside and (order[1:] > order[:-1]).all())
        if not sound:
            msg = "Expected a graph's edges as sorted pairs of its vertices' numbers, got others. Save the graph again."
            raise ArtefactError(msg)

    @classmethod
    def of(cls, graph: gg.Graph, keys: nw.DataFrame[Any]) -> GraphData:
        """Return a graph of the functions of `gpupipe.graphs` with the keys of its vertices."""
        return cls(graph.source, graph.destination, graph.weight, keys, graph.directed, graph.n_folded)

    def keyed(self, name: str, vertices: Any) -> nw.DataFrame[Any]:
        """Return the keys of some vertices, an array of numbers, as a frame; a number below 0 is a missing key."""
        columns = names_of(name, list(self.keys.schema.items()))
        there = vertices >= 0
        taken: nw.DataFrame[Any] = self.keys[_host(vertices * there)].rename(dict(zip(self.keys.columns, columns, strict=True)))
        if not len(self.keys) or bool(there.all()):
            return taken
        mark = nw.new_series("\x00there", _host(there), nw.Boolean(), backend=self.keys.implementation)
        shown = [nw.when(nw.col("\x00there")).then(nw.col(column)).alias(column) for column in columns]
        return taken.with_columns(mark).select(*shown)

    def by_pair(self, tools: Tools, first: tuple[str, Any], second: tuple[str, Any], **columns: Any) -> nw.DataFrame[Any]:
        """Return a table with a row for each of some pairs of vertices: both keys, each under its name, and arrays of values."""
        keys = nw.concat([self.keyed(*first), self.keyed(*second)], how="horizontal")
        return tools.frame(columns, beside=keys) if columns else keys

    def numbers(self, tools: Tools, frame: nw.DataFrame[Any], columns: Sequence[str], stage: str) -> Any:
        """Return the numbers of the vertices whose keys stand in some columns of a frame.

        Raises
        ------
        StageError
            One of them is no vertex, or is missing.
        """
        require_present(frame, columns, stage, "a vertex")
        frame = as_text(frame, columns)
        codes = tools.coded((self.keys, self.keys.columns), (frame, columns))
        if len(codes.keys) == len(self.keys):  # the graph's keys are all there are, and in their order
            return codes.numbers[1]
        is_known = tools.xp.zeros(len(codes.keys), dtype=bool)
        is_known[codes.numbers[0]] = True
        unknown = tools.xp.flatnonzero(~is_known)
        shown = ", ".join(map(repr, codes.keys[int(unknown[0]) : int(unknown[0]) + 1].rows()[0]))
        msg = (
            f"{stage} expects vertices of the graph, got {len(unknown)} keys that are none, {shown} for one. "
            "Leave them out, or name them in ToGraph."
        )
        raise StageError(msg)

    def numbers_of(self, tools: Tools, keys: Sequence[Any], stage: str) -> Any:
        """Return the numbers of vertices given as Python values, tuples where a key has several columns; see `numbers`."""
        return self.numbers(tools, tools.adopted(self.spec.table_of(keys, stage)), self.keys.columns, stage)

    def by_vertex(self, tools: Tools, **columns: Any) -> nw.DataFrame[Any]:
        """Return a table with a row for each vertex: its key, and arrays of values."""
        return tools.frame(columns, beside=self.keys)

    @property
    def headline(self) -> str:
        """How large it is."""
        return f"{len(self.keys)} vertices, {self.graph.n_edges} edges"

    def describe(self) -> Mapping[str, Any]:
        """Return the graph's size, and what kind of graph it is."""
        graph = self.graph
        n, undirected = graph.n_vertices, 1 if self.directed else 2
        degree = gg.degrees(graph).degree if self.weight is None or float(self.weight.min(initial=0)) >= 0 else np.zeros(0)
        pairs = n * (n - 1) / undirected
        facts = {
            "vertices": n,
            "edges": graph.n_edges,
            "directed": self.directed,
            "weighted": self.weight is not None,
            "loops": graph.n_loops,
            "parallel edges folded": self.n_folded,
            "isolated": int((degree == 0).sum()),
            "largest degree": int(degree.max()) if len(degree) else 0,
            "density": round((graph.n_edges - graph.n_loops) / pairs, 9) if pairs else 0.0,
        }
        if self.directed and graph.n_stored <= _RECIPROCITY:
            n_proper = graph.n_stored - graph.n_loops
            facts["reciprocity"] = round(2 - graph.simple.n_stored / n_proper, 9) if n_proper else 0.0
        return {"facts": facts, "cards": [{"title": "Degrees", "parts": self._degrees(degree)}] if n else []}

    def _degrees(self, degree: Any) -> list[dict[str, Any]]:
        """Return how many vertices have how many edges, and which have most."""
        xp = self.graph.xp
        largest = _host(xp.argsort(degree, kind="stable")[::-1][:10])  # all but ten numbers stay on a device
        rows = [[*map(str, key), int(degree[int(number)])] for key, number in zip(self.keys[largest].rows(), largest, strict=True)]
        values, counts = map(_host, xp.unique(degree[degree > 0], return_counts=True))
        share = np.cumsum(counts[::-1])[::-1] / len(degree)  # of vertices that have so many edges or more
        curve = {"label": "vertices", "x": np.log10(values).round(4).tolist(), "y": np.log10(share).round(4).tolist()}
        drawn = {"kind": "lines", "title": "Share of vertices with so many edges or more", "x": "log10 of edges", "y": "log10 of share"}
        table = {"kind": "table", "title": "The largest degrees", "columns": [*self.keys.columns, "degree"], "rows": rows}
        return [drawn | {"curves": [curve]}, table] if len(values) > 1 else [table]


def _host(array: Any) -> Any:
    """Return an array as frames are indexed by."""
    return array.get() if hasattr(array, "get") else array
