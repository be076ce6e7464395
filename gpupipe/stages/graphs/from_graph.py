"""Makes a table of a graph: of its edges, or of its vertices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec


@dataclass(frozen=True)
class FromGraph(TaskStage):
    """Gives the edges of a graph, ``source``, ``destination`` and with weights ``weight``, or its vertices, the key alone.

    An undirected edge stands there once, its smaller vertex first.

    Parameters
    ----------
    part
        ``"edges"`` or ``"vertices"``.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    part: Literal["edges", "vertices"] = "edges"

    def __post_init__(self) -> None:
        if self.part not in ("edges", "vertices"):
            msg = f"part={self.part!r}: FromGraph expects 'edges' or 'vertices'."
            raise UsageError(msg)

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the columns."""
        if self.part == "vertices":
            return specs[0].by_vertex(self.name)
        return specs[0].by_pair("source", "destination", **({"weight": nw.Float64()} if specs[0].weighted else {}))

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the table."""
        graph = inputs[0]
        if self.part == "vertices":
            keys: nw.DataFrame[Any] = graph.keys
            return keys
        source, destination, weight = graph.graph.edges()
        held = {} if weight is None else {"weight": weight.astype(tools.xp.float64)}
        return graph.by_pair(tools, ("source", source), ("destination", destination), **held)
