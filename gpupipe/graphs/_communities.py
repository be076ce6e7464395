"""Communities in one form, whatever found them, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.graphs._arrays import array_module, first_of_equals, sums_of
from gpupipe.graphs._libraries import csgraph, sparse
from gpupipe.graphs.graph import Graph


@dataclass(frozen=True, eq=False)
class Communities:
    """Which community each vertex is in: 0 is the largest, equals by their smallest vertex; and the modularity of this partition."""

    community: Any
    modularity: float

    @property
    def n_communities(self) -> int:
        """How many there are."""
        return int(self.community.max()) + 1 if len(self.community) else 0


def require_resolution(resolution: float) -> None:
    """Make sure that a resolution is above 0.

    Raises
    ------
    UsageError
        It is not.
    """
    if not resolution > 0 or resolution == float("inf"):
        raise UsageError(
            f"resolution={resolution!r}: expected a finite number above 0. 1 is the plain modularity; more makes smaller communities."
        )


def renumbered(labels: Any) -> Any:
    """Return labels as 0, 1, ... by size, from large to small, equals by their smallest vertex.

    Examples
    --------
    >>> renumbered(np.array([7, 5, 5, 9]))
    array([1, 0, 0, 2])
    """
    xp = array_module(labels)
    _, smallest, inverse, sizes = xp.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    # Both keys are whole numbers, so one number tells the order: size first, then the smallest vertex.
    order = xp.argsort(smallest - sizes.astype(xp.int64) * max(len(labels), 1))
    number = xp.empty(len(order), xp.int64)
    number[order] = xp.arange(len(order))
    return number[inverse]


def partition_modularity(graph: Graph, community: Any, resolution: float) -> float:
    """Return the modularity of communities numbered from 0 on; 0 where edges have no weight at all."""
    xp, n = graph.xp, graph.n_vertices
    weight = None if graph.weight is None else graph.weight.astype(xp.float64, copy=False)
    loops = xp.zeros(n)
    if graph.n_loops:
        at = xp.flatnonzero(graph.source == graph.destination)
        loops[graph.source[at]] = 1.0 if weight is None else weight[at]
    # Edges are stored in both directions, loops once.
    degree = graph.out_weight + loops
    total = float(degree.sum()) / 2
    if not total:
        return 0.0
    number = int(community.max()) + 1
    small = community.astype(graph.source.dtype)
    same = xp.repeat(small, xp.diff(graph.out_rows.offsets)) == small[graph.destination]
    inside = float(xp.count_nonzero(same) if weight is None else weight[same].sum()) + float(loops.sum())
    return inside / (2 * total) - resolution * float(((sums_of(community, degree, number) / (2 * total)) ** 2).sum())


def split_into_connected(graph: Graph, labels: Any) -> Any:
    """Return labels in which each community that falls apart, by the edges inside, is as many communities."""
    inside = labels[graph.source] == labels[graph.destination]
    source, destination = graph.source[inside], graph.destination[inside]
    matrix = sparse(np).csr_matrix((np.ones(len(source), np.int8), (source, destination)), shape=(graph.n_vertices,) * 2)
    return csgraph().connected_components(matrix, directed=False)[1]


def most_frequent(groups: Any, labels: Any, n_groups: int, n_labels: int) -> tuple[Any, Any]:
    """Return the groups that have labels, in ascending order, and of each the label it has most often, the smallest of equals."""
    xp = array_module(groups)
    keys = groups.astype(xp.int64)
    keys *= n_labels
    keys += labels
    keys.sort()
    starts = xp.flatnonzero(first_of_equals(keys))
    counts = xp.diff(xp.append(starts, len(keys))).astype(xp.int32)  # a device has a maximum of these
    keys = keys[starts]
    of_group = keys // n_labels
    most = xp.zeros(n_groups, xp.int32)
    xp.maximum.at(most, of_group, counts)
    # Runs are in the order of labels, so the first of the longest is that of the smallest one.
    longest = xp.flatnonzero(counts == most[of_group])
    chosen = longest[first_of_equals(of_group[longest])]
    return of_group[chosen], keys[chosen] - of_group[chosen] * n_labels
