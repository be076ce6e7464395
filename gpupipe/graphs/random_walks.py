"""Random walks along edges: uniform, by weight, and node2vec's, which lean back or away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.graphs._arrays import require_ids
from gpupipe.graphs._chance import Draws
from gpupipe.graphs._next_vertex import Next
from gpupipe.graphs.graph import Graph


@dataclass(frozen=True, eq=False)
class Walks:
    """Vertices of walks, in the order of walks and steps: walk ``i * walks + j`` is the j-th one from the i-th start."""

    walk: Any
    step: Any
    vertex: Any


def random_walks(
    graph: Graph, starts: Any, length: int, walks: int = 1, *, weighted: bool = False, p: float = 1.0, q: float = 1.0, seed: int = 0
) -> Walks:
    """Return walks of at most so many steps from each of some vertices; a walk ends where no edge goes out.

    Chance is a hash of the seed, the walk's number, the step and how often it was tried. So walks are the same on every engine.

    Parameters
    ----------
    starts
        Ids of vertices.
    length
        How many edges a walk follows, at most.
    walks
        How many start from each.
    weighted
        Edges are followed in relation to their weights; those of weight 0 never.
    p, q
        Those of node2vec: going back to the vertex before is as likely as ``1 / p``, going to one that has no edge from there as ``1 / q``,
        both in relation to other ways.

    Raises
    ------
    UsageError
        An option is out of its range, or `weighted` with a graph without weights.
    StageError
        A start is no vertex; a weight is negative.

    Source
    ------
    Grover and Leskovec, "node2vec" (2016); by rejection as in Yang and others, "KnightKing" (2019).

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 1]), np.array([1, 2]), directed=True)
    >>> random_walks(graph, np.array([1, 0]), length=2)
    Walks(walk=array([0, 0, 1, 1, 1]), step=array([0, 1, 0, 1, 2]), vertex=array([1, 2, 0, 1, 2], dtype=int32))
    """
    require_ids(starts, graph.n_vertices, "RandomWalks, starts")
    if length < 0 or walks < 1 or not 0 < p < float("inf") or not 0 < q < float("inf"):
        raise UsageError(
            f"length={length!r}, walks={walks!r}, p={p!r}, q={q!r}: expected length from 0, walks from 1 on, and finite p and q above 0."
        )
    if weighted and graph.weight is None:
        raise UsageError("RandomWalks, weighted=True, expected a graph with weights, got one without. Leave it out.")
    if weighted:
        graph.require_no_negative("RandomWalks")
    xp = graph.xp
    n_walks = len(starts) * walks
    path = xp.full((n_walks, length + 1), -1, graph.source.dtype)
    path[:, 0] = xp.repeat(starts, walks)
    follow = Next(graph, Draws(xp.arange(n_walks), seed), weighted=weighted, p=p, q=q)
    going = xp.arange(n_walks)
    for step in range(1, length + 1):
        going = going[follow.may_leave(path[going, step - 1])]
        if not len(going):
            break
        path[going, step] = follow.chosen(going, path[going, step - 2] if step > 1 else None, path[going, step - 1], step)
    walk, at = xp.nonzero(path >= 0)
    return Walks(walk, at, path[walk, at])
