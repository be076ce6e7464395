"""Ranks the vertices of a graph by where a walker is who follows its edges."""

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
class PageRank(TaskStage):
    """Gives each vertex its PageRank, in the column ``pagerank``; they sum to 1. What it means is in `gpupipe.graphs.pagerank`.

    Parameters
    ----------
    alpha
        How often the walker follows an edge.
    tol, max_iter
        It ends when the ranks change by less in total, and it is an error if that is not after so many iterations.
    iterations
        Exactly so many, whatever the change.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToGraph
    >>> graph = ToGraph("a", "b", directed=True).apply(pl.DataFrame({"a": [0, 1, 2], "b": [2, 2, 0]}))
    >>> PageRank().apply(graph)["pagerank"].round(3).to_list()
    [0.464, 0.05, 0.486]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    alpha: float = 0.85
    tol: float = 1e-8
    max_iter: int = 200
    iterations: int | None = None
    on_no_convergence: Literal["error", "warn", "ignore"] = "error"

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the key and the rank."""
        return specs[0].by_vertex(self.name, pagerank=nw.Float64())

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the ranks."""
        ending: dict[str, Any] = {"tol": self.tol, "max_iter": self.max_iter, "iterations": self.iterations}
        found = gg.pagerank(inputs[0].graph, self.alpha, **ending, on_no_convergence=self.on_no_convergence)
        tools.note(iterations=found.iterations, change=found.residuals[-1] if found.residuals else 0.0)
        return inputs[0].by_vertex(tools, pagerank=found.values)
