"""Graphs: from edges to measures of vertices, pairs and communities; arrays in, arrays out.

``import gpupipe.graphs as gg`` is all that is needed; there is no pipeline in it. `from_edges` makes a `Graph` of ids, every function takes
it, and what is made of it once (rows, matrices) is kept beside it. What each result means is in ``docs/graphs.md``.
"""

from gpupipe.graphs._convergence import ConvergenceWarning, Iterated
from gpupipe.graphs.degrees import Degrees, degrees
from gpupipe.graphs.from_edges import from_edges
from gpupipe.graphs.graph import Graph, Rows
from gpupipe.graphs.pagerank import pagerank

__all__ = [
    "ConvergenceWarning",
    "Degrees",
    "Graph",
    "Iterated",
    "Rows",
    "degrees",
    "from_edges",
    "pagerank",
]
