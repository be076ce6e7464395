"""Graphs: from edges to measures of vertices, pairs and communities; arrays in, arrays out.

``import gpupipe.graphs as gg`` is all that is needed; there is no pipeline in it. `from_edges` makes a `Graph` of ids, every function takes
it, and what is made of it once (rows, matrices) is kept beside it. What each result means is in ``docs/graphs.md``.
"""

from gpupipe.graphs._communities import Communities
from gpupipe.graphs._convergence import ConvergenceWarning, Iterated
from gpupipe.graphs._similarity import PairValues
from gpupipe.graphs.betweenness import betweenness
from gpupipe.graphs.bfs import Distances, bfs
from gpupipe.graphs.clustering import clustering
from gpupipe.graphs.core_number import core_number
from gpupipe.graphs.cosine import cosine
from gpupipe.graphs.degrees import Degrees, degrees
from gpupipe.graphs.eigenvector import eigenvector
from gpupipe.graphs.from_edges import edge_rule, from_edges
from gpupipe.graphs.graph import Graph, Rows
from gpupipe.graphs.hits import HubsAndAuthorities, hits
from gpupipe.graphs.jaccard import jaccard
from gpupipe.graphs.k_core import k_core
from gpupipe.graphs.k_truss import k_truss
from gpupipe.graphs.katz import katz
from gpupipe.graphs.label_propagation import label_propagation
from gpupipe.graphs.leiden import leiden
from gpupipe.graphs.link_features import LinkFeatures, link_features
from gpupipe.graphs.louvain import louvain
from gpupipe.graphs.memory import needed_bytes
from gpupipe.graphs.modularity import modularity
from gpupipe.graphs.overlap import overlap
from gpupipe.graphs.pagerank import pagerank
from gpupipe.graphs.project import project
from gpupipe.graphs.random_walks import Walks, random_walks
from gpupipe.graphs.shortest_paths import shortest_paths
from gpupipe.graphs.sorensen import sorensen
from gpupipe.graphs.spanning_forest import spanning_forest
from gpupipe.graphs.strong_components import strong_components
from gpupipe.graphs.triangles import transitivity, triangles
from gpupipe.graphs.weak_components import weak_components

__all__ = [
    "Communities",
    "ConvergenceWarning",
    "Degrees",
    "Distances",
    "Graph",
    "HubsAndAuthorities",
    "Iterated",
    "LinkFeatures",
    "PairValues",
    "Rows",
    "Walks",
    "betweenness",
    "bfs",
    "clustering",
    "core_number",
    "cosine",
    "degrees",
    "edge_rule",
    "eigenvector",
    "from_edges",
    "hits",
    "jaccard",
    "k_core",
    "k_truss",
    "katz",
    "label_propagation",
    "leiden",
    "link_features",
    "louvain",
    "modularity",
    "needed_bytes",
    "overlap",
    "pagerank",
    "project",
    "random_walks",
    "shortest_paths",
    "sorensen",
    "spanning_forest",
    "strong_components",
    "transitivity",
    "triangles",
    "weak_components",
]
