"""Counts how many edges each vertex is from some others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.errors import UsageError
from gpupipe.core.node import Node
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec
from gpupipe.stages.graphs._from_sources import as_keys, distances, planned_distances


@dataclass(frozen=True, init=False)
class BFS(TaskStage):
    """Gives each vertex its ``distance`` from the nearest of some sources, in edges along their direction; none where it is not reached.

    Parameters
    ----------
    sources
        The key of a vertex, or a list of keys; a key of several columns is a tuple.
    max_depth
        Vertices further than so many edges are not reached.
    predecessors
        Whether to give the ``predecessor``: the smallest vertex that is one edge nearer and has an edge to it.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToGraph
    >>> graph = ToGraph("a", "b", directed=True).apply(pl.DataFrame({"a": ["u", "v", "x"], "b": ["v", "w", "u"]}))
    >>> BFS("u", predecessors=True).apply(graph).rows()
    [('u', 0, None), ('v', 1, 'u'), ('w', 2, 'v'), ('x', None, None)]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    sources: tuple[Any, ...]
    max_depth: int | None
    predecessors: bool

    def __init__(self, sources: Any, *, max_depth: int | None = None, predecessors: bool = False) -> None:
        if max_depth is not None and max_depth < 0:
            msg = f"max_depth={max_depth!r}: BFS expects a number of edges, 0 or more."
            raise UsageError(msg)
        settle(self, sources=as_keys(sources, "BFS's sources"), max_depth=max_depth, predecessors=predecessors)

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the key, the distance and the predecessor."""
        specs[0].table_of(self.sources, self.name)
        return planned_distances(specs[0], self.name, nw.Int32(), predecessors=self.predecessors)

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the distances."""
        graph = inputs[0]
        starts = graph.numbers_of(tools, self.sources, self.name)
        found = gg.bfs(graph.graph, starts, self.max_depth, predecessors=self.predecessors)
        tools.note(reached=int((found.distance >= 0).sum()))
        return distances(graph, tools, found.distance.astype(tools.xp.int32), found.distance < 0, found.predecessor)
