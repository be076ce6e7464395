"""Finds hubs, which have edges to authorities, and authorities, which have edges from hubs."""

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
class HITS(Iterative):
    """Gives each vertex ``hubs`` and ``authorities``, each summing to 1; weights are ignored. See `gpupipe.graphs.hits`."""

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the key and the values."""
        specs[0].try_out(lambda graph: gg.hits(graph, **self.ending))
        return specs[0].by_vertex(self.name, hubs=nw.Float64(), authorities=nw.Float64())

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the values."""
        found = gg.hits(inputs[0].graph, **self.ending)
        self.tell(tools, found)
        return inputs[0].by_vertex(tools, hubs=found.values, authorities=found.authorities)
