"""What answers the questions of `bench.graphs`: ours, SciPy, NetworKit, NetworkX, and by its own interpreter igraph.

::

    python bench/graphs_contenders.py QUESTION CONTENDER FOLDER ANSWER

It stands alone, since igraph (GPL) is in an environment of its own. A contender is two functions: from the arrays to its own object, and
from that to an array of the answer. Processor seconds of both, and the highest memory of the process, are printed as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, Any]
Contender = tuple[Callable[[Arrays], Any], Callable[[Any], Any]]


def _ours() -> dict[str, Contender]:
    import gpupipe.graphs as gg  # local: not there for every contender
    from gpupipe.graphs import _libraries

    _libraries.csgraph()  # imports are in nobody's seconds
    _libraries.networkit()

    def undirected(arrays: Arrays) -> Any:
        return gg.Graph(arrays["n"], arrays["both_source"], arrays["both_destination"], directed=False), arrays

    def directed(arrays: Arrays) -> Any:
        return gg.Graph(arrays["n"], arrays["source"], arrays["destination"], directed=True), arrays

    def weighted(arrays: Arrays) -> Any:
        return gg.Graph(arrays["n"], arrays["source"], arrays["destination"], arrays["weight"], directed=True), arrays

    def both_weighted(arrays: Arrays) -> Any:
        return gg.Graph(arrays["n"], arrays["both_source"], arrays["both_destination"], _both_weights(arrays), directed=False), arrays

    def run(of: Callable[[Any, Arrays], Any]) -> Callable[[Any], Any]:
        return lambda made: of(*made)

    return {
        "build": (lambda a: a, lambda a: gg.from_edges(a["rows_source"], a["rows_destination"], None, a["n"], directed=False).out_rows[0]),
        "pagerank": (undirected, run(lambda g, _: gg.pagerank(g, tol=1e-6).values)),
        "bfs": (undirected, run(lambda g, a: gg.bfs(g, a["start"]).distance)),
        "sssp": (weighted, run(lambda g, a: gg.shortest_paths(g, int(a["start"][0])).distance)),
        "weak components": (undirected, run(lambda g, _: gg.weak_components(g))),
        "strong components": (directed, run(lambda g, _: gg.strong_components(g))),
        "triangles": (undirected, run(lambda g, _: gg.triangles(g))),
        "core numbers": (undirected, run(lambda g, _: gg.core_number(g))),
        "jaccard": (undirected, run(lambda g, a: gg.jaccard(g, (a["first"], a["second"])).value)),
        "betweenness": (undirected, run(lambda g, a: gg.betweenness(g, sources=a["sources"], normalized=False))),
        "louvain": (undirected, run(lambda g, _: gg.louvain(g).community)),
        "leiden": (undirected, run(lambda g, _: gg.leiden(g).community)),
        # Answers are compared by the total weight: SciPy takes any of the lightest.
        "spanning forest": (both_weighted, run(lambda g, _: gg.spanning_forest(g).edges()[2].sum())),
        "degrees": (undirected, run(lambda g, _: gg.degrees(g).degree)),
        "eigenvector": (undirected, run(lambda g, _: gg.eigenvector(g).values)),
        "katz": (undirected, run(lambda g, _: gg.katz(g).values)),
        "hits": (directed, run(lambda g, _: gg.hits(g).values)),
        "clustering": (directed, run(lambda g, _: gg.clustering(g))),
        "label propagation": (undirected, run(lambda g, _: gg.label_propagation(g, 10))),
        "walks": (undirected, run(lambda g, a: gg.random_walks(g, a["first"], 10, p=0.5, q=2.0).vertex)),
        "k-truss": (undirected, run(lambda g, _: gg.k_truss(g, 4).source)),
    }


def _scipy() -> dict[str, Contender]:
    import scipy.sparse as sp  # local: not there for every contender
    from scipy.sparse import csgraph

    def matrix(arrays: Arrays, source: str, destination: str, values: Any = None) -> Any:
        ends = arrays[source], arrays[destination]
        values = np.ones(len(ends[0])) if values is None else values
        return sp.csr_array((values, ends[1], _offsets(ends[0], arrays["n"])), shape=(arrays["n"],) * 2)

    def both(arrays: Arrays) -> Any:
        ends = arrays["rows_source"], arrays["rows_destination"]
        pairs = np.concatenate(ends), np.concatenate(ends[::-1])
        return sp.coo_array((np.ones(len(pairs[0])), pairs), shape=(arrays["n"],) * 2).tocsr().indptr

    return {
        "build": (lambda a: a, both),
        "sssp": (
            lambda a: (matrix(a, "source", "destination", a["weight"]), a),
            lambda made: csgraph.dijkstra(made[0], indices=int(made[1]["start"][0])),
        ),
        "weak components": (
            lambda a: matrix(a, "both_source", "both_destination"),
            lambda made: csgraph.connected_components(made, directed=False)[1],
        ),
        "strong components": (
            lambda a: matrix(a, "source", "destination"),
            lambda made: csgraph.connected_components(made, connection="strong")[1],
        ),
        "spanning forest": (
            lambda a: matrix(a, "both_source", "both_destination", _both_weights(a)),
            lambda made: csgraph.minimum_spanning_tree(made).sum(),
        ),
    }


def _both_weights(arrays: Arrays) -> Any:
    """Return a weight above 0 of each stored undirected edge, the same in both directions."""
    ends = arrays["both_source"].astype(np.uint64), arrays["both_destination"].astype(np.uint64)
    mixed = (np.minimum(*ends) * np.uint64(2654435761) + np.maximum(*ends)) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(44)).astype(np.float64) + 1


def _offsets(ids: Any, n: int) -> Any:
    found = np.zeros(n + 1, ids.dtype)
    np.cumsum(np.bincount(ids, minlength=n), out=found[1:])
    return found


def _networkit() -> dict[str, Contender]:
    import networkit as nk  # local: not there for every contender
    import scipy.sparse as sp

    nk.setNumberOfThreads(1)
    nk.setSeed(0, False)

    def rows(arrays: Arrays) -> Any:
        up = arrays["both_source"] <= arrays["both_destination"]
        source, destination = arrays["both_source"][up], arrays["both_destination"][up]
        offsets = _offsets(source, arrays["n"])
        matrix = sp.csr_matrix((np.ones(len(source)), destination, offsets), shape=(arrays["n"],) * 2)
        return nk.GraphFromCsr(matrix, directed=False), arrays

    def pairs(arrays: Arrays) -> Any:
        return nk.GraphFromCoo((arrays["rows_source"], arrays["rows_destination"]), arrays["n"]).numberOfEdges()

    def done(algorithm: Any) -> Any:
        algorithm.run()
        return algorithm

    def triangles(made: Any) -> Any:
        degree = np.diff(_offsets(made[1]["both_source"], made[1]["n"])).astype(float)
        found = done(nk.centrality.LocalClusteringCoefficient(made[0], True)).scores()
        return np.rint(np.asarray(found) * degree * (degree - 1) / 2).astype(np.int64)

    def jaccard(made: Any) -> Any:
        asked = list(zip(made[1]["first"].tolist(), made[1]["second"].tolist(), strict=True))
        found = dict(nk.linkprediction.JaccardIndex(made[0]).runOn(asked))  # it has put them in another order
        return np.nan_to_num([found[pair] for pair in asked])  # of two vertices without neighbours it is NaN

    def pagerank(made: Any) -> Any:
        algorithm = nk.centrality.PageRank(made[0], 0.85, 1e-6, False, nk.centrality.SinkHandling.DistributeSinks)
        algorithm.norm = nk.centrality.Norm.L1_NORM
        found = np.asarray(done(algorithm).scores())
        return found / found.sum()  # what is on vertices without edges is lost to it, whatever it is told of sinks

    def communities(of: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda made: np.asarray(done(of(made[0])).getPartition().getVector())

    def with_modularity(of: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def run(made: Any) -> Any:  # ours tells it as well
            found = done(of(made[0])).getPartition()
            nk.community.Modularity().getQuality(found, made[0])
            return np.asarray(found.getVector())

        return run

    return {
        "build": (lambda a: a, pairs),
        "pagerank": (rows, pagerank),
        "bfs": (rows, lambda made: np.asarray(done(nk.distance.BFS(made[0], int(made[1]["start"][0]))).getDistances(asarray=True))),
        "weak components": (rows, communities(nk.components.ConnectedComponents)),
        "triangles": (rows, triangles),
        "core numbers": (rows, lambda made: np.asarray(done(nk.centrality.CoreDecomposition(made[0])).scores())),
        "jaccard": (rows, jaccard),
        "betweenness": (rows, lambda made: np.asarray(done(nk.centrality.EstimateBetweenness(made[0], 8)).scores())),
        "louvain": (rows, with_modularity(lambda g: nk.community.PLM(g, refine=True))),
        "leiden": (rows, with_modularity(lambda g: nk.community.ParallelLeiden(g, iterations=10))),
    }


def _networkx() -> dict[str, Contender]:
    import networkx as nx  # local: not there for every contender

    def made(arrays: Arrays) -> Any:
        graph = nx.Graph()
        graph.add_nodes_from(range(arrays["n"]))
        graph.add_edges_from(zip(arrays["rows_source"].tolist(), arrays["rows_destination"].tolist(), strict=True))
        return graph

    def array(by_vertex: dict[int, float], n: int) -> Any:
        return np.array([by_vertex[vertex] for vertex in range(n)])

    return {
        "build": (lambda a: a, lambda a: made(a).number_of_edges()),
        # Theirs stops at N * tol: the same total change.
        "pagerank": (made, lambda g: array(nx.pagerank(g, tol=1e-6 / len(g), weight=None), len(g))),
        "triangles": (made, lambda g: array(nx.triangles(g), len(g))),
    }


def _igraph() -> dict[str, Contender]:
    import random  # local: as what follows

    import igraph  # local: GPL, in an environment of its own

    def made(arrays: Arrays) -> Any:
        up = arrays["both_source"] <= arrays["both_destination"]
        pairs = np.stack([arrays["both_source"][up], arrays["both_destination"][up]], axis=1)
        return igraph.Graph(n=int(arrays["n"]), edges=pairs, directed=False), arrays

    def triangles(made: Any) -> Any:
        degree = np.array(made[0].degree(), float)
        share = np.array(made[0].transitivity_local_undirected(mode="zero"))
        return np.rint(share * degree * (degree - 1) / 2).astype(np.int64)

    def louvain(made: Any) -> Any:
        random.seed(0)
        return np.array(made[0].community_multilevel().membership)

    def leiden(made: Any) -> Any:
        random.seed(0)
        return np.array(made[0].community_leiden(objective_function="modularity", n_iterations=10).membership)

    return {
        "pagerank": (made, lambda m: np.array(m[0].pagerank())),
        "bfs": (made, lambda m: np.array(m[0].distances(source=[int(m[1]["start"][0])])[0])),
        "weak components": (made, lambda m: np.array(m[0].connected_components().membership)),
        "triangles": (made, triangles),
        "core numbers": (made, lambda m: np.array(m[0].coreness())),
        "jaccard": (
            made,
            # Without the argument it counts each vertex as its own neighbour.
            lambda m: np.array(
                m[0].similarity_jaccard(pairs=list(zip(m[1]["first"].tolist(), m[1]["second"].tolist(), strict=True)), loops=False)
            ),
        ),
        "louvain": (made, louvain),
        "leiden": (made, leiden),
    }


CONTENDERS: dict[str, Callable[[], dict[str, Contender]]] = {
    "ours": _ours,
    "SciPy": _scipy,
    "NetworKit": _networkit,
    "NetworkX": _networkx,
    "igraph": _igraph,
}


def highest_bytes() -> int:
    """Return the highest resident memory of this process."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def resident_bytes() -> int:
    """Return the resident memory of this process now."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024


def main() -> int:
    """Answer one question."""
    question, name, folder, answer = sys.argv[1:]
    prepare, run = CONTENDERS[name]()[question]
    arrays: Arrays = {path.stem: np.load(path) for path in Path(folder).glob("*.npy")}
    arrays["n"] = int(arrays["n"])
    before = resident_bytes()
    started = time.process_time()
    made = prepare(arrays)
    prepared = time.process_time()
    found = run(made)
    seconds = time.process_time() - prepared
    np.save(answer, np.asarray(found))
    facts = {"prepare": prepared - started, "run": seconds, "before_bytes": before, "highest_bytes": highest_bytes()}
    print(json.dumps(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
