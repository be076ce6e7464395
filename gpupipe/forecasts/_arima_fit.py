"""The exact likelihood of ARIMA models, and its maximum, for every series of a batch.

The likelihood with the variance concentrated out is a sum of squares: with v and F the prediction errors and their variances,
``S = Σ v² / F · (Π F)^(1/n)``, and -n/2 (log 2π S/n + 1) is the log-likelihood. So it is fitted by Levenberg-Marquardt, with differences of
the residuals for derivatives: the model at hand and its neighbours go through the filter side by side. Regressors pass the same filter,
and their coefficients follow by least squares within each evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpupipe.forecasts._arima_data import Data
from gpupipe.forecasts._arima_starts import starts
from gpupipe.forecasts._arrays import backward_solved, factorized, forward_solved, total
from gpupipe.forecasts._batch import segments
from gpupipe.forecasts._innovations import FastFilter, GapFilter
from gpupipe.forecasts._kernels import compiled, innovate
from gpupipe.forecasts._levenberg import Limits, minimise

NUDGE = 1e-6  # of a transformed parameter, for the differences
EDGE = 4.95  # tanh of it is .9999
LOG_EVERY = 8  # steps whose variances are multiplied before a logarithm is taken
COARSE_STEPS = 8
QUICK_STEPS = 12


@dataclass
class Sums:
    """What a run of the filter adds up: products of residuals, logarithms of variances, and how many there were."""

    gram: Any
    logs: Any
    product: Any
    count: Any

    @classmethod
    def of(cls, n_rows: int, n_candidates: int, n_series: int, xp: Any) -> Sums:
        """Return zeros."""
        logs = xp.zeros((n_candidates, n_series))
        return cls(xp.zeros((n_rows, n_rows, n_series)), logs, xp.ones_like(logs), xp.zeros(n_series))

    def add(self, errors: Any, variances: Any, n_candidates: int, counts: Any, xp: Any) -> None:
        """Add a step of the first series: residuals of the model, of its neighbours less those, of the columns."""
        n = errors.shape[1]
        residuals = errors / xp.sqrt(variances)
        residuals[1:n_candidates] -= residuals[0]
        for row in range(len(residuals)):
            self.gram[row, : row + 1, :n] += residuals[: row + 1] * residuals[row]
        self.product[:, :n] *= variances[:n_candidates]
        self.count[:n] += 1.0 if counts is None else counts

    def take_logs(self, xp: Any) -> None:
        """Turn the products of variances into logarithms, before they leave the range of floats."""
        self.logs += xp.log(self.product)
        self.product[...] = 1.0


def filtered(data: Data, coefficients: Any, beta: Any, n_candidates: int) -> tuple[Sums, FastFilter | GapFilter]:
    """Run the filter over values less ``beta`` times the columns, for every candidate; the columns pass the filter of the first one.

    Parameters
    ----------
    coefficients
        [k, n_candidates, n_series].
    beta
        [n_columns, n_series].
    """
    xp, n_series = data.xp, data.values.shape[1]
    places = [*range(n_candidates), *[0] * data.n_columns]
    rest = data.values
    for place in range(data.n_columns):
        rest = rest - beta[place] * data.columns[:, place]

    def rows(times: slice | int) -> Any:
        values = rest[times][..., None, :]
        repeated = [values] * n_candidates + ([data.columns[times]] if data.n_columns else [])
        return xp.concatenate(repeated, axis=-2)

    whole = data.start(xp.ascontiguousarray(coefficients[:, places]), rows)
    sums = Sums.of(n_candidates + data.n_columns, n_candidates, n_series, xp)
    if isinstance(whole, FastFilter) and (kernels := compiled(data.values)) is not None:
        products = innovate(kernels, data, rest, whole, sums.gram, (data.first, n_candidates, LOG_EVERY))
        sums.logs += total(np.log(products), xp)
        sums.count += xp.maximum(xp.asarray(data.lengths) - data.first, 0)
        return sums, whole
    for first, stop, n in segments(data.lengths, data.first):
        at = whole.narrowed(n)
        for time in range(first, stop):
            seen = data.seen[time, :n] if data.gaps else None
            errors, variances, counts = at.step(rows(time)[:, :n], seen, xp)
            sums.add(errors, variances, n_candidates, counts, xp)
            if time % LOG_EVERY == 0:
                sums.take_logs(xp)
    sums.take_logs(xp)
    return sums, whole


@dataclass(frozen=True)
class Likelihood:
    """The sum of squares S of some series, as the optimiser asks for it; parameters are transformed coefficients, then betas."""

    data: Data

    @property
    def xp(self) -> Any:
        """The array library."""
        return self.data.xp

    def take(self, keep: Any) -> Likelihood:
        """Return some of the series."""
        return Likelihood(self.data.take(keep))

    def evaluate(self, theta: Any) -> tuple[Any, Any, Any, Any]:
        """Return S, J'J, -J'e, and the parameters with the best betas."""
        with np.errstate(all="ignore"):  # a candidate that is no number makes a value that is none, which the optimiser rejects
            return self._evaluate(theta, derivatives=True)

    def values(self, theta: Any) -> Any:
        """Return S alone."""
        with np.errstate(all="ignore"):
            return self._evaluate(theta, derivatives=False)[0]

    def at(self, coefficients: Any, beta: Any) -> tuple[tuple[Any, Any], Any, Any]:
        """Return S and ``Σ v² / F``, the number of values they are of, and the best betas, at coefficients [k, n]."""
        sums, _ = filtered(self.data, coefficients[:, None], beta, 1)
        gram, beta = projected(sums.gram, 1, beta, self.xp)
        logs = sums.logs[0] / self.xp.maximum(sums.count, 1)
        return (gram[0, 0] * self.xp.exp(logs), gram[0, 0]), sums.count, beta

    def _evaluate(self, theta: Any, *, derivatives: bool) -> tuple[Any, Any, Any, Any]:
        xp, spec = self.xp, self.data.spec
        size = spec.n_coefficients
        n_candidates = 1 + (size if derivatives else 0)
        nudged = xp.repeat(theta[:size, None], n_candidates, axis=1)
        for place in range(n_candidates - 1):
            nudged[place, 1 + place] += NUDGE
        beta = theta[size:]
        sums, _ = filtered(self.data, spec.coefficients(nudged, xp), beta, n_candidates)
        gram, beta = projected(sums.gram, n_candidates, beta, xp)
        count = xp.maximum(sums.count, 1)
        logs = sums.logs / count
        squared, of_logs = xp.exp(logs[0]), 0.5 * (logs[1:] - logs[0]) / NUDGE
        matrix, direction = xp.zeros((len(theta), len(theta), theta.shape[1])), xp.zeros_like(theta)
        for row in range(n_candidates - 1):
            by_row = gram[row + 1, 0] / NUDGE
            direction[row] = -squared * (by_row + gram[0, 0] * of_logs[row])
            for other in range(row + 1):
                mixed = by_row * of_logs[other] + gram[other + 1, 0] / NUDGE * of_logs[row]
                both = gram[row + 1, other + 1] / NUDGE**2 + gram[0, 0] * of_logs[row] * of_logs[other]
                matrix[row, other] = squared * (both + mixed)
        return squared * gram[0, 0], matrix, direction, xp.concatenate((theta[:size], beta))


def projected(gram: Any, n_first: int, beta: Any, xp: Any) -> tuple[Any, Any]:
    """Return the products of residuals once the columns are taken out by least squares, and the coefficients with what that adds."""
    if len(beta) == 0:
        return gram, beta
    factor, _ = factorized(gram[n_first:, n_first:], xp)
    solved = forward_solved(factor, gram[n_first:, :n_first])
    first = gram[:n_first, :n_first].copy()
    for row in range(n_first):
        for other in range(row + 1):
            for place in range(len(beta)):
                first[row, other] -= solved[place, row] * solved[place, other]
    return first, beta + backward_solved(factor, solved[:, 0])


def fit_data(data: Data, *, quick: bool = False) -> tuple[Any, Any]:
    """Return transformed parameters and betas [k, n_series] of highest likelihood, and whether they have converged.

    Several starts are valued and the best ones taken some steps up, of which the best one goes on; where it is to be quick, the best start
    alone goes some steps.
    """
    xp, spec, n_series = data.xp, data.spec, data.values.shape[1]
    problem, beta = Likelihood(data), xp.zeros((data.n_columns, n_series))
    thetas = xp.stack([xp.concatenate((start, beta)) for start in starts(data)])
    values = xp.stack([problem.values(theta) for theta in thetas])
    order = xp.argsort(xp.where(xp.isfinite(values), values, xp.inf), axis=0)
    lower = (*(-EDGE,) * spec.n_coefficients, *(-np.inf,) * data.n_columns)
    limits = Limits(lower, tuple(-one for one in lower), move=1.0, gain=1e-10, steps=60)
    climbed = [xp.take_along_axis(thetas, order[place][None, None], axis=0)[0] for place in range(min(len(thetas), 3))]
    if quick:
        return minimise(problem, climbed[0], replace(limits, steps=QUICK_STEPS, gain=1e-5))[::2]
    if spec.n_coefficients <= 2:
        return minimise(problem, climbed[0], limits)[::2]
    best, least = climbed[0], xp.full(n_series, xp.inf)
    for start in climbed:
        theta, value, _ = minimise(problem, start, replace(limits, steps=COARSE_STEPS, gain=1e-5))
        better = value < least
        best, least = xp.where(better, theta, best), xp.where(better, value, least)
    return minimise(problem, best, limits)[::2]
