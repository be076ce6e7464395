"""Eigenvector centrality: a vertex counts as much as those that point to it together."""

from __future__ import annotations

from typing import Any

from gpupipe.graphs._convergence import Ending, Iterated
from gpupipe.graphs.graph import Graph


def eigenvector(
    graph: Graph, *, tol: float = 1e-8, max_iter: int = 200, iterations: int | None = None, on_no_convergence: str = "error"
) -> Iterated:
    """Return the leading eigenvector of the in-edges' matrix, none of it negative, of Euclidean length 1.

    It is the limit of ``x = A.T @ x + x``, brought to length 1 each time, from the uniform vector on. Adding x changes no eigenvector, but
    lets graphs with two sides converge. Weights count.

    Parameters
    ----------
    tol
        It ends when x changes by less in total (L1).
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
        It did not converge; a weight is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> graph = from_edges(np.array([0, 0, 0]), np.array([1, 2, 3]), directed=False)
    >>> eigenvector(graph).values.round(3)
    array([0.707, 0.408, 0.408, 0.408])
    """
    ending = Ending("Eigenvector", tol, max_iter, iterations, on_no_convergence)
    graph.require_no_negative("Eigenvector")
    xp, n = graph.xp, graph.n_vertices
    if n == 0:
        return Iterated(xp.zeros(0), (), converged=True)
    pull = graph.pull

    def change(x: Any) -> tuple[Any, float]:
        y = pull @ x
        y += x
        y /= xp.sqrt(y @ y)
        return y, float(abs(y - x).sum())

    return Iterated(*ending.run(xp.full(n, n**-0.5), change))
