"""Finds the k-truss of a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec


@dataclass(frozen=True)
class KTruss(TaskStage):
    """Gives the edges, ``source`` and ``destination``, of the k-truss of a graph.

    That is the largest part of the undirected simple view whose edges all are in k - 2 triangles of it.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    k: int

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the columns of the result."""
        specs[0].try_out(lambda graph: gg.k_truss(graph, self.k))
        return specs[0].by_pair("source", "destination")

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the table."""
        source, destination, _ = gg.k_truss(inputs[0].graph, self.k).edges()
        return inputs[0].by_pair(tools, ("source", source), ("destination", destination))
