"""Measures how alike the neighbourhoods of two vertices are: neighbours in common over the root of the product of both numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import gpupipe.graphs as gg
from gpupipe.stages.graphs._pairs import PairMeasure


@dataclass(frozen=True, init=False)
class Cosine(PairMeasure):
    """Gives pairs of vertices a ``value``: neighbours in common over the root of the product of both numbers.

    The pairs are those of a second table, ``gp.Cosine(pairs=("a", "b"))(graph, table)``, or all that have a neighbour in common.
    The parameters are those of `PairMeasure`; what the value means is in `gpupipe.graphs.cosine`.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToGraph
    >>> graph = ToGraph("a", "b", directed=False).apply(pl.DataFrame({"a": ["u", "u", "v", "w"], "b": ["v", "w", "w", "x"]}))
    >>> Cosine(top_k=1).apply(graph).select("first", "second").rows()
    [('u', 'x')]
    """

    measure: ClassVar = staticmethod(gg.cosine)
