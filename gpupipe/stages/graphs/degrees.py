"""Counts the edges of each vertex."""

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

_COUNTS = ("in_degree", "out_degree", "degree")


@dataclass(frozen=True)
class Degrees(TaskStage):
    """Gives each vertex its ``in_degree``, ``out_degree`` and ``degree``, and with weights ``weighted_in_degree`` and so on.

    A loop goes out and in: in an undirected graph it counts twice.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToGraph
    >>> graph = ToGraph("a", "b", directed=False).apply(pl.DataFrame({"a": ["x", "x"], "b": ["y", "x"]}))
    >>> Degrees().apply(graph).select("a", "degree").rows()
    [('x', 3), ('y', 1)]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the key and the degrees."""
        weighted = {f"weighted_{name}": nw.Float64() for name in _COUNTS} if specs[0].weighted else {}
        return specs[0].by_vertex(self.name, **dict.fromkeys(_COUNTS, nw.Int64()), **weighted)

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the degrees."""
        found = vars(gg.degrees(inputs[0].graph))
        return inputs[0].by_vertex(tools, **{name: values for name, values in found.items() if values is not None})
