"""Finds the least total weight of a path from one vertex to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.errors import UsageError
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec
from gpupipe.stages.graphs._from_sources import distances, planned_distances


@dataclass(frozen=True)
class ShortestPaths(TaskStage):
    """Gives each vertex its ``distance`` from a source, the least total weight of a path; none where there is no path.

    Parameters
    ----------
    source
        The key of a vertex; a key of several columns is a tuple.
    cutoff
        Vertices further away are not reached.
    predecessors
        Whether to give the ``predecessor`` on a shortest path.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    source: Any
    cutoff: float | None = None
    predecessors: bool = False

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the key, the distance and the predecessor."""
        if self.cutoff is not None and not self.cutoff >= 0:
            msg = f"cutoff={self.cutoff!r}: ShortestPaths expects a distance of 0 or more."
            raise UsageError(msg)
        specs[0].table_of([self.source], self.name)
        return planned_distances(specs[0], self.name, nw.Float64(), predecessors=self.predecessors)

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the distances."""
        graph = inputs[0]
        (start,) = graph.numbers_of(tools, [self.source], self.name)
        found = gg.shortest_paths(graph.graph, int(start), self.cutoff, predecessors=self.predecessors)
        unreached = ~tools.xp.isfinite(found.distance)
        tools.note(reached=int((~unreached).sum()))
        return distances(graph, tools, found.distance.astype(tools.xp.float64), unreached, found.predecessor)
