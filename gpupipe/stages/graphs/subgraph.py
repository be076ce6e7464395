"""Takes some vertices of a graph, and the edges between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from gpupipe.core.node import Node, Table
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec


@dataclass(frozen=True)
class Subgraph(TaskStage):
    """Gives the graph of the vertices in a table, and the edges between them: ``gp.Subgraph()(graph, table)``.

    The table has the key's columns under their names; other columns, and rows that are there twice, mean nothing.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph, Table)
    gives: ClassVar[type[Node]] = Graph

    def plan(self, *specs: Any) -> GraphSpec:
        """Return the same."""
        spec: GraphSpec = specs[0]
        schema: Schema = specs[1]
        schema.require(name for name, _ in spec.key)
        return spec

    def solve(self, tools: Tools, *inputs: Any) -> GraphData:
        """Return the part of the graph."""
        graph: GraphData = inputs[0]
        vertices = tools.xp.unique(graph.numbers(tools, inputs[1], graph.keys.columns, self.name))
        held = vertices.get() if hasattr(vertices, "get") else vertices
        return GraphData.of(graph.graph.subgraph(vertices), graph.keys[held])
