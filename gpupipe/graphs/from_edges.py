"""A graph from any edges: loops, edges listed both ways and parallel edges put into one form, and nothing folded that was not said."""

from __future__ import annotations

from typing import Any, NamedTuple

from gpupipe.core.errors import DtypeError, StageError, UsageError, listing
from gpupipe.graphs._arrays import (
    array_module,
    first_of_equals,
    id_dtype,
    offsets_of,
    pair_keys,
    pairs_of,
    positions_of_ranges,
    require_ids,
    sums_of,
)
from gpupipe.graphs._libraries import sparse
from gpupipe.graphs.graph import Graph

_WEIGHTED = ("error", "sum", "min", "max", "mean", "count")
_UNWEIGHTED = ("any", "error", "count")


class _Edges(NamedTuple):
    """Edges on their way into form."""

    source: Any
    destination: Any
    weight: Any | None

    def where(self, kept: Any) -> _Edges:
        return _Edges(self.source[kept], self.destination[kept], None if self.weight is None else self.weight[kept])


def from_edges(
    source: Any,
    destination: Any,
    weight: Any | None = None,
    n_vertices: int | None = None,
    *,
    directed: bool,
    duplicates: str | None = None,
    loops: str = "keep",
    listed: str = "once",
) -> Graph:
    """Return a graph of edges in any order.

    Parameters
    ----------
    source, destination
        Ids of vertices, whole numbers from 0 on.
    weight
        Finite; float32 stays, all else becomes float64.
    n_vertices
        How many vertices there are; by default the largest id says it.
    directed
        Whether an edge has a direction. If not, u-v and v-u are one edge.
    duplicates
        What to do with parallel edges. Without weights ``"any"`` (the default) makes them one edge. With weights ``"error"`` (the default)
        refuses them, and ``"sum"``, ``"min"``, ``"max"``, ``"mean"`` say the weight of the one edge. ``"count"`` makes it their number,
        also where there was no weight.
    loops
        ``"keep"``, ``"drop"`` or ``"error"``.
    listed
        ``"both"`` where rows list each undirected edge in both directions: it is made sure that they do, with equal weights.

    Raises
    ------
    UsageError
        An option is none of those, or arrays do not fit one another.
    DtypeError
        Ids are no whole numbers, or weights no real numbers.
    StageError
        An id is no vertex; a weight is NaN or infinite; there are loops, parallel edges or edges listed one way that must not be there.

    Examples
    --------
    >>> import numpy as np
    >>> graph = from_edges(np.array([2, 0, 0]), np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0]), directed=True, duplicates="sum")
    >>> graph.source, graph.destination, graph.weight, graph.n_folded
    (array([0, 2], dtype=int32), array([1, 0], dtype=int32), array([5., 1.]), 1)
    """
    rule = edge_rule(duplicates, weighted=weight is not None, directed=directed, loops=loops, listed=listed)
    for ids in (source, destination):
        array_module(ids)  # which tells of lists and the like
    if n_vertices is None:
        n_vertices = max((int(ids.max()) + 1 for ids in (source, destination) if len(ids)), default=0)
    edges = _without_loops(_checked(source, destination, weight, n_vertices), loops)
    if listed == "both":
        edges = _listed_once(edges, n_vertices)
    n_rows = len(edges.source)
    folded = _folded(edges if directed else _upwards(edges), n_vertices, rule)
    folded = folded if directed else _both_ways(folded, n_vertices)
    n_folded = n_rows - _n_edges(folded, directed=directed)
    if n_folded and rule == "error":
        raise _parallel(edges, n_folded, n_vertices, mirrored=not directed and listed == "once")
    return Graph(n_vertices, *folded, directed=directed, n_folded=n_folded)


def edge_rule(duplicates: str | None, *, weighted: bool, directed: bool, loops: str, listed: str) -> str:
    """Return the rule for parallel edges, having looked at all options; see `from_edges`."""
    allowed = _WEIGHTED if weighted else _UNWEIGHTED
    rule = allowed[0] if duplicates is None else duplicates
    if rule not in allowed:
        kind = "with" if weighted else "without"
        raise UsageError(f"duplicates={duplicates!r}: edges {kind} weights expected one of {listing(allowed)}.")
    if loops not in ("keep", "drop", "error"):
        raise UsageError(f"loops={loops!r}: expected one of 'keep', 'drop', 'error'.")
    if listed not in ("once", "both"):
        raise UsageError(f"listed={listed!r}: expected 'once' or 'both'.")
    if listed == "both" and directed:
        raise UsageError("listed='both' says that each undirected edge stands in two rows, but the graph is directed. Leave it out.")
    return rule


def _checked(source: Any, destination: Any, weight: Any | None, n_vertices: int) -> _Edges:
    """Return the edges, weights as floats, having looked at every value."""
    xp = array_module(source)
    for ids, what in ((source, "source"), (destination, "destination")):
        require_ids(ids, n_vertices, what)
    if len(source) != len(destination) or (weight is not None and len(weight) != len(source)):
        lengths = [len(array) for array in (source, destination, weight) if array is not None]
        raise UsageError(f"Source, destination and weight expected arrays of one length, got {lengths}.")
    if weight is None:
        return _Edges(source, destination, None)
    if weight.dtype.kind not in "fiub":
        raise DtypeError(f"weight expected real numbers, got dtype {weight.dtype}. Cast it to float64.")
    weight = weight if weight.dtype in (xp.float32, xp.float64) else weight.astype(xp.float64)
    n_wrong = len(weight) - int(xp.isfinite(weight).sum())
    if n_wrong:
        n_nan = int(xp.isnan(weight).sum())
        raise StageError(
            f"{n_nan} of {len(weight)} weights are NaN and {n_wrong - n_nan} infinite; expected finite numbers. "
            "Fill them, or drop those edges."
        )
    return _Edges(source, destination, weight)


def _without_loops(edges: _Edges, loops: str) -> _Edges:
    if loops == "keep":
        return edges
    is_loop = edges.source == edges.destination
    n_loops = int(is_loop.sum())
    if n_loops and loops == "error":
        first = int(edges.source[is_loop][0])
        raise StageError(f"{n_loops} edges are loops, at vertex {first} for one; loops='error' expected none. Drop them: loops='drop'.")
    return edges.where(~is_loop) if n_loops else edges


def _upwards(edges: _Edges) -> _Edges:
    """Return the edges from their smaller end to their larger one."""
    xp = array_module(edges.source)
    return edges._replace(source=xp.minimum(edges.source, edges.destination), destination=xp.maximum(edges.source, edges.destination))


def _listed_once(edges: _Edges, n_vertices: int) -> _Edges:
    """Return the edges from the smaller vertex to the larger one, and loops, having made sure that each is there the other way as well."""
    n_alone = _n_without_partner(edges, n_vertices)
    if n_alone:
        raise StageError(
            f"listed='both' expected each edge in both directions, with equal weights; {n_alone} of {len(edges.source)} rows have no such "
            "partner. Where each row is an edge, say listed='once', and by duplicates= what parallel ones are to be."
        )
    return edges.where(edges.source <= edges.destination)


def _n_without_partner(edges: _Edges, n_vertices: int) -> int:
    """Return how many rows from a smaller to a larger vertex, or the other way, have no row the other way with their weight."""
    xp = array_module(edges.source)
    up, down = edges.where(edges.source < edges.destination), edges.where(edges.source > edges.destination)
    keys = xp.concatenate([pair_keys(up.source, up.destination, n_vertices), pair_keys(down.destination, down.source, n_vertices)])
    signs = xp.repeat(xp.array([1, -1]), xp.array([len(up.source), len(down.source)]))
    order = xp.argsort(keys)
    first = first_of_equals(keys[order])
    if edges.weight is not None:
        weight = xp.concatenate([up.weight, down.weight])
        order = _order_by(keys, weight)
        keys, weight = keys[order], weight[order]
        first = first_of_equals(keys) | first_of_equals(weight)
    # Rows of one pair and weight stand together now; those of the two directions must be as many.
    groups = xp.cumsum(first) - 1
    return int(abs(sums_of(groups, signs[order], 0)).sum())


def _order_by(keys: Any, values: Any) -> Any:
    """Return the order of `keys`, and among equals of `values`."""
    xp = array_module(keys)
    order = xp.argsort(values, kind="stable")
    return order[xp.argsort(keys[order], kind="stable")]


def _parallel(edges: _Edges, n_folded: int, n_vertices: int, *, mirrored: bool) -> StageError:
    """Return the error for parallel edges; where every edge is there in both directions, it says how that is told."""
    text = f"{n_folded} of {len(edges.source)} rows are edges that another row has, and duplicates='error' expected none. "
    if mirrored and not _n_without_partner(edges._replace(weight=None), n_vertices):
        return StageError(f"{text}Every edge is listed in both directions: say listed='both'.")
    return StageError(f"{text}Say what their weight is to be: duplicates='sum', 'min', 'max', 'mean' or 'count'.")


def _distinct(keys: Any, n_vertices: int) -> tuple[Any, Any]:
    """Return the ends of distinct edges, whose other direction may be stored as well."""
    return pairs_of(keys, n_vertices, id_dtype(n_vertices, 2 * len(keys)))


def _folded(edges: _Edges, n_vertices: int, rule: str) -> _Edges:
    """Return the edges sorted, each pair once."""
    xp = array_module(edges.source)
    keys = pair_keys(edges.source, edges.destination, n_vertices)
    if edges.weight is None and rule != "count":
        keys.sort()
        return _Edges(*_distinct(keys[first_of_equals(keys)], n_vertices), None)
    order = xp.argsort(keys)
    keys = keys[order]
    starts = xp.flatnonzero(first_of_equals(keys))
    counts = xp.diff(xp.append(starts, len(keys)))
    pairs = _distinct(keys[starts], n_vertices)
    if rule == "count" or edges.weight is None:
        return _Edges(*pairs, counts.astype(xp.float64))
    weight = edges.weight[order]
    return _Edges(*pairs, weight if len(starts) == len(keys) else _one_weight(weight, starts, counts, rule))


def _one_weight(weight: Any, starts: Any, counts: Any, rule: str) -> Any:
    """Return one weight for each run of parallel edges. They are added from small to large, so that the rows' order changes no bit."""
    xp = array_module(weight)
    found = weight[starts]
    runs = xp.flatnonzero(counts > 1)  # few, as a rule: the others have their weight already
    sizes = counts[runs]
    number = xp.repeat(xp.arange(len(runs)), sizes)
    values = weight[positions_of_ranges(starts[runs], sizes)]
    values = values[_order_by(number, values)]
    ends = xp.cumsum(sizes)
    if rule in ("min", "max"):
        found[runs] = values[ends - sizes if rule == "min" else ends - 1]
    elif rule != "error":
        total = sums_of(number, values, len(runs))
        found[runs] = total if rule == "sum" else total / sizes
    return found


def _both_ways(edges: _Edges, n_vertices: int) -> _Edges:
    """Return sorted edges that go upwards in both directions, sorted, loops once; in time linear in the edges."""
    xp = array_module(edges.source)
    source, destination, weight = edges
    # The other direction in its order: a counting sort by the larger end. The weights ride along.
    proper = source != destination
    offsets = offsets_of(source[proper], n_vertices)
    values = xp.ones(int(proper.sum()), xp.float32) if weight is None else weight[proper]
    down = sparse(xp).csr_matrix((values, destination[proper], offsets), shape=(n_vertices, n_vertices)).tocsc()
    up_offsets = offsets_of(source, n_vertices)
    vertices = xp.arange(n_vertices, dtype=source.dtype)
    down_source = xp.repeat(vertices, xp.diff(down.indptr))
    # A row has first the smaller neighbours, then the larger ones, and each part is in order already.
    up_at = xp.arange(len(source)) + down.indptr[1:][source]
    down_at = xp.arange(len(down_source)) + up_offsets[:-1][down_source]
    n_stored = len(source) + len(down_source)

    def merged(up_part: Any, down_part: Any) -> Any:
        both = xp.empty(n_stored, up_part.dtype)
        both[up_at] = up_part
        both[down_at] = down_part
        return both

    weights = None if weight is None else merged(weight, down.data)
    return _Edges(merged(source, down_source), merged(destination, down.indices), weights)


def _n_edges(stored: _Edges, *, directed: bool) -> int:
    """Return the number of edges of what a graph stores."""
    n_stored = len(stored.source)
    return n_stored if directed else (n_stored + int((stored.source == stored.destination).sum())) // 2
