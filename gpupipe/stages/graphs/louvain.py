"""Finds communities of a graph by the Louvain method."""

from __future__ import annotations

from dataclasses import dataclass

import gpupipe.graphs as gg
from gpupipe.stages.graphs._communities import ByModularity


@dataclass(frozen=True)
class Louvain(ByModularity):
    """Gives each vertex its community, in the column ``community``: 0 is the largest one.

    The report tells of the modularity, and draws the communities.

    Parameters
    ----------
    resolution
        More of it makes smaller communities.
    seed
        On one thread it decides every choice.
    view
        ``"undirected"`` forgets directions, loops and weights; a directed graph needs it.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToGraph
    >>> edges = pl.DataFrame({"a": [0, 1, 2, 3, 4, 5, 2], "b": [1, 2, 0, 4, 5, 3, 3]})
    >>> Louvain().apply(ToGraph("a", "b", directed=False).apply(edges))["community"].to_list()
    [0, 0, 0, 1, 1, 1]
    """

    def found(self, graph: gg.Graph) -> gg.Communities:
        """Return the communities."""
        return gg.louvain(graph, self.resolution, seed=self.seed, view=self.view)
