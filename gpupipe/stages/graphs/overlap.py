"""Measures how alike the neighbourhoods of two vertices are: neighbours in common over the fewer neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import gpupipe.graphs as gg
from gpupipe.stages.graphs._pairs import PairMeasure


@dataclass(frozen=True, init=False)
class Overlap(PairMeasure):
    """Gives pairs of vertices a ``value``: neighbours in common over the fewer neighbours.

    The pairs are those of a second table, ``gp.Overlap(pairs=("a", "b"))(graph, table)``, or all that have a neighbour in common.
    The parameters are those of `PairMeasure`; what the value means is in `gpupipe.graphs.overlap`.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToGraph
    >>> graph = ToGraph("a", "b", directed=False).apply(pl.DataFrame({"a": ["u", "u", "v", "w"], "b": ["v", "w", "w", "x"]}))
    >>> Overlap(top_k=1).apply(graph).select("first", "second").rows()
    [('u', 'x')]
    """

    measure: ClassVar = staticmethod(gg.overlap)
