"""A graph with two sides projected on one of them: two of one side are joined where they share others."""

from __future__ import annotations

from typing import Any

from gpupipe.core.errors import StageError, UsageError
from gpupipe.graphs._arrays import array_module, id_dtype
from gpupipe.graphs._libraries import sparse
from gpupipe.graphs.from_edges import from_edges
from gpupipe.graphs.graph import Graph


def project(
    keys: Any,
    others: Any,
    weight: Any | None = None,
    n_keys: int | None = None,
    *,
    duplicates: str | None = None,
    max_degree: int | None = None,
    max_pairs: int | None = None,
) -> Graph:
    """Return the undirected graph of keys with an edge between any two that share an other; its weight is how many they share.

    Parameters
    ----------
    keys, others
        Ids of both ends of each edge, numbered each from 0 on.
    weight
        Then an edge's weight is the sum of products over the others that are shared.
    n_keys
        How many keys there are; by default the largest id says it.
    duplicates
        What to do with edges that are there twice, as in `from_edges`.
    max_degree
        Others with more edges are left out: they join everything, and cost most.
    max_pairs
        Refuse where there may be more pairs of edges that share an other.

    Raises
    ------
    UsageError
        An option is out of its range, or arrays do not fit one another.
    StageError
        There may be more than `max_pairs`; a weight is negative, NaN or infinite; edges are there twice and must not be.

    Examples
    --------
    >>> import numpy as np
    >>> graph = project(np.array([0, 1, 0, 1, 2]), np.array([0, 0, 1, 1, 1]))
    >>> graph.edges()
    (array([0, 0, 1], dtype=int32), array([1, 2, 2], dtype=int32), array([2., 1., 1.]))
    """
    for name, most in (("max_degree", max_degree), ("max_pairs", max_pairs)):
        if most is not None and most < 0:
            raise UsageError(f"{name}={most!r}: expected 0 or more.")
    xp = array_module(keys)
    if n_keys is None:
        n_keys = int(keys.max()) + 1 if len(keys) else 0
    n_others = int(others.max()) + 1 if len(others) else 0
    # The edges in form, as those of a directed graph of as many vertices as the larger side has.
    edges = from_edges(keys, others, weight, max(n_keys, n_others), directed=True, duplicates=duplicates)
    edges.require_no_negative("Project")
    degree = xp.bincount(edges.destination, minlength=n_others).astype(xp.int64)
    kept = xp.ones(n_others, bool) if max_degree is None else degree <= max_degree
    n_pairs = int((degree * (degree - 1) // 2)[kept].sum())
    if max_pairs is not None and n_pairs > max_pairs:
        raise StageError(
            f"Project may find {n_pairs} pairs that share an other, more than max_pairs={max_pairs}. "
            "Leave those with the most edges out by max_degree=, or allow more pairs."
        )
    return _projected(edges, kept[edges.destination], n_keys, n_others)


def _projected(edges: Graph, kept: Any, n_keys: int, n_others: int) -> Graph:
    """Return the graph of pairs of keys, by a product of sparse matrices."""
    xp = edges.xp
    source, other = edges.source[kept], edges.destination[kept]
    dtype = id_dtype(n_keys, len(source))
    if not len(source):
        return Graph(n_keys, xp.zeros(0, dtype), xp.zeros(0, dtype), xp.zeros(0), directed=False)
    shape = (n_keys, n_others)

    def squared(values: Any) -> tuple[Any, Any]:
        """The pairs of keys as sorted numbers, and of each the sum of products of values that are not 0."""
        matrix = sparse(xp).csr_matrix((values, (source, other)), shape=shape)
        product = (matrix @ matrix.T.tocsr()).tocoo()
        apart = product.row != product.col
        pairs = product.row[apart].astype(xp.int64) * n_keys + product.col[apart]
        order = xp.argsort(pairs)
        return pairs[order], product.data[apart][order]

    pairs, common = squared(xp.ones(len(source)))
    if edges.weight is not None:
        # A product may drop pairs whose sum is 0, and they share an other nevertheless.
        some, sums = squared(edges.weight[kept].astype(xp.float64))
        common[:] = 0
        common[xp.searchsorted(pairs, some)] = sums
    first = pairs // n_keys
    return Graph(n_keys, first.astype(dtype), (pairs - first * n_keys).astype(dtype), common, directed=False)
