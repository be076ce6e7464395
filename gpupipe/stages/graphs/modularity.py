"""Measures how good communities of a graph are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.errors import StageError
from gpupipe.core.node import Node, Table, Value
from gpupipe.core.present import require_present
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec


@dataclass(frozen=True)
class Modularity(TaskStage):
    """Gives the modularity of communities: ``gp.Modularity()(graph, communities)``, a table with a row for each vertex.

    Parameters
    ----------
    community
        The table's column of communities; equal values are one.
    resolution
        That of `gpupipe.graphs.modularity`.
    view
        ``"undirected"`` forgets directions, loops and weights; a directed graph needs it.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph, Table)
    gives: ClassVar[type[Node]] = Value

    community: str = "community"
    resolution: float = 1.0
    view: Literal["undirected"] | None = None

    def plan(self, *specs: Any) -> Any:
        """Return the number's dtype."""
        spec: GraphSpec = specs[0]
        schema: Schema = specs[1]
        spec.require_undirected(self.name, self.view)
        schema.require([*(name for name, _ in spec.key), self.community])
        return nw.Float64()

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return all columns: the key's are not known here."""
        return [list(schemas[0])]

    def solve(self, tools: Tools, *inputs: Any) -> float:
        """Return the modularity."""
        graph: GraphData = inputs[0]
        n = graph.graph.n_vertices
        vertices = graph.numbers(tools, inputs[1], graph.keys.columns, self.name)
        require_present(inputs[1], [self.community], self.name, "a community")
        labels = tools.coded((inputs[1], [self.community])).numbers[0]
        if len(tools.xp.unique(vertices)) != n or len(vertices) != n:
            got = f"{len(vertices)} rows of {len(tools.xp.unique(vertices))}"
            msg = f"Modularity expects one row for each of the graph's {n} vertices, got {got}."
            raise StageError(msg)
        community = tools.xp.empty(n, dtype=tools.xp.int64)
        community[vertices] = labels
        return float(gg.modularity(graph.graph, community, self.resolution, view=self.view))
