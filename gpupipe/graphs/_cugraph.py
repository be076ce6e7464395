"""What cuGraph does for arrays on a device, where its meaning is ours; nothing of it has run on one.

A graph is in form before it comes here, so cuGraph neither folds nor turns edges: both directions of an undirected graph are passed. All
vertices are named, which keeps those without edges. A column of ones makes results float64 where there are no weights: cuGraph computes in
the weights' precision, and in float32 without any. Results come in an order of its own, with the vertex beside each.

Source: cuGraph 26.10, ``python/cugraph/cugraph`` and ``cpp/src``. What is left out, and why, is in ``docs/graphs.md``.
"""

from __future__ import annotations

from typing import Any

from gpupipe.graphs._arrays import first_of_equals, pair_keys, pairs_of, smallest_of
from gpupipe.graphs._convergence import Ending
from gpupipe.graphs._libraries import cudf, cugraph
from gpupipe.graphs.graph import Graph

_NOT_TO_CONVERGE = 1e-300  # 0 means the default


def in_cugraph(graph: Graph, weight: Any | None = None, *, transposed: bool = False) -> Any:
    """Return a graph in cuGraph's form, with the weights of its stored edges where they are given."""
    columns = {"source": graph.source, "destination": graph.destination}
    if weight is not None:
        columns["weight"] = weight
    made = cugraph().Graph(directed=graph.directed)
    vertices = cudf().Series(graph.xp.arange(graph.n_vertices, dtype=graph.source.dtype))
    made.from_cudf_edgelist(
        cudf().DataFrame(columns),
        source="source",
        destination="destination",
        edge_attr=None if weight is None else "weight",
        store_transposed=transposed,
        symmetrize=False,
        vertices=vertices,
    )
    return made


def shared(graph: Graph, weights: str = "none", *, transposed: bool = False) -> Any:
    """Return a graph in cuGraph's form, made once for all measures that want it so and let go with the graph.

    Parameters
    ----------
    weights
        ``"none"``, ``"doubles"``, or ``"loops twice"``.
    """
    weights = "doubles" if weights == "loops twice" and not graph.n_loops else weights
    held = graph.__dict__.setdefault("_in_cugraph", {})
    if (weights, transposed) not in held:
        of = {"none": lambda _: None, "doubles": doubles_of, "loops twice": _loops_doubled}[weights]
        held[weights, transposed] = in_cugraph(graph, of(graph), transposed=transposed)
    return held[weights, transposed]


def doubles_of(graph: Graph) -> Any:
    """Return the weights of stored edges as float64, ones where there are none."""
    xp = graph.xp
    return xp.ones(graph.n_stored) if graph.weight is None else graph.weight.astype(xp.float64, copy=False)


def by_vertex(graph: Graph, frame: Any, column: str, absent: Any) -> Any:
    """Return a column of a result in the order of vertices, and a value for vertices that are not in it."""
    values = frame[column].to_cupy()
    found = graph.xp.full(graph.n_vertices, absent, values.dtype)
    found[frame["vertex"].to_cupy()] = values
    return found


def pagerank(graph: Graph, alpha: float, start: Any, ending: Ending, *, is_personal: bool) -> tuple[Any, bool]:
    """Return the ranks, and whether they converged; `start` is where walks start, and the first ranks."""
    xp = graph.xp
    options: dict[str, Any] = {}
    if is_personal:
        at = xp.flatnonzero(start)
        vertices = xp.arange(graph.n_vertices, dtype=graph.source.dtype)
        options["personalization"] = cudf().DataFrame({"vertex": at.astype(graph.source.dtype), "values": start[at]})
        options["nstart"] = cudf().DataFrame({"vertex": vertices, "values": start})
    fixed = ending.iterations is not None
    frame, converged = cugraph().pagerank(
        shared(graph, "doubles", transposed=True),
        alpha=alpha,
        # Converged is what ended before the last iteration.
        max_iter=ending.iterations or ending.max_iter + 1,
        tol=_NOT_TO_CONVERGE if fixed else ending.tol,
        fail_on_nonconvergence=False,
        **options,
    )
    return by_vertex(graph, frame, "pagerank", 0.0), fixed or bool(converged)


def hops(graph: Graph, source: int, max_depth: int | None) -> Any:
    """Return the number of edges to each vertex, int32, -1 where it is not reached; a `max_depth` of 0 would be none there."""
    frame = cugraph().bfs(shared(graph), start=source, depth_limit=max_depth)
    found = by_vertex(graph, frame, "distance", -1)
    found[found == graph.xp.iinfo(found.dtype).max] = -1
    return found.astype(graph.xp.int32)


def distances(graph: Graph, source: int, cutoff: float | None) -> tuple[Any, Any]:
    """Return the distance of each vertex, infinite where it is not reached, and the vertex before, -1 where there is none."""
    xp = graph.xp
    if not float(graph.out_weight.sum()):
        # Its steps are as long as the mean weight: of length 0 they would lead nowhere.
        reached = hops(graph, source, None) >= 0 if graph.n_stored else xp.arange(graph.n_vertices) == source
        return xp.where(reached, 0.0, xp.inf), xp.full(graph.n_vertices, -1, graph.source.dtype)
    # What is as far as its cutoff is left out there, and here it belongs to it.
    limit = None if cutoff is None else float(xp.nextafter(xp.float64(cutoff), xp.float64(xp.inf)))
    frame = cugraph().sssp(shared(graph, "doubles"), source=source, cutoff=limit)
    found = by_vertex(graph, frame, "distance", xp.inf)
    found[found == xp.finfo(xp.float64).max] = xp.inf
    return found, by_vertex(graph, frame, "predecessor", -1)


def components(graph: Graph, connection: str) -> Any:
    """Return for each vertex the smallest one of its component."""
    library = cugraph()
    if connection == "strong" and graph.directed:
        frame = library.strongly_connected_components(shared(graph))
    else:
        frame = library.weakly_connected_components(shared(graph.simple))
    labels, numbers = graph.xp.unique(by_vertex(graph, frame, "labels", -1), return_inverse=True)
    return smallest_of(numbers, len(labels)).astype(graph.source.dtype)


def triangles(simple: Graph) -> Any:
    """Return the number of triangles at each vertex, int64."""
    return by_vertex(simple, cugraph().triangle_count(shared(simple)), "counts", 0).astype(simple.xp.int64)


def core_number(simple: Graph) -> Any:
    """Return the core number of each vertex, int64."""
    return by_vertex(simple, cugraph().core_number(shared(simple)), "core_number", 0).astype(simple.xp.int64)


def similarity(view: Graph, measure: str, first: Any, second: Any) -> Any:
    """Return a measure of pairs in a graph without loops, by its weights where it has some; `measure` is jaccard, overlap or sorensen."""
    pairs = cudf().DataFrame({"first": first.astype(view.source.dtype), "second": second.astype(view.source.dtype)})
    made = getattr(cugraph(), measure)(shared(view, "doubles"), vertex_pair=pairs, use_weight=view.weight is not None)
    return made[f"{measure}_coeff"].to_cupy()


def louvain(graph: Graph, resolution: float) -> Any:
    """Return a label of each vertex."""
    frame, _ = cugraph().louvain(shared(graph, "loops twice"), resolution=resolution)
    return _labels(graph, frame)


def leiden(graph: Graph, resolution: float, seed: int) -> Any:
    """Return a label of each vertex."""
    frame, _ = cugraph().leiden(shared(graph, "loops twice"), resolution=resolution, random_state=seed)
    return _labels(graph, frame)


def _loops_doubled(graph: Graph) -> Any:
    """Return the weights of stored edges, those of loops twice: sums over a vertex's edges count a loop once there, and twice here."""
    weight = doubles_of(graph)
    return graph.xp.where(graph.source == graph.destination, 2 * weight, weight)


def _labels(graph: Graph, frame: Any) -> Any:
    """Return a label of each vertex; one that has none is alone."""
    xp = graph.xp
    label = by_vertex(graph, frame, "partition", -1).astype(xp.int64)
    return xp.where(label < 0, graph.n_vertices + xp.arange(graph.n_vertices), label)


def betweenness(graph: Graph, sources: Any | None, *, normalized: bool, endpoints: bool) -> Any:
    """Return the betweenness, counted from some sources or from all vertices; not of one source, and not of all but one."""
    plain = graph.unweighted
    chosen = None if sources is None else cudf().Series(sources.astype(graph.source.dtype))
    frame = cugraph().betweenness_centrality(shared(plain, "doubles"), k=chosen, normalized=normalized, endpoints=endpoints)
    return by_vertex(graph, frame, "betweenness_centrality", 0.0)


def spanning_edges(graph: Graph, upward: Any, rank: Any) -> Any:
    """Return which of the edges at `upward` are in the forest of least rank; no two ranks are equal, so there is one."""
    xp, n = graph.xp, graph.n_vertices
    keys = pair_keys(graph.source[upward], graph.destination[upward], n)  # in ascending order
    both = xp.concatenate([keys, pair_keys(graph.destination[upward], graph.source[upward], n)])
    order = xp.argsort(both)
    stored = Graph(n, *pairs_of(both[order], n, graph.source.dtype), xp.concatenate([rank, rank])[order], directed=False)
    found = cugraph().minimum_spanning_tree(in_cugraph(stored, stored.weight)).view_edge_list()
    ends = found["src"].to_cupy(), found["dst"].to_cupy()
    chosen = pair_keys(xp.minimum(*ends), xp.maximum(*ends), n)
    chosen.sort()
    chosen = chosen[first_of_equals(chosen)]
    kept = xp.zeros(len(upward), bool)
    kept[xp.searchsorted(keys, chosen)] = True
    return kept
