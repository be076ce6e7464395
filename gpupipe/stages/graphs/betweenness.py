"""Measures how many shortest paths lead through a vertex."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.errors import UsageError
from gpupipe.core.node import Node
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec


@dataclass(frozen=True)
class Betweenness(TaskStage):
    """Gives each vertex its betweenness centrality, in the column ``betweenness``; paths are counted in edges.

    Parameters
    ----------
    k
        Count the paths from so many vertices alone, chosen by a hash. With ``k=1`` that of the chosen vertex is missing.
    normalized
        Divide by the number of pairs.
    endpoints
        A path's ends lie on it.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    k: int | None = None
    normalized: bool = True
    endpoints: bool = False
    seed: int = 0

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the key and the value."""
        if self.k is not None and self.k < 1:
            msg = f"k={self.k!r}: Betweenness expects a number of vertices to count paths from, 1 or more."
            raise UsageError(msg)
        return specs[0].by_vertex(self.name, betweenness=Field(nw.Float64(), nullable=self.k == 1))

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the values."""
        options: dict[str, Any] = {"normalized": self.normalized, "endpoints": self.endpoints, "seed": self.seed}
        found = gg.betweenness(inputs[0].graph, self.k, **options)
        return inputs[0].by_vertex(tools, betweenness=tools.masked(found, tools.xp.isnan(found)) if self.k == 1 else found)
