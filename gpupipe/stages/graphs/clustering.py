"""Measures how far the neighbours of a vertex are neighbours of one another."""

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
class Clustering(TaskStage):
    """Gives each vertex its local clustering coefficient, in the column ``clustering``; see `gpupipe.graphs.clustering`."""

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the columns of the result."""
        return specs[0].by_vertex(self.name, clustering=nw.Float64())

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the table."""
        return inputs[0].by_vertex(tools, clustering=gg.clustering(inputs[0].graph))
