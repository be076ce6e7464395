"""Levenberg-Marquardt for many small least-squares problems at once, one a series.

Each series has its own damping and is done when its own gain is small; the batch is cut down to those that are left. No number is
shared between series, so none can spoil another one.

Source: D. W. Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", SIAM J. Appl. Math. 11 (1963).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gpupipe.forecasts._arrays import backward_solved, factorized, forward_solved, to_host


class Problem(Protocol):
    """Sums of squares to be made small, a series each."""

    @property
    def xp(self) -> Any:
        """The array library."""

    def evaluate(self, theta: Any) -> tuple[Any, Any, Any, Any]:
        """Return the values [n], the matrices J'J [k, k, n], the directions -J'e [k, n], and theta, as the problem may have improved it."""

    def take(self, keep: Any) -> Problem:
        """Return the problem of the series at these places, on the host."""


@dataclass(frozen=True)
class Limits:
    """Between what each parameter stays, how far a step may take it, and when to stop."""

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    move: float = float("inf")
    gain: float = 1e-6
    steps: int = 60


def minimise(problem: Problem, theta: Any, limits: Limits) -> tuple[Any, Any, Any]:
    """Return the parameters [k, n], the values [n] and which series have converged, found from a start [k, n].

    A series whose start has no finite value keeps it, with an infinite value, unconverged.
    """
    xp = problem.xp
    found, values, converged = theta.copy(), xp.zeros(theta.shape[1]), xp.zeros(theta.shape[1], dtype=bool)
    places = np.arange(theta.shape[1])
    value, matrix, direction, theta = problem.evaluate(theta)
    value = xp.where(xp.isfinite(value), value, xp.inf)
    damping = xp.full(theta.shape[1], 1e-2)
    done = ~xp.isfinite(value)
    lost = done.copy()
    for _ in range(limits.steps):
        step, promised = _step(matrix, direction, damping, _room(theta, limits, xp), xp)
        done |= (promised <= limits.gain * value) & (damping <= 1)
        left = np.flatnonzero(~to_host(done))
        if len(left) < 0.85 * len(places):
            chosen = xp.asarray(places)
            found[:, chosen], values[chosen], converged[chosen] = theta, value, done & ~lost
            if len(left) == 0:
                return found, values, converged
            places, kept = places[left], xp.asarray(left)
            problem = problem.take(left)
            theta, value, damping, step, promised = theta[:, kept], value[kept], damping[kept], step[:, kept], promised[kept]
            matrix, direction, done, lost = matrix[:, :, kept], direction[:, kept], done[kept], lost[kept]
        trial = theta + step
        new_value, new_matrix, new_direction, trial = problem.evaluate(trial)
        better, gained = (new_value < value) & ~done, value - new_value
        done |= ~better & (damping > 1e8)
        theta, value = xp.where(better, trial, theta), xp.where(better, new_value, value)
        matrix, direction = xp.where(better, new_matrix, matrix), xp.where(better, new_direction, direction)
        damping = xp.where(better, xp.maximum(_eased(gained, promised, xp) * damping, 1e-7), 4 * damping)
    chosen = xp.asarray(places)
    found[:, chosen], values[chosen], converged[chosen] = theta, value, done & ~lost
    return found, values, converged


def _eased(gained: Any, promised: Any, xp: Any) -> Any:
    """Return by what the damping is multiplied after a gain: a third where the model kept its promise, more than one where it did not.

    Source: H. B. Nielsen, "Damping parameter in Marquardt's method", IMM-REP-1999-05, equation 2.4.
    """
    missed = 2 * gained / xp.where(promised > 0, promised, xp.inf) - 1
    return xp.clip(1 - missed * missed * missed, 0.2, 2.0)


def _room(theta: Any, limits: Limits, xp: Any) -> tuple[Any, Any]:
    """Return how far each parameter may go down and up [k, n]."""
    low = xp.maximum(xp.asarray(limits.lower)[:, None] - theta, -limits.move)
    return low, xp.minimum(xp.asarray(limits.upper)[:, None] - theta, limits.move)


def _step(matrix: Any, direction: Any, damping: Any, room: tuple[Any, Any], xp: Any) -> tuple[Any, Any]:
    """Return each series' damped step within its room, and the gain that the quadratic model promises for it.

    A parameter that would leave its room is held at the end of it, and the others are solved for once more.
    """
    low, high = room
    held = ((low >= 0) & (direction < 0)) | ((high <= 0) & (direction > 0))
    step = _solved(matrix, direction, damping, held, xp.zeros_like(direction), xp)
    for _ in range(2):
        outside = (step < low) | (step > high)
        if not bool(outside.any()):
            break
        held |= outside
        again = _solved(matrix, direction, damping, held, xp.where(held, xp.clip(step, low, high), 0.0), xp)
        step = xp.where(outside.any(axis=0), again, step)
    step = xp.clip(step, low, high)
    promised = xp.zeros(matrix.shape[2])
    for row in range(len(matrix)):
        bent = matrix[row, row] * step[row]
        for before in range(row):
            bent = bent + 2 * matrix[row, before] * step[before]
        promised += step[row] * (2 * direction[row] - bent)
    return step, promised


def _solved(matrix: Any, direction: Any, damping: Any, held: Any, fixed: Any, xp: Any) -> Any:
    """Return the damped step where some parameters are held at fixed steps; zeros where there is no finite one."""
    damped, right = matrix.copy(), direction.copy()
    for row in range(len(matrix)):
        for before in range(row):
            right[row] -= matrix[row, before] * fixed[before]
            right[before] -= matrix[row, before] * fixed[row]
            damped[row, before] = xp.where(held[row] | held[before], 0.0, matrix[row, before])
        diagonal = matrix[row, row]
        damped[row, row] = xp.where(held[row] | ~(diagonal > 0), 1.0, diagonal * (1 + damping))
    right = xp.where(held, fixed, right)
    factor, _ = factorized(damped, xp)
    step = backward_solved(factor, forward_solved(factor, right))
    return xp.where(xp.isfinite(step), step, 0.0)
