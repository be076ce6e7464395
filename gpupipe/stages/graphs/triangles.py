"""Counts the triangles of a graph."""

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
class Triangles(TaskStage):
    """Gives each vertex the number of triangles that it is a corner of, in the column ``triangles``, in the undirected simple view."""

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the columns of the result."""
        return specs[0].by_vertex(self.name, triangles=nw.Int64())

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the table."""
        found = gg.triangles(inputs[0].graph)
        tools.note(triangles=int(found.sum()) // 3)
        return inputs[0].by_vertex(tools, triangles=found)
