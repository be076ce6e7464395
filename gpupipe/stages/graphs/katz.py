"""Ranks the vertices of a graph by all walks that lead to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.schema import Schema
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import GraphData, GraphSpec
from gpupipe.stages.graphs._iterative import Iterative


@dataclass(frozen=True)
class Katz(Iterative):
    """Gives each vertex its Katz centrality, in the column ``katz``; see `gpupipe.graphs.katz`.

    Parameters
    ----------
    alpha
        What a walk counts for with each step more; by default within the radius of convergence.
    beta
        What each vertex has by itself.
    """

    alpha: float | None = None
    beta: float = 1.0

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the key and the value."""
        specs[0].try_out(lambda graph: gg.katz(graph, self.alpha, self.beta, **self.ending))
        return specs[0].by_vertex(self.name, katz=nw.Float64())

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the value."""
        found = gg.katz(inputs[0].graph, self.alpha, self.beta, **self.ending)
        self.tell(tools, found)
        return inputs[0].by_vertex(tools, katz=found.values)
