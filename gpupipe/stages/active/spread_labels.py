"""Spreads labels over a graph, from the vertices that have one to those that have none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.active._arrays import on_host
from gpupipe.active.spread import spread_labels
from gpupipe.core.errors import StageError
from gpupipe.core.node import Node, Table
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphSpec


@dataclass(frozen=True)
class SpreadLabels(TaskStage):
    """Gives each vertex of a graph the ``label`` that its neighbourhood suggests, and its ``share``: what unlabelled rows are worth.

    ``SpreadLabels()(graph, labels)``: the table has the key's columns under their names, and a column of labels. The graph is one of near
    neighbours, as `NearestNeighbors` tells. A vertex that no label reaches has none. What a round does is in `gpupipe.active.spread`.

    Parameters
    ----------
    label
        The column of labels.
    iterations, tol
        The most rounds, and the sum of changes below which it ends.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToGraph
    >>> graph = ToGraph("a", "b", directed=False).apply(pl.DataFrame({"a": ["u", "v", "x"], "b": ["v", "w", "y"]}))
    >>> SpreadLabels().apply(graph, pl.DataFrame({"a": ["u", "x"], "label": ["left", "right"]})).sort("a")["label"].to_list()
    ['left', 'left', 'left', 'right', 'right']
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph, Table)

    label: str = "label"
    iterations: int = 1000
    tol: float = 1e-6

    def plan(self, *specs: Any) -> Schema:
        """Return the key, the label and its share."""
        spec: GraphSpec = specs[0]
        specs[1].require([*(name for name, _ in spec.key), self.label])
        made = spec.by_vertex(self.name, label=specs[1][self.label].dtype, share=nw.Float64())
        return Schema(tuple((name, Field(field.dtype)) if name == "label" else (name, field) for name, field in made.items()))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the labels."""
        graph, table = inputs
        vertices = graph.numbers(tools, table, graph.keys.columns, self.name)
        told = table.filter(~nw.col(self.label).is_null())
        if len(told) != len(table):
            raise StageError(f"SpreadLabels expects a label in each row, got {len(table) - len(told)} without one. Drop these rows.")
        coded = tools.coded((table, [self.label]))
        labels = tools.xp.full(graph.graph.n_vertices, -1, dtype=np.int64)
        labels[vertices] = coded.numbers[0]
        own = graph.graph
        weight = tools.xp.ones(len(own.source)) if own.weight is None else own.weight
        edges = own.source, own.destination, weight
        shares, rounds = spread_labels(edges, labels, len(coded.keys), iterations=self.iterations, tol=self.tol)
        likeliest = on_host(shares.argmax(axis=1))
        reached = on_host(shares.sum(axis=1)) > 0
        tools.note(iterations=rounds, reached=int(reached.sum()))
        names = coded.keys.to_arrow()[self.label].combine_chunks()
        found = names.take(pa.array(likeliest, mask=~reached))
        made: nw.DataFrame[Any] = graph.by_vertex(tools, label=found, share=shares.max(axis=1))
        return made
