"""Series that are fitted with one model, from scaling to the states that forecasts start from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpupipe.forecasts._arima_data import Data, Spec, integrated_ones, prepared
from gpupipe.forecasts._arima_fit import Likelihood, fit_data
from gpupipe.forecasts._arrays import to_host, total
from gpupipe.forecasts._batch import Batch, segments
from gpupipe.forecasts._innovations import FastFilter, GapFilter, stationary_states
from gpupipe.forecasts._polynomials import differenced


@dataclass(frozen=True)
class Group:
    """Fitted series of one model.

    Parameters
    ----------
    order
        [n] on the host, their places in the input.
    coefficients
        [k, n].
    mean
        [n] the mean of the differenced series.
    beta
        [n_columns, n] of the regressors.
    scale
        [n] what the filter's values are multiplied by.
    sigma, loglik, count
        [n]; `count` is how many values the likelihood is of.
    last
        [n_lost, n] the last values less what the regressors make of them, the newest first.
    end
        The filter after the last value of each series.
    covariance
        [size, size, 1, n] of its states.
    """

    spec: Spec
    order: Any
    coefficients: Any
    mean: Any
    beta: Any
    scale: Any
    sigma: Any
    loglik: Any
    count: Any
    converged: Any
    last: Any
    end: FastFilter | GapFilter
    covariance: Any

    def n_parameters(self) -> int:
        """Return how many numbers are estimated for each series, the variance among them."""
        return self.spec.n_coefficients + self.spec.constant + len(self.beta) + 1

    def aicc(self, xp: Any) -> Any:
        """Return Akaike's criterion, corrected for short series."""
        return aicc(self.loglik, self.n_parameters(), self.count, xp)

    def ahead(self, horizon: int, xp: Any) -> Any:
        """Return the forecasts [horizon, n] without what the regressors add."""
        spec, size = self.spec, len(self.end.state) - (len(self.spec.deltas) if isinstance(self.end, GapFilter) else 0)
        ar, _ = spec.polynomials(self.coefficients, xp)
        state, past = self.end.state[:size, 0] * self.scale, list(self.last)
        made = xp.empty((horizon, len(self.order)))
        for step in range(horizon):
            made[step] = state[0] + self.mean
            for lag, delta in enumerate(spec.deltas):
                made[step] += delta * past[lag]
            past = [made[step], *past[:-1]] if past else past
            first = state[0]
            state = xp.concatenate((state[1:], xp.zeros_like(state[:1])))
            for lag in spec.ar_lags:
                state[lag] += ar[lag] * first
        return made

    def deviation(self, horizon: int, xp: Any) -> Any:
        """Return the standard deviation [horizon, n] of the forecasts' errors."""
        if isinstance(self.end, GapFilter):
            ahead = replace(self.end, state=self.end.state.copy(), covariance=self.covariance.copy())
        else:
            polynomials = self.spec.polynomials(self.coefficients[:, None], xp)
            ahead = GapFilter.after(*polynomials, self.spec.deltas, self.covariance, xp)
        made = xp.empty((horizon, len(self.order)))
        for step in range(horizon):
            made[step] = xp.sqrt(ahead.prediction_variance()[0]) * self.sigma
            ahead.advance(xp)
        return made


def fit_group(part: Batch, spec: Spec, scale: Any, given: Any = None) -> tuple[Group, Any]:
    """Return the fit of a part of a batch, and its predictions [n_times, n] one step ahead.

    Parameters
    ----------
    scale
        [n] what the values are of the order of.
    given
        Coefficients [k, n] that are not estimated.
    """
    data, scale, sizes, regressors = _scaled(part, spec, scale)
    xp = part.xp
    if given is None:
        theta, converged = fit_data(data)
        coefficients, beta = spec.coefficients(theta, xp), theta[spec.n_coefficients :]
    else:
        coefficients, beta, converged = given, xp.zeros((data.n_columns, part.n_series)), xp.ones(part.n_series, dtype=bool)
    with np.errstate(all="ignore"):
        value, count, beta = Likelihood(data).at(coefficients, beta)
        rest, predicted, end, covariance = _last_pass(data, coefficients, beta)
        mean = beta[0] if spec.constant else xp.zeros(part.n_series)
        fitted = _fitted(part, data, (rest, predicted), beta, scale)
        last = _last_values(part, data, end, (part.values / scale, regressors), beta, mean)
        sigma = xp.sqrt(value[1] / xp.maximum(count, 1)) * scale
        loglik = _loglik(value[0], count, scale, xp)
    slopes = beta[int(spec.constant) :] * scale / sizes
    made = Group(
        spec, part.order, coefficients, mean * scale, slopes, scale, sigma, loglik, count, converged, last * scale, end, covariance
    )
    return made, fitted


def score_group(part: Batch, spec: Spec, scale: Any) -> Any:
    """Return Akaike's criterion, corrected for short series, of a quick fit of a part of a batch."""
    data, scale, _, _ = _scaled(part, spec, scale)
    theta, _ = fit_data(data, quick=True)
    with np.errstate(all="ignore"):
        value, count, _ = Likelihood(data).at(spec.coefficients(theta, part.xp), theta[spec.n_coefficients :])
        return aicc(_loglik(value[0], count, scale, part.xp), len(theta) + 1, count, part.xp)


def aicc(loglik: Any, n_parameters: int, count: Any, xp: Any) -> Any:
    """Return Akaike's criterion with the correction of Hurvich and Tsai; infinite where there are not enough values for it."""
    spare = count - n_parameters - 1
    return xp.where(
        spare > 0, 2 * n_parameters - 2 * loglik + 2 * n_parameters * (n_parameters + 1) / xp.where(spare > 0, spare, 1), xp.inf
    )


def _loglik(value: Any, count: Any, scale: Any, xp: Any) -> Any:
    return -count / 2 * (xp.log(value / xp.maximum(count, 1)) + float(np.log(2 * np.pi)) + 1) - count * xp.log(scale)


def _scaled(part: Batch, spec: Spec, scale: Any) -> tuple[Data, Any, Any, Any]:
    """Return data whose differences have a mean square of one, the scales of values and of regressors, and the scaled regressors."""
    xp = part.xp
    values = part.values / scale
    unit = _unit(part, spec, values)
    regressors, sizes = None, xp.ones((0, part.n_series))
    if part.regressors is not None:
        regressors = part.aligned_regressors()
        sizes = _sizes(part, regressors, spec)
        regressors = regressors / sizes
    return prepared(spec, values / unit, part.seen, regressors, part.lengths, xp), scale * unit, sizes, regressors


def _unit(part: Batch, spec: Spec, values: Any) -> Any:
    """Return the root mean square of the differenced values, or 1 where they are all zero."""
    xp, orders = part.xp, (spec.d, spec.seasonal_d, spec.period)
    steps = xp.arange(len(values))[:, None]
    there = part.seen & (steps < xp.asarray(part.lengths)[None, :])
    rows = differenced(xp.where(there, values, xp.nan), *orders)
    known = xp.isfinite(rows)
    square = total(xp.where(known, rows * rows, 0.0), xp) / xp.maximum(known.sum(axis=0), 1)
    return xp.where(square > 1e-26, xp.sqrt(square), 1.0)


def _sizes(part: Batch, regressors: Any, spec: Spec) -> Any:
    """Return the root mean square of each differenced regressor [n_columns, n] within its series, or 1 where it is all zero."""
    xp = part.xp
    rows = differenced(regressors, spec.d, spec.seasonal_d, spec.period)
    counts = xp.asarray(np.maximum(part.lengths - spec.n_lost, 0))
    inside = xp.arange(len(rows))[:, None] < counts[None, :]  # what lies behind a shorter series' end depends on its neighbours
    size = xp.sqrt(total(xp.where(inside[:, None, :], rows * rows, 0.0), xp) / xp.maximum(counts, 1))
    return xp.where(size > 0, size, 1.0)


def _last_pass(data: Data, coefficients: Any, beta: Any) -> tuple[Any, Any, FastFilter | GapFilter, Any]:
    """Return the values less the columns' part, their predictions, the filter at the end of each series, and its states' covariance."""
    xp, rest = data.xp, data.values
    for place in range(data.n_columns):
        rest = rest - beta[place] * data.columns[:, place]
    end = data.start(coefficients[:, None], lambda times: rest[times][..., None, :])
    predicted = xp.full(rest.shape, xp.nan)
    if isinstance(end, GapFilter):
        covariance = end.covariance
    else:
        covariance = stationary_states(*data.spec.polynomials(coefficients[:, None], xp), xp)[2]
    for first, stop, n in segments(data.lengths, data.first):
        at = end.narrowed(n)
        for time in range(first, stop):
            predicted[time, :n] = at.predicted()[0]
            if isinstance(at, FastFilter):
                at.add_change(covariance[..., :n])
            at.step(rest[time, None, :n], data.seen[time, :n] if data.gaps else None, xp)
    return rest, predicted, end, covariance


def _fitted(part: Batch, data: Data, passed: tuple[Any, Any], beta: Any, scale: Any) -> Any:
    rest, predicted = passed
    if not data.gaps:
        made = part.xp.full(part.values.shape, part.xp.nan)
        made[data.spec.n_lost :] = part.values[data.spec.n_lost :] - (rest - predicted) * scale
        return made
    for place in range(data.n_columns):
        predicted = predicted + beta[place] * data.columns[:, place]
    return predicted * scale


def _last_values(part: Batch, data: Data, end: Any, given: tuple[Any, Any], beta: Any, mean: Any) -> Any:
    xp, spec = part.xp, data.spec
    if data.gaps:
        made = end.state[len(end.ar) :, 0].copy()
        if spec.constant:
            ones = integrated_ones(spec, len(part.values), xp)
            for lag in range(spec.n_lost):
                made[lag] += mean * ones[xp.asarray(np.maximum(part.lengths - 1 - lag, 0))]
        return made
    values, regressors = given
    made, columns = xp.zeros((spec.n_lost, part.n_series)), xp.arange(part.n_series)
    for lag in range(spec.n_lost):
        at = xp.asarray(np.maximum(part.lengths - 1 - lag, 0))
        made[lag] = values[at, columns]
        for place in range(0 if regressors is None else regressors.shape[1]):
            made[lag] -= beta[place + spec.constant] * regressors[at, place, columns]
    return made


def collinear(part: Batch, spec: Spec) -> Any:
    """Return [n_columns, n] on the host: which regressors are, once differenced, zero, or made of the constant and those before."""
    xp = part.xp
    regressors = part.aligned_regressors()
    rows = differenced(regressors / _sizes(part, regressors, spec), spec.d, spec.seasonal_d, spec.period)
    inside = xp.asarray(np.arange(len(rows))[:, None] < (part.lengths - spec.n_lost)[None, :])
    columns = [xp.where(inside, 1.0, 0.0)] if spec.constant else []
    columns += [xp.where(inside, rows[:, place], 0.0) for place in range(rows.shape[1])]
    found = []
    kept: list[Any] = []
    for column in columns:
        left, size = column, total(column * column, xp)
        for _ in range(2):  # twice, so that rounding does not pass for something new
            for before in kept:
                left = left - before * total(before * left, xp)
        rest = total(left * left, xp)
        bad = ~(rest > 1e-12 * xp.maximum(size, 1e-300))
        found.append(to_host(bad))
        kept.append(xp.where(bad, 0.0, left / xp.sqrt(xp.where(bad, 1.0, rest))))
    return np.stack(found[int(spec.constant) :])
