"""Ranks the vertices of a graph by where a walker is who follows its edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.node import Node, Table
from gpupipe.core.schema import Schema
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphSpec
from gpupipe.stages.graphs._iterative import Iterative


@dataclass(frozen=True)
class PageRank(Iterative):
    """Gives each vertex its PageRank, in the column ``pagerank``; they sum to 1. What it means is in `gpupipe.graphs.pagerank`.

    Parameters
    ----------
    alpha
        How often the walker follows an edge.
    personalization
        A column of a second table, which says how often, in relation to each other, walks start at the vertices in it; by default they
        start everywhere alike: ``gp.PageRank(personalization="weight")(graph, table)``. The table has the key's columns under their names.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToGraph
    >>> graph = ToGraph("a", "b", directed=True).apply(pl.DataFrame({"a": [0, 1, 2], "b": [2, 2, 0]}))
    >>> PageRank().apply(graph)["pagerank"].round(3).to_list()
    [0.464, 0.05, 0.486]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph, Table)
    optional: ClassVar[int] = 1

    alpha: float = 0.85
    personalization: str | None = None

    def plan(self, *specs: Any) -> Schema:
        """Return the key and the rank."""
        spec: GraphSpec = specs[0]
        spec.require_table(specs[1:], self.name, "personalization", self.personalization)
        spec.try_out(lambda graph: gg.pagerank(graph, self.alpha, **self.ending))
        return spec.by_vertex(self.name, pagerank=nw.Float64())

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the ranks."""
        graph, *tables = inputs
        starts = None
        if tables:
            starts = graph.numbers(tools, tables[0], graph.keys.columns, self.name), tools.array(tables[0], str(self.personalization))
        found = gg.pagerank(graph.graph, self.alpha, starts, **self.ending)
        self.tell(tools, found)
        made: nw.DataFrame[Any] = graph.by_vertex(tools, pagerank=found.values)
        return made
