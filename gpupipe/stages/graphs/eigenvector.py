"""Ranks the vertices of a graph by the ranks of those that have edges to them."""

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
class Eigenvector(Iterative):
    """Gives each vertex its part in the leading eigenvector over in-edges, in the column ``eigenvector``."""

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the key and the value."""
        specs[0].try_out(lambda graph: gg.eigenvector(graph, **self.ending))
        return specs[0].by_vertex(self.name, eigenvector=nw.Float64())

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the value."""
        found = gg.eigenvector(inputs[0].graph, **self.ending)
        self.tell(tools, found)
        return inputs[0].by_vertex(tools, eigenvector=found.values)
