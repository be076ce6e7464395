"""When an iteration ends, and what it tells of its way: total L1 change, not change by vertex, so that large graphs end no earlier."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gpupipe.core.errors import StageError, UsageError, listing


class ConvergenceWarning(UserWarning):
    """An iteration ended before it had converged."""


@dataclass(frozen=True, eq=False)
class Iterated:
    """What an iteration came to.

    Parameters
    ----------
    values
        One number for each vertex.
    residuals
        The total L1 change of each iteration.
    converged
        Whether the last change is below the tolerance; also so where a fixed number of iterations was asked for.
    counted
        Whether every iteration is told; cuGraph tells neither their number nor their changes, and `residuals` has what one more would do.
    """

    values: Any
    residuals: tuple[float, ...]
    converged: bool
    counted: bool = field(default=True, kw_only=True)

    @property
    def iterations(self) -> int | None:
        """How many iterations there were; None where nobody told."""
        return len(self.residuals) if self.counted else None


@dataclass(frozen=True)
class Ending:
    """When to end: below a tolerance, after a number of iterations, or never later than another one."""

    step: str
    tol: float
    max_iter: int
    iterations: int | None
    on_no_convergence: str
    hint: str = ""

    def __post_init__(self) -> None:
        answers = ("error", "warn", "ignore")
        if self.on_no_convergence not in answers:
            raise UsageError(f"on_no_convergence={self.on_no_convergence!r}: expected one of {listing(answers)}.")
        if not self.tol > 0:
            raise UsageError(f"tol={self.tol!r}: expected a number above 0. For a fixed number of iterations say iterations=.")
        for name, number in (("max_iter", self.max_iter), ("iterations", self.iterations)):
            if number is not None and number < 1:
                raise UsageError(f"{name}={number!r}: expected 1 or more.")

    def run(self, start: Any, change: Callable[[Any], tuple[Any, float]]) -> tuple[Any, tuple[float, ...], bool]:
        """Return the last state, the changes, and whether they converged, of an iteration from `start`.

        Raises
        ------
        StageError
            It did not converge, and that is to be an error.
        """
        state, residuals = start, []
        for _ in range(self.iterations or self.max_iter):
            state, residual = change(state)
            residuals.append(residual)
            if self.iterations is None and residual < self.tol:
                break
        converged = self.iterations is not None or residuals[-1] < self.tol
        self.tell(residuals[-1], converged=converged)
        return state, tuple(residuals), converged

    def tell(self, residual: float, *, converged: bool) -> None:
        """Raise StageError, or warn, where it did not converge and somebody is to hear of it."""
        if converged or self.on_no_convergence == "ignore":
            return
        text = (
            f"{self.step} expected to change by less than tol={self.tol:g} in total within {self.max_iter} iterations, and still "
            f"changed by {residual:.3g}. Allow more by max_iter=, or more change by tol=. {self.hint}"
        ).rstrip()
        if self.on_no_convergence == "error":
            raise StageError(text)
        warnings.warn(text, ConvergenceWarning, stacklevel=4)
