"""Finds the weakly connected components of a graph."""

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
from gpupipe.stages.graphs._components import show


@dataclass(frozen=True)
class WeakComponents(TaskStage):
    """Gives each vertex its weakly connected component, in the column ``component``: the smallest key in it."""

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the columns of the result."""
        spec = specs[0]
        return Schema((*spec.by_vertex(self.name).items(), *spec.keyed("component")))

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the table."""
        found = gg.weak_components(inputs[0].graph)
        show(tools, inputs[0], found)
        return nw.concat([inputs[0].keys, inputs[0].keyed("component", found)], how="horizontal")
