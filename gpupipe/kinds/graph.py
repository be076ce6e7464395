"""Graphs: vertices with a key, and the edges between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

import gpupipe.graphs as gg
from gpupipe.core.errors import ArtefactError, ColumnError, listing
from gpupipe.core.holding import Holding
from gpupipe.core.node import Node
from gpupipe.core.schema import Field, Schema
from gpupipe.core.tools import Tools


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

    def by_vertex(self, stage: str, **columns: Any) -> Schema:
        """Return the columns of a table with a row for each vertex: its key, then `columns`, dtypes or fields; none is missing."""
        twice = [name for name, _ in self.key if name in columns]
        if twice:
            msg = f"{stage} makes column {listing(twice)}, and the key of the graph's vertices is called so. Rename it before ToGraph."
            raise ColumnError(msg)
        made = {name: given if isinstance(given, Field) else Field(given, nullable=False) for name, given in columns.items()}
        return Schema((*((name, Field(dtype, nullable=False)) for name, dtype in self.key), *made.items()))


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

    def by_vertex(self, tools: Tools, **columns: Any) -> nw.DataFrame[Any]:
        """Return a table with a row for each vertex: its key, and arrays of values."""
        return tools.frame(columns, beside=self.keys)

    @property
    def headline(self) -> str:
        """How large it is."""
        return f"{len(self.keys)} vertices, {self.graph.n_edges} edges"

    def tables(self) -> Mapping[str, nw.DataFrame[Any]]:
        """Return the vertices' keys."""
        return {"vertices": self.keys}

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
        return {"facts": facts}
