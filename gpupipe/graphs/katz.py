"""Katz centrality: how many walks end at a vertex, the shorter ones counting for more."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.core.errors import StageError, UsageError
from gpupipe.graphs._convergence import Ending, Iterated
from gpupipe.graphs.graph import Graph


def katz(
    graph: Graph,
    alpha: float | None = None,
    beta: float = 1.0,
    *,
    tol: float = 1e-8,
    max_iter: int = 200,
    iterations: int | None = None,
    on_no_convergence: str = "error",
) -> Iterated:
    """Return the Katz centrality of each vertex, as a vector of Euclidean length 1.

    It is the limit of ``x = alpha * A.T @ x + beta`` from 0 on: over in-edges, by their weights.

    Parameters
    ----------
    alpha
        What a step more divides a walk's count by. There is a limit only below one over the largest eigenvalue; by default it is 0.9 over
        the smaller of the largest in-weight and the largest out-weight, which is always below.
    beta
        What each vertex has by itself.
    tol
        It ends when x changes by less in total (L1), as a vector of length 1.
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
        It did not converge, as with an `alpha` that is too large; a weight is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> katz(from_edges(np.array([0, 1]), np.array([1, 2]), directed=True), alpha=0.5).values.round(3)
    array([0.398, 0.597, 0.697])
    """
    for name, value in (("alpha", alpha), ("beta", beta)):
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{name}={value!r}: expected a finite number above 0.")
    ending = Ending("Katz", tol, max_iter, iterations, on_no_convergence, hint="A smaller alpha= converges faster, and a large one never.")
    graph.require_no_negative("Katz")
    xp, n = graph.xp, graph.n_vertices
    if n == 0:
        return Iterated(xp.zeros(0), (), converged=True)
    factor, pull = _default_alpha(graph) if alpha is None else alpha, graph.pull

    def change(x: Any) -> tuple[Any, float]:
        y = pull @ x
        y *= factor
        y += beta
        with np.errstate(over="ignore"):
            length, before = float(xp.sqrt(y @ y)), float(xp.sqrt(x @ x))
        if not length < float("inf"):
            raise StageError(f"Katz grew beyond all numbers with alpha={factor:g}: it has no limit. Choose a smaller alpha.")
        turned = abs(y / length - x / before).sum() if before else abs(y).sum() / length
        # Above the convergence radius the direction comes to rest as well, but the length does not.
        return y, max(float(turned), float(abs(y - x).sum()) / length)

    x, residuals, converged = ending.run(xp.zeros(n), change)
    return Iterated(x / xp.sqrt(x @ x), residuals, converged)


def _default_alpha(graph: Graph) -> float:
    largest = min(float(graph.in_weight.max()), float(graph.out_weight.max()))
    return 0.9 / largest if largest else 0.9
