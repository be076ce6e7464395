"""PageRank: how often a walker is at each vertex who follows edges, and now and then starts anew."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.core.errors import StageError, UsageError
from gpupipe.graphs import _cugraph
from gpupipe.graphs._arrays import require_ids
from gpupipe.graphs._convergence import Ending, Iterated
from gpupipe.graphs.graph import Graph


def pagerank(
    graph: Graph,
    alpha: float = 0.85,
    personalization: tuple[Any, Any] | None = None,
    *,
    tol: float = 1e-8,
    max_iter: int = 200,
    iterations: int | None = None,
    on_no_convergence: str = "error",
) -> Iterated:
    """Return the PageRank of each vertex; they sum to 1.

    It is the limit of ``x = alpha * (P.T @ x + d * v) + (1 - alpha) * v`` from ``x = v`` on, where P has the weights of edges over the
    out-weight of their source, d is what x has on vertices without out-weight, and v is where walks start. Loops are edges.

    Parameters
    ----------
    alpha
        How often the walker follows an edge.
    personalization
        Ids of vertices and how often, in relation to each other, walks start there; by default everywhere alike.
    tol
        It ends when x changes by less in total (L1). The distance to the limit is then at most ``alpha / (1 - alpha) * tol``.
    max_iter
        It is an error if it has not ended by then.
    iterations
        Exactly so many, whatever the change.
    on_no_convergence
        ``"error"``, ``"warn"`` (the vector as it is, and a `ConvergenceWarning`) or ``"ignore"``.

    Raises
    ------
    UsageError
        An option is none of those.
    StageError
        It did not converge; a weight is negative; the personalisation names what is no vertex, or one twice, or sums to nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 1, 2]), np.array([2, 2, 0]), directed=True)
    >>> pagerank(graph).values.round(3)
    array([0.464, 0.05 , 0.486])
    """
    if not 0 <= alpha < 1:
        raise UsageError(f"alpha={alpha!r}: expected a share from 0 to below 1, as 0.85.")
    ending = Ending("PageRank", tol, max_iter, iterations, on_no_convergence)
    graph.require_no_negative("PageRank")
    xp, n = graph.xp, graph.n_vertices
    if n == 0:
        return Iterated(xp.zeros(0), (), converged=True)
    start = xp.full(n, 1 / n) if personalization is None else _starts(graph, *personalization)
    out_weight = graph.out_weight
    stuck = xp.flatnonzero(out_weight == 0)
    share = out_weight.copy()
    share[stuck] = xp.inf  # nothing leaves them along an edge
    share = alpha / share
    pull = graph.pull

    def change(x: Any) -> tuple[Any, float]:
        y = pull @ (x * share)
        y += (alpha * float(x[stuck].sum()) + 1 - alpha) * start
        return y, float(abs(y - x).sum())

    if xp is np or not graph.n_stored:
        return Iterated(*ending.run(start, change))
    found, converged = _cugraph.pagerank(graph, alpha, start, ending, is_personal=personalization is not None)
    residual = change(found)[1]
    ending.tell(residual, converged=converged)
    return Iterated(found, (residual,), converged, counted=False)


def _starts(graph: Graph, vertices: Any, values: Any) -> Any:
    """Return where walks start, as shares of all vertices."""
    xp = graph.xp
    require_ids(vertices, graph.n_vertices, "personalization")
    if values.shape != vertices.shape:
        raise UsageError(f"personalization expected as many values as vertices, got {len(values)} for {len(vertices)}.")
    n_twice = len(vertices) - len(xp.unique(vertices))
    if n_twice:
        raise StageError(f"personalization names {n_twice} vertices again. Add their values up, so that each has one.")
    if not bool(xp.isfinite(values).all()) or bool((values < 0).any()) or not float(values.sum()) > 0:
        raise StageError("personalization expected finite values of 0 or more that are not all 0.")
    start = xp.zeros(graph.n_vertices)
    start[vertices] = values
    return start / start.sum()
