"""Finds communities of a graph by labels that neighbours take from one another."""

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
class LabelPropagation(TaskStage):
    """Gives each vertex the label that it has after some synchronous rounds, in the column ``community``: the key of a vertex.

    What a round does is in `gpupipe.graphs.label_propagation`.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    iterations: int = 10

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the columns of the result."""
        spec = specs[0]
        spec.try_out(lambda graph: gg.label_propagation(graph, self.iterations))
        return Schema((*spec.by_vertex(self.name).items(), *spec.keyed("community")))

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the table."""
        found = gg.label_propagation(inputs[0].graph, self.iterations)
        tools.note(iterations=found.iterations)
        return nw.concat([inputs[0].keys, inputs[0].keyed("community", found.values)], how="horizontal")
