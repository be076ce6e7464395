"""The least-squares fit of Holt-Winters: smoothing parameters between their bounds, and first states where they are estimated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpupipe.forecasts._arrays import total
from gpupipe.forecasts._batch import Batch
from gpupipe.forecasts._initial import first_states
from gpupipe.forecasts._levenberg import Limits, minimise
from gpupipe.forecasts._smoothing import Form, States, with_derivatives

# γ is (1 - α) γ*, so γ* has bounds that do not move. A damping beyond .98 cannot be told from none, nor one below .8 from a level alone.
BOUNDS = {"alpha": (1e-4, 0.9999), "beta_star": (0.0, 1.0), "gamma": (0.0, 1.0), "phi": (0.8, 0.98)}
STARTS = ({"alpha": 0.2, "beta_star": 0.05, "gamma": 0.1, "phi": 0.95}, {"alpha": 0.6, "beta_star": 0.01, "gamma": 0.01, "phi": 0.95})
COARSE_STEPS = 12  # from each start; the better one goes on


def fit_part(part: Batch, form: Form, first: States | None = None) -> tuple[States, Any]:
    """Return parameters and first states of scaled series, and [n_series] whether they have converged.

    Parameters
    ----------
    first
        First states, in place of those of the rule.
    """
    xp = part.xp
    first = States({}, *first_states(part, form)) if first is None else first
    lower, upper = zip(*(BOUNDS[name] for name in form.smoothing), strict=True)
    n_free = form.n_states if form.estimated else 0
    limits = Limits((*lower, *(-np.inf,) * n_free), (*upper, *(np.inf,) * n_free))
    problem, theta = _Fit(part, form, first, _gaps(part)), _start(form, first, STARTS[0], part)
    if form.estimated:
        theta, value, _ = minimise(problem, theta, replace(limits, steps=COARSE_STEPS))
        other, other_value, _ = minimise(problem, _start(form, first, STARTS[1], part), replace(limits, steps=COARSE_STEPS))
        theta = xp.where(other_value < value, other, theta)
    best, _, converged = minimise(problem, theta, limits)
    states = _states(form, first, best)
    return _centred(form, states, xp), converged


def _gaps(part: Batch) -> Any:
    """Return 1.0 where a value was seen, or None where that is everywhere."""
    return part.seen.astype(float) if bool(part.has_gaps().any()) else None


def _start(form: Form, first: States, start: dict[str, float], part: Batch) -> Any:
    rows = []
    for name in form.smoothing:
        value = start[name] / (1 - start["alpha"]) if name == "gamma" else start[name]
        rows.append(part.xp.full(part.n_series, value))
    if form.estimated:
        rows += [first.level, *([first.trend] if form.trend else []), *first.season]
    return part.xp.stack(rows)


def _states(form: Form, first: States, theta: Any) -> States:
    """Return parameters and first states for rows of α, β*, γ*, φ and states."""
    shares = dict(zip(form.smoothing, theta[: len(form.smoothing)], strict=True))
    if form.seasonal:
        shares["gamma"] = (1 - shares["alpha"]) * shares["gamma"]
    if not form.estimated:
        return States(shares, first.level, first.trend, first.season)
    at = len(form.smoothing)
    trend = theta[at + 1] if form.trend else first.trend
    return States(shares, theta[at], trend, theta[at + 1 + form.trend :])


def _centred(form: Form, states: States, xp: Any) -> States:
    """Return the same model with seasons of mean 0, or 1: what the fit leaves open is one direction, which changes no prediction."""
    if not form.seasonal or not form.estimated:
        return states
    mean = total(states.season, xp) / form.n_seasons
    if form.seasonal == "mul":
        return States(states.parameters, states.level * mean, states.trend * mean, states.season / mean)
    return States(states.parameters, states.level + mean, states.trend, states.season - mean)


@dataclass(frozen=True)
class _Fit:
    """The sums of squares of some series, as the optimiser asks for them."""

    part: Batch
    form: Form
    first: States
    gaps: Any

    @property
    def xp(self) -> Any:
        """The array library."""
        return self.part.xp

    def take(self, keep: Any) -> _Fit:
        """Return some of the series."""
        chosen, part = self.xp.asarray(keep), self.part.take(keep)
        first = States({}, self.first.level[chosen], self.first.trend[chosen], self.first.season[:, chosen])
        return _Fit(part, self.form, first, _gaps(part) if self.gaps is not None else None)

    def evaluate(self, theta: Any) -> tuple[Any, Any, Any, Any]:
        """Return sums of squares, J'J, -J'e, and the parameters."""
        states = _states(self.form, self.first, theta)
        done = with_derivatives(self.part, self.form, states, self.gaps)
        return done.value, done.matrix, done.direction, theta
