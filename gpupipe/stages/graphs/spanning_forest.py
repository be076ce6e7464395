"""Finds the edges of least total weight that join what is joined in a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec


@dataclass(frozen=True)
class SpanningForest(TaskStage):
    """Gives the edges, ``source``, ``destination`` and with weights ``weight``, that join what is joined, without a circle.

    Of edges with equal weights the one of the smaller vertices is taken, so there is one answer.

    Parameters
    ----------
    maximum
        Of the largest total weight instead of the least.
    view
        ``"undirected"`` forgets directions, loops and weights; a directed graph needs it.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    maximum: bool = False
    view: Literal["undirected"] | None = None

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the ends and the weight of an edge."""
        specs[0].require_undirected(self.name, self.view)
        weighted = specs[0].weighted and self.view is None
        return specs[0].by_pair("source", "destination", **({"weight": nw.Float64()} if weighted else {}))

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the edges."""
        source, destination, weight = gg.spanning_forest(inputs[0].graph, maximum=self.maximum, view=self.view).edges()
        held = {} if weight is None else {"weight": weight.astype(tools.xp.float64)}
        tools.note(edges=len(source), **({"total weight": float(weight.sum())} if weight is not None else {}))
        return inputs[0].by_pair(tools, ("source", source), ("destination", destination), **held)
