"""Finds communities of a graph by the Leiden method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec
from gpupipe.stages.graphs._communities import show


@dataclass(frozen=True)
class Leiden(TaskStage):
    """Gives each vertex its community, in the column ``community``: 0 is the largest one. They are connected.

    The report tells of the modularity.

    Parameters
    ----------
    resolution
        More of it makes smaller communities.
    seed
        On one thread it decides every choice.
    view
        ``"undirected"`` forgets directions, loops and weights; a directed graph needs it.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToGraph
    >>> edges = pl.DataFrame({"a": [0, 1, 2, 3, 4, 5, 2], "b": [1, 2, 0, 4, 5, 3, 3]})
    >>> Leiden().apply(ToGraph("a", "b", directed=False).apply(edges))["community"].to_list()
    [0, 0, 0, 1, 1, 1]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    resolution: float = 1.0
    seed: int = 0
    iterations: int = 10
    view: Literal["undirected"] | None = None

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the key and the community."""
        specs[0].require_undirected(self.name, self.view)
        return specs[0].by_vertex(self.name, community=nw.Int64())

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the communities."""
        found = gg.leiden(inputs[0].graph, self.resolution, seed=self.seed, iterations=self.iterations, view=self.view)
        graph = inputs[0].graph
        show(tools, graph if self.view is None else graph.simple, found)
        return inputs[0].by_vertex(tools, community=found.community)
