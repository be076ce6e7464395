"""The recursions of Holt-Winters in error-correction form, for every series at once, and the derivatives that run along with them.

With p = l + φ b and s the season of one cycle ago: ŷ = p + s, or p s; e = y - ŷ; l' = p + α e, b' = φ b + α β* e, s' = s + γ e, where the
multiplicative season has e / s in the first two and e / p in the third. A missing value has e = 0.

Source: Hyndman, Koehler, Ord, Snyder, "Forecasting with Exponential Smoothing" (2008), chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpupipe.forecasts._batch import Batch, segments
from gpupipe.forecasts._kernels import compiled, smooth


@dataclass(frozen=True)
class Form:
    """Which states a series has, and whether their first values are estimated."""

    trend: bool
    seasonal: str | None
    damped: bool
    season_length: int
    estimated: bool

    @property
    def smoothing(self) -> tuple[str, ...]:
        """The names of the smoothing parameters, in the order of the rows."""
        return (
            "alpha",
            *(("beta_star",) if self.trend else ()),
            *(("gamma",) if self.seasonal else ()),
            *(("phi",) if self.damped else ()),
        )

    @property
    def n_seasons(self) -> int:
        """The number of season states."""
        return self.season_length if self.seasonal else 0

    @property
    def n_states(self) -> int:
        """The number of first values of states."""
        return 1 + self.trend + self.n_seasons

    @property
    def n_free(self) -> int:
        """The number of free parameters, the variance among them; a season's mean is not free."""
        return len(self.smoothing) + self.n_states - bool(self.seasonal) + 1

    @property
    def n_numbers(self) -> int:
        """How many numbers the derivatives of one series are."""
        size = len(self.smoothing) + (self.n_states if self.estimated else 0)
        return size * (self.n_seasons + size + 8)

    def __str__(self) -> str:
        trend = ("damped" if self.damped else "additive") if self.trend else "no"
        season = {"add": "additive", "mul": "multiplicative", None: "no"}[self.seasonal]
        return f"{trend} trend, {season} season"


@dataclass(frozen=True)
class States:
    """Parameters and states of some series: level, trend [n] and seasons [n_seasons, n], the next step's season first."""

    parameters: dict[str, Any]
    level: Any
    trend: Any
    season: Any


@dataclass
class Derivatives:
    """States, and their derivatives by all parameters, of which each step makes the next ones in place.

    `matrix` is J'J (lower triangle), `direction` is -J'e, `value` the sum of squares.
    """

    form: Form
    n: int
    states: list[Any]
    season: list[Any]
    by_level: Any
    by_trend: Any
    by_season: list[Any]
    value: Any
    matrix: Any
    direction: Any
    scratch: list[Any]

    @classmethod
    def at_start(cls, form: Form, states: States, xp: Any) -> Derivatives:
        """Return the states before the first step; the first values of states are parameters where they are estimated."""
        n, n_smoothing = states.level.shape[0], len(form.smoothing)
        size = n_smoothing + (form.n_states if form.estimated else 0)
        by_level, by_trend = xp.zeros((size, n)), xp.zeros((size, n)) if form.trend else None
        by_season = [xp.zeros((size, n)) for _ in range(form.n_seasons)]
        if form.estimated:
            by_level[n_smoothing] = 1.0
            if by_trend is not None:
                by_trend[n_smoothing + 1] = 1.0
            for place, rows in enumerate(by_season):
                rows[n_smoothing + 1 + form.trend + place] = 1.0
        return cls(
            form=form,
            n=n,
            states=[states.level.copy(), states.trend.copy() if form.trend else None],
            season=[states.season[place].copy() for place in range(form.n_seasons)],
            by_level=by_level,
            by_trend=by_trend,
            by_season=by_season,
            value=xp.zeros(n),
            matrix=xp.zeros((size, size, n)),
            direction=xp.zeros((size, n)),
            scratch=[xp.empty((size, n)) for _ in range(4)],
        )

    def narrowed(self, n: int) -> Derivatives:
        """Return views of the first n series."""

        def cut(array: Any) -> Any:
            return None if array is None else array[..., :n]

        return replace(
            self,
            n=n,
            states=[cut(state) for state in self.states],
            season=[cut(state) for state in self.season],
            by_level=cut(self.by_level),
            by_trend=cut(self.by_trend),
            by_season=[cut(rows) for rows in self.by_season],
            value=cut(self.value),
            matrix=cut(self.matrix),
            direction=cut(self.direction),
            scratch=[cut(rows) for rows in self.scratch],
        )


@dataclass(frozen=True)
class Smoothed:
    """What the recursion takes of the parameters: α, αβ*, γ, φ, and the derivatives of γ by α and γ*."""

    alpha: Any
    alpha_beta: Any
    gamma: Any
    phi: Any
    beta: Any
    gamma_by_alpha: Any
    gamma_by_star: Any

    @classmethod
    def of(cls, parameters: dict[str, Any], n: int) -> Smoothed:
        """Return what is needed, of the first n series."""
        alpha = parameters["alpha"][:n]
        beta, gamma, phi = (parameters[name][:n] if name in parameters else None for name in ("beta_star", "gamma", "phi"))
        free = None if gamma is None else 1 - alpha
        return cls(alpha, None if beta is None else alpha * beta, gamma, phi, beta, None if gamma is None else -gamma / free, free)


def with_derivatives(batch: Batch, form: Form, states: States, gaps: Any) -> Derivatives:
    """Run all steps of a batch and return what has been summed up; `gaps` [n_times, n] is 1.0 where a value was seen, or None."""
    with np.errstate(all="ignore"):  # a state that is no number makes a value that is none, which the optimiser rejects
        whole = Derivatives.at_start(form, states, batch.xp)
        if (kernels := compiled(batch.values)) is not None:
            smooth(kernels, batch.values, gaps, batch.lengths, whole, Smoothed.of(states.parameters, batch.n_series))
            return whole
        step = _multiplicative if form.seasonal == "mul" else _additive
        for first, stop, n in segments(batch.lengths):
            at, taken = whole.narrowed(n), Smoothed.of(states.parameters, n)
            for time in range(first, stop):
                step(at, taken, batch.values[time, :n], None if gaps is None else gaps[time, :n], time, batch.xp)
    return whole


def _predicted(at: Derivatives, taken: Smoothed, xp: Any) -> tuple[Any, Any, Any, Any]:
    """Return the damped trend and the sum of level and trend, each with its derivatives."""
    level, trend = at.states
    if at.by_trend is None:
        return None, level, None, at.by_level
    by_damped, by_sum = at.by_trend, at.scratch[1]
    if at.form.damped:
        by_damped = xp.multiply(at.by_trend, taken.phi, out=at.scratch[0])
        by_damped[at.form.smoothing.index("phi")] += trend
        trend = taken.phi * trend
    return trend, level + trend, by_damped, xp.add(at.by_level, by_damped, out=by_sum)


def _add_up(at: Derivatives, error: Any, by_prediction: Any, xp: Any) -> None:
    """Add one step to the sum of squares, to J'J and to -J'e."""
    at.value[...] += error * error
    at.direction[...] += xp.multiply(by_prediction, error, out=at.scratch[3])
    for row in range(len(by_prediction)):
        made = at.scratch[3][: row + 1]
        xp.multiply(by_prediction[: row + 1], by_prediction[row], out=made)
        at.matrix[row, : row + 1] += made


def _additive(at: Derivatives, taken: Smoothed, value: Any, seen: Any, time: int, xp: Any) -> None:
    trend, summed, by_damped, by_sum = _predicted(at, taken, xp)
    by_prediction, made = at.scratch[2], at.scratch[3]
    place = time % at.form.n_seasons if at.season else 0
    if at.season:
        error = value - summed - at.season[place]
        xp.add(by_sum, at.by_season[place], out=by_prediction)
    else:
        error = value - summed
        by_prediction[...] = by_sum
    if seen is not None:
        error *= seen
        by_prediction *= seen
    _add_up(at, error, by_prediction, xp)
    xp.subtract(by_sum, xp.multiply(by_prediction, taken.alpha, out=made), out=at.by_level)
    at.by_level[0] += error
    at.states[0][...] = summed + taken.alpha * error
    if at.by_trend is not None:
        xp.subtract(by_damped, xp.multiply(by_prediction, taken.alpha_beta, out=made), out=at.by_trend)
        at.by_trend[0] += taken.beta * error
        at.by_trend[1] += taken.alpha * error
        at.states[1][...] = trend + taken.alpha_beta * error
    if at.season:
        rows = at.by_season[place]
        rows -= xp.multiply(by_prediction, taken.gamma, out=made)
        rows[0] += taken.gamma_by_alpha * error
        rows[at.form.smoothing.index("gamma")] += taken.gamma_by_star * error
        at.season[place] += taken.gamma * error


def _multiplicative(at: Derivatives, taken: Smoothed, value: Any, seen: Any, time: int, xp: Any) -> None:
    trend, summed, by_damped, by_sum = _predicted(at, taken, xp)
    place = time % at.form.n_seasons
    season, by_season = at.season[place], at.by_season[place]
    by_prediction = by_sum * season + summed * by_season
    error = value - summed * season
    if seen is not None:
        error *= seen
        by_prediction *= seen
    _add_up(at, error, by_prediction, xp)
    of_level, of_season = error / season, error / summed
    by_of_level = -(by_prediction + of_level * by_season) / season
    by_of_season = -(by_prediction + of_season * by_sum) / summed
    if seen is not None:  # the second terms are zero there already; a state of zero must not make them NaN
        by_of_level *= seen
        by_of_season *= seen
    at.by_level[...] = by_sum + taken.alpha * by_of_level
    at.by_level[0] += of_level
    at.states[0][...] = summed + taken.alpha * of_level
    if at.by_trend is not None:
        at.by_trend[...] = by_damped + taken.alpha_beta * by_of_level
        at.by_trend[0] += taken.beta * of_level
        at.by_trend[1] += taken.alpha * of_level
        at.states[1][...] = trend + taken.alpha_beta * of_level
    by_season += taken.gamma * by_of_season
    by_season[0] += taken.gamma_by_alpha * of_season
    by_season[at.form.smoothing.index("gamma")] += taken.gamma_by_star * of_season
    season += taken.gamma * of_season


def smoothed(batch: Batch, form: Form, states: States) -> tuple[Any, States, Any]:
    """Run the recursion and return predictions [n_times, n], the last states, and level, trend and season of every step.

    The last are [n_times, 3, n], as they stand after the step; a season that is not there is 0, or 1 for a multiplicative one.
    """
    xp, multiplicative = batch.xp, form.seasonal == "mul"
    level, trend = states.level.copy(), states.trend.copy()
    season = [states.season[place].copy() for place in range(form.n_seasons)] or [xp.zeros(batch.n_series)]
    predicted = xp.full(batch.values.shape, xp.nan)
    parts = xp.full((len(batch.values), 3, batch.n_series), xp.nan)
    for first, stop, n in segments(batch.lengths):
        given = {name: array[:n] for name, array in states.parameters.items()}
        alpha, gamma = given["alpha"], given.get("gamma", 0.0)
        beta = alpha * given["beta_star"] if form.trend else 0.0
        for time in range(first, stop):
            slope = given["phi"] * trend[:n] if form.damped else trend[:n]
            now, summed = season[time % len(season)][:n], level[:n] + slope
            predicted[time, :n] = summed * now if multiplicative else summed + now
            error = xp.where(batch.seen[time, :n], batch.values[time, :n] - predicted[time, :n], 0.0)
            scaled = error / now if multiplicative else error
            level[:n] = summed + alpha * scaled
            trend[:n] = slope + beta * scaled
            now += gamma * (error / summed if multiplicative else error)
            parts[time, 0, :n], parts[time, 1, :n], parts[time, 2, :n] = level[:n], trend[:n], now
    if form.n_seasons:
        turned = (xp.asarray(batch.lengths)[None, :] + xp.arange(form.n_seasons)[:, None]) % form.n_seasons
        seasons = xp.take_along_axis(xp.stack(season), turned, axis=0)
    else:
        seasons = xp.zeros((0, batch.n_series))
    return predicted, States(states.parameters, level, trend, seasons), parts


def ahead(form: Form, states: States, horizon: int, xp: Any) -> Any:
    """Return the forecasts [horizon, n] from last states."""
    made = xp.empty((horizon, states.level.shape[0]))
    run, factor = xp.zeros_like(states.level), xp.ones_like(states.level)
    for step in range(horizon):
        factor = factor * states.parameters["phi"] if form.damped else factor
        run = run + factor
        made[step] = states.level + run * states.trend if form.trend else states.level
        if form.n_seasons:
            season = states.season[step % form.n_seasons]
            made[step] = made[step] * season if form.seasonal == "mul" else made[step] + season
    return made
