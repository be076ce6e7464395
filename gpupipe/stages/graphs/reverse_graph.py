"""Turns the edges of a graph round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gpupipe.core.node import Node
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec


@dataclass(frozen=True)
class ReverseGraph(TaskStage):
    """Gives the graph with each edge turned round; an undirected one is its own."""

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)
    gives: ClassVar[type[Node]] = Graph

    def plan(self, *specs: GraphSpec) -> GraphSpec:
        """Return the same."""
        return specs[0]

    def solve(self, tools: Tools, *inputs: GraphData) -> GraphData:
        """Return the turned graph."""
        return GraphData.of(inputs[0].graph.reverse(), inputs[0].keys)
