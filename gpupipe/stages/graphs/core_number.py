"""Finds how deep in the core of a graph each vertex is."""

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
class CoreNumber(TaskStage):
    """Gives each vertex the largest k for which it is in the k-core of the undirected simple view, in the column ``core``."""

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the columns of the result."""
        return specs[0].by_vertex(self.name, core=nw.Int64())

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the table."""
        return inputs[0].by_vertex(tools, core=gg.core_number(inputs[0].graph))
