"""Finds communities of a graph by the Leiden method."""

from __future__ import annotations

from dataclasses import dataclass

import gpupipe.graphs as gg
from gpupipe.stages.graphs._communities import ByModularity


@dataclass(frozen=True)
class Leiden(ByModularity):
    """Gives each vertex its community, in the column ``community``: 0 is the largest one. They are connected.

    The report tells of the modularity, and draws the communities.

    Parameters
    ----------
    resolution
        More of it makes smaller communities.
    seed
        On one thread it decides every choice.
    view
        ``"undirected"`` forgets directions, loops and weights; a directed graph needs it.
    iterations
        Rounds at most.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToGraph
    >>> edges = pl.DataFrame({"a": [0, 1, 2, 3, 4, 5, 2], "b": [1, 2, 0, 4, 5, 3, 3]})
    >>> Leiden().apply(ToGraph("a", "b", directed=False).apply(edges))["community"].to_list()
    [0, 0, 0, 1, 1, 1]
    """

    iterations: int = 10

    def found(self, graph: gg.Graph) -> gg.Communities:
        """Return the communities."""
        return gg.leiden(graph, self.resolution, seed=self.seed, iterations=self.iterations, view=self.view)
