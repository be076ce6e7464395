"""A graph as arrays: edges sorted by source and destination, and what is made of them once and kept beside them.

Vertices are the numbers 0 to V - 1, in the order of their keys, so that "the smallest vertex" means the same everywhere. An undirected edge
is stored in both directions, a loop once. So the edges in their order are the rows of a CSR matrix already: all it lacks is where each row
begins.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gpupipe.core.errors import StageError, UnsupportedError, UsageError
from gpupipe.graphs._arrays import array_module, first_of_equals, offsets_of, pair_keys, pairs_of, require_ids, sums_of
from gpupipe.graphs._libraries import sparse


class Rows(NamedTuple):
    """Edges by vertex: those of vertex v are ``neighbours[offsets[v]:offsets[v + 1]]``, in ascending order."""

    offsets: Any
    neighbours: Any
    weights: Any | None


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph of V vertices; `from_edges` makes one of any edges, while this takes what is in form already.

    Parameters
    ----------
    n_vertices
        V. Vertices are 0 to V - 1; those without edges count.
    source, destination
        The edges, sorted by both, each pair once; of an undirected graph in both directions, a loop once. int32, or int64 where V or
        their number is above 2**31 - 1.
    weight
        float64 or float32, or None.
    directed
        Whether an edge has a direction.
    n_folded
        How many rows `from_edges` found to be edges that were there.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([1, 0]), np.array([2, 1]), n_vertices=4, directed=False)
    >>> graph.n_edges, graph.source, graph.destination
    (2, array([0, 1, 1, 2], dtype=int32), array([1, 0, 2, 1], dtype=int32))
    """

    n_vertices: int
    source: Any
    destination: Any
    weight: Any | None = None
    _: KW_ONLY
    directed: bool
    n_folded: int = 0

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: what is kept beside them is made anew where it is needed."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @property
    def xp(self) -> Any:
        """The library of the arrays: NumPy or CuPy."""
        return array_module(self.source)

    @property
    def n_stored(self) -> int:
        """The number of stored edges: of an undirected graph each but loops counts twice."""
        return len(self.source)

    @property
    def n_edges(self) -> int:
        """The number of edges."""
        return self.n_stored if self.directed else (self.n_stored + self.n_loops) // 2

    @cached_property
    def n_loops(self) -> int:
        """The number of edges from a vertex to itself."""
        return int(self.xp.count_nonzero(self.source == self.destination))

    @cached_property
    def out_rows(self) -> Rows:
        """Each vertex's edges by their other end, along their direction (CSR)."""
        return Rows(offsets_of(self.source, self.n_vertices), self.destination, self.weight)

    @cached_property
    def in_rows(self) -> Rows:
        """Each vertex's edges by their other end, against their direction (CSC)."""
        if not self.directed:
            return self.out_rows
        offsets, sources, weights = self.out_rows
        # A counting sort by destination, in time linear in the edges; the values only ride along.
        values = self.xp.ones(self.n_stored, self.xp.float32) if weights is None else weights
        held = sparse(self.xp).csr_matrix((values, sources, offsets), shape=(self.n_vertices, self.n_vertices)).tocsc()
        return Rows(held.indptr, held.indices, None if weights is None else held.data)

    @cached_property
    def simple(self) -> Graph:
        """The undirected simple view: the graph without directions, loops and weights."""
        if not (self.directed or self.n_loops or self.weight is not None):
            return self
        xp, source, destination = self.xp, self.source, self.destination
        if self.n_loops:
            kept = source != destination
            source, destination = source[kept], destination[kept]
        if self.directed:
            # Both directions of each edge as numbers, sorted, each kept once.
            n = self.n_vertices
            keys = xp.concatenate([pair_keys(source, destination, n), pair_keys(destination, source, n)])
            keys.sort()
            keys = keys[first_of_equals(keys)]
            source, destination = pairs_of(keys, n, self.source.dtype)
        return Graph(self.n_vertices, source, destination, directed=False)

    @cached_property
    def unweighted(self) -> Graph:
        """The graph without its weights."""
        if self.weight is None:
            return self
        plain = Graph(self.n_vertices, self.source, self.destination, directed=self.directed, n_folded=self.n_folded)
        plain.__dict__.update(out_rows=self.out_rows._replace(weights=None), in_rows=self.in_rows._replace(weights=None))
        return plain

    @property
    def n_wedges(self) -> int:
        """The number of pairs of neighbours of one vertex in the undirected simple view: the most pairs that can have one in common."""
        degrees = self.xp.diff(self.simple.out_rows.offsets).astype(self.xp.int64)
        return int((degrees * (degrees - 1) // 2).sum())

    @cached_property
    def out_weight(self) -> Any:
        """The total weight of each vertex's out-edges, float64; without weights each counts 1, and a loop is one edge."""
        if self.weight is None:
            return self.xp.diff(self.out_rows.offsets).astype(self.xp.float64)
        return sums_of(self.source, self.weight, self.n_vertices)

    @cached_property
    def in_weight(self) -> Any:
        """The total weight of each vertex's in-edges, as `out_weight`."""
        if not self.directed:
            return self.out_weight
        if self.weight is None:
            return self.xp.diff(self.in_rows.offsets).astype(self.xp.float64)
        return sums_of(self.destination, self.weight, self.n_vertices)

    @cached_property
    def pull(self) -> Any:
        """The matrix of in-edges, in-rows by sources, float64: ``pull @ x`` adds up what each vertex gets from where its edges come."""
        return self._matrix(self.in_rows)

    @cached_property
    def push(self) -> Any:
        """The matrix of out-edges, sources by destinations, float64."""
        return self._matrix(self.out_rows) if self.directed else self.pull

    def _matrix(self, rows: Rows) -> Any:
        offsets, neighbours, weights = rows
        # Of any other dtype a product would make a copy as float64 each time.
        values = self.xp.ones(len(neighbours)) if weights is None else weights.astype(self.xp.float64, copy=False)
        return sparse(self.xp).csr_matrix((values, neighbours, offsets), shape=(self.n_vertices, self.n_vertices))

    def edges(self) -> tuple[Any, Any, Any | None]:
        """Return source, destination and weight of each edge once; of an undirected graph with the smaller vertex first."""
        if self.directed:
            return self.source, self.destination, self.weight
        kept = self.source <= self.destination
        return self.source[kept], self.destination[kept], None if self.weight is None else self.weight[kept]

    def reverse(self) -> Graph:
        """Return the graph with each edge turned round; an undirected one is its own."""
        if not self.directed:
            return self
        offsets, destination, weight = self.in_rows
        source = self.xp.repeat(self.xp.arange(self.n_vertices, dtype=destination.dtype), self.xp.diff(offsets))
        turned = Graph(self.n_vertices, source, destination, weight, directed=True, n_folded=self.n_folded)
        turned.__dict__.update(out_rows=self.in_rows, in_rows=self.out_rows)  # what is known of one is known of the other
        return turned

    def subgraph(self, vertices: Any) -> Graph:
        """Return the graph of some vertices and the edges between them; vertex i of it is the i-th smallest of `vertices`.

        Raises
        ------
        StageError
            One of `vertices` is no vertex.

        Examples
        --------
        >>> import numpy as np
        >>> from gpupipe.graphs import from_edges
        >>> graph = from_edges(np.array([0, 1, 2]), np.array([1, 2, 3]), n_vertices=4, directed=True)
        >>> part = graph.subgraph(np.array([3, 2, 0]))
        >>> part.n_vertices, part.source, part.destination
        (3, array([1], dtype=int32), array([2], dtype=int32))
        """
        xp = self.xp
        require_ids(vertices, self.n_vertices, "subgraph")
        chosen = xp.zeros(self.n_vertices, bool)
        chosen[vertices] = True
        # The new number of a vertex is how many chosen ones come before it: the order is kept, and with it the order of edges.
        numbers = xp.cumsum(chosen, dtype=self.source.dtype) - 1
        kept = chosen[self.source] & chosen[self.destination]
        source, destination = numbers[self.source[kept]], numbers[self.destination[kept]]
        weight = None if self.weight is None else self.weight[kept]
        return Graph(int(chosen.sum()), source, destination, weight, directed=self.directed)

    def require_undirected(self, step: str) -> None:
        """Make sure that the graph is undirected.

        Raises
        ------
        UsageError
            It is directed.
        """
        if self.directed:
            raise UsageError(
                f'{step} expected an undirected graph, got a directed one. Pass view="undirected" to forget directions, loops and weights, '
                "or make the graph with directed=False."
            )

    def require_host(self, step: str) -> None:
        """Make sure that the arrays are on the host.

        Raises
        ------
        UnsupportedError
            They are on a device.
        """
        if self.xp is not np:
            raise UnsupportedError(f"{step} is computed on the host here, and by cuGraph on a device. Copy the graph's arrays to the host.")

    def require_no_negative(self, step: str) -> None:
        """Make sure that no weight is negative.

        Raises
        ------
        StageError
            Some are.
        """
        if self._n_negative:
            raise StageError(
                f"{step} expected weights of 0 or more, got {self._n_negative} negative ones of {self.n_edges}. "
                "Filter those edges, or give them another weight; only a spanning forest takes them."
            )

    @cached_property
    def _n_negative(self) -> int:
        if self.weight is None or not len(self.weight) or float(self.weight.min()) >= 0:  # the least one is found sooner than a count
            return 0
        is_negative = self.weight < 0
        return int((is_negative if self.directed else is_negative & (self.source <= self.destination)).sum())  # each edge once


def undirected_view(graph: Graph, view: str | None, step: str) -> Graph:
    """Return the graph that an undirected step runs on: itself, or with ``view="undirected"`` its undirected simple view.

    Raises
    ------
    UsageError
        There is no such view, or the graph is directed and no view was asked for.
    """
    if view not in (None, "undirected"):
        raise UsageError(f'{step} expected view="undirected" or none, got {view!r}.')
    if view is not None:
        return graph.simple
    graph.require_undirected(step)
    return graph
