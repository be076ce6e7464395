"""Hubs and authorities: good hubs point to good authorities, and the other way round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpupipe.graphs._convergence import Ending, Iterated
from gpupipe.graphs.graph import Graph


@dataclass(frozen=True, eq=False)
class HubsAndAuthorities(Iterated):
    """What the iteration of HITS came to; `values` are the hubs.

    Parameters
    ----------
    authorities
        One number for each vertex.
    """

    authorities: Any

    @property
    def hubs(self) -> Any:
        """One number for each vertex."""
        return self.values


def hits(
    graph: Graph, *, tol: float = 1e-8, max_iter: int = 200, iterations: int | None = None, on_no_convergence: str = "error"
) -> HubsAndAuthorities:
    """Return hubs and authorities, each summing to 1; without edges all are 0.

    They are the limits of ``a = A.T @ h``, ``h = A @ a`` from the uniform vector on. Weights are ignored.

    Parameters
    ----------
    tol
        It ends when hubs change by less in total (L1), as a vector that sums to 1.
    max_iter
        It is an error if it has not ended by then.
    iterations
        Exactly so many, whatever the change.
    on_no_convergence
        ``"error"``, ``"warn"`` (the vectors as they are, and a `ConvergenceWarning`) or ``"ignore"``.

    Raises
    ------
    UsageError
        An option is none of those.
    StageError
        It did not converge.

    Source
    ------
    Kleinberg, "Authoritative sources in a hyperlinked environment" (1999).

    Examples
    --------
    >>> import numpy as np
    >>> from gpupipe.graphs import from_edges
    >>> found = hits(from_edges(np.array([0, 0, 1]), np.array([2, 3, 3]), directed=True))
    >>> found.hubs.round(3), found.authorities.round(3)
    (array([0.618, 0.382, 0.   , 0.   ]), array([0.   , 0.   , 0.382, 0.618]))
    """
    ending = Ending("HITS", tol, max_iter, iterations, on_no_convergence)
    xp, n = graph.xp, graph.n_vertices
    if not graph.n_stored:
        return HubsAndAuthorities(xp.zeros(n), (), True, xp.zeros(n))
    pull, push = graph.unweighted.pull, graph.unweighted.push

    def change(h: Any) -> tuple[Any, float]:
        a = pull @ h
        a /= a.max()
        after = push @ a
        after /= after.sum()
        return after, float(abs(after - h).sum())

    hubs, residuals, converged = ending.run(xp.full(n, 1 / n), change)
    authorities = pull @ hubs
    return HubsAndAuthorities(hubs, residuals, converged, authorities / authorities.sum())
