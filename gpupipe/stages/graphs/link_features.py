"""Gives pairs of vertices the features that link prediction goes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.node import Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData
from gpupipe.stages.graphs._pairs import as_pairs, pair_schema

_FEATURES = {
    "common": nw.Int64(),
    "jaccard": nw.Float64(),
    "adamic_adar": nw.Float64(),
    "resource_allocation": nw.Float64(),
    "preferential": nw.Int64(),
}


@dataclass(frozen=True, init=False)
class LinkFeatures(TaskStage):
    """Gives the pairs of a table ``common``, ``jaccard``, ``adamic_adar``, ``resource_allocation`` and ``preferential``.

    ``gp.LinkFeatures(("buyer", "seller"))(graph, pairs)``. What they mean is in `gpupipe.graphs.link_features`.

    Parameters
    ----------
    pairs
        The columns of the table that hold both ends of a pair.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph, Table)

    pairs: tuple[tuple[str, ...], tuple[str, ...]]

    def __init__(self, pairs: Sequence[Any]) -> None:
        settle(self, pairs=as_pairs(pairs, "LinkFeatures"))

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the columns of the pairs."""
        return [list(dict.fromkeys([*self.pairs[0], *self.pairs[1]]))]

    def plan(self, *specs: Any) -> Schema:
        """Return the pairs and the features."""
        features = ((name, Field(dtype, nullable=False)) for name, dtype in _FEATURES.items())
        return Schema((*pair_schema(specs[0], specs[1], self.pairs, self.name), *features))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the features."""
        graph: GraphData = inputs[0]
        first, second = (graph.numbers(tools, inputs[1], columns, self.name) for columns in self.pairs)
        found = gg.link_features(graph.graph, first, second)
        return tools.frame({name: getattr(found, name) for name in _FEATURES}, beside=inputs[1])
