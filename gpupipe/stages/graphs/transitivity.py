"""Measures which share of paths of two edges is closed to triangles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.node import Node, Value
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec


@dataclass(frozen=True)
class Transitivity(TaskStage):
    """Gives the share of paths of two edges, in the undirected simple view, that are closed to triangles."""

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)
    gives: ClassVar[type[Node]] = Value

    def plan(self, *specs: GraphSpec) -> Any:
        """Return the number's dtype."""
        return nw.Float64()

    def solve(self, tools: Tools, *inputs: GraphData) -> float:
        """Return the share."""
        return float(gg.transitivity(inputs[0].graph))
