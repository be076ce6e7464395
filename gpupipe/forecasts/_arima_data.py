"""What an ARIMA model is, and series as its filter wants them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpupipe.forecasts._arrays import to_host
from gpupipe.forecasts._innovations import FastFilter, GapFilter
from gpupipe.forecasts._polynomials import differenced, differencing, from_partial, lags, product, to_partial


@dataclass(frozen=True)
class Spec:
    """The orders of a model."""

    p: int = 0
    d: int = 0
    q: int = 0
    seasonal_p: int = 0
    seasonal_d: int = 0
    seasonal_q: int = 0
    period: int = 1
    constant: bool = False

    @property
    def n_coefficients(self) -> int:
        """The number of autoregressive and moving-average coefficients."""
        return self.p + self.q + self.seasonal_p + self.seasonal_q

    @property
    def n_lost(self) -> int:
        """The number of values that differencing takes."""
        return self.d + self.period * self.seasonal_d

    @property
    def deltas(self) -> list[float]:
        """See `differencing`."""
        return differencing(self.d, self.seasonal_d, self.period)

    @property
    def ar_lags(self) -> tuple[int, ...]:
        """See `lags`."""
        return lags(self.p, self.seasonal_p, self.period)

    def parts(self, rows: Any) -> tuple[Any, Any, Any, Any]:
        """Return the rows of AR, MA, seasonal AR and seasonal MA."""
        ends = np.cumsum([self.p, self.q, self.seasonal_p, self.seasonal_q])
        return rows[: ends[0]], rows[ends[0] : ends[1]], rows[ends[1] : ends[2]], rows[ends[2] : ends[3]]

    def coefficients(self, theta: Any, xp: Any) -> Any:
        """Return coefficients for transformed parameters: stationary and invertible whatever these are."""
        made = xp.empty_like(theta[: self.n_coefficients])
        for place, (rows, target) in enumerate(zip(self.parts(theta), self.parts(made), strict=True)):
            if len(rows):
                target[...] = from_partial(xp.tanh(rows), xp) * (1.0 if place % 2 == 0 else -1.0)
        return made

    def transformed(self, coefficients: Any, xp: Any) -> Any:
        """Return the transformed parameters of coefficients; those of an unstable process are brought inside."""
        made = xp.empty_like(coefficients)
        for place, (rows, target) in enumerate(zip(self.parts(coefficients), self.parts(made), strict=True)):
            if len(rows):
                target[...] = xp.arctanh(to_partial(rows * (1.0 if place % 2 == 0 else -1.0), xp))
        return made

    def polynomials(self, coefficients: Any, xp: Any) -> tuple[Any, Any]:
        """Return the whole autoregression and moving average."""
        ar, ma, seasonal_ar, seasonal_ma = self.parts(coefficients)
        return product(ar, seasonal_ar, self.period, -1.0, xp), product(ma, seasonal_ma, self.period, 1.0, xp)


@dataclass(frozen=True)
class Data:
    """Series of one kind, ready for a filter: differenced ones without gaps, or whole ones with them.

    Parameters
    ----------
    values, seen
        [n_times, n_series].
    columns
        [n_times, n_columns, n_series] the constant and the regressors, differenced like the values; or None.
    lengths
        [n_series] on the host.
    gaps
        Whether values are missing, so that the series are whole ones.
    """

    spec: Spec
    values: Any
    seen: Any
    columns: Any
    lengths: Any
    gaps: bool
    xp: Any

    @property
    def n_columns(self) -> int:
        """The number of columns."""
        return 0 if self.columns is None else self.columns.shape[1]

    @property
    def first(self) -> int:
        """The first step that counts."""
        return self.spec.n_lost if self.gaps else 0

    def take(self, keep: Any) -> Data:
        """Return some of the series."""
        xp, chosen, lengths = self.xp, self.xp.asarray(keep), self.lengths[keep]
        n_times = int(lengths.max(initial=0))
        values, seen = (xp.ascontiguousarray(rows[:n_times, chosen]) for rows in (self.values, self.seen))
        columns = None if self.columns is None else xp.ascontiguousarray(self.columns[:n_times, :, chosen])
        return replace(self, values=values, seen=seen, columns=columns, lengths=lengths)

    def start(self, coefficients: Any, values: Any) -> FastFilter | GapFilter:
        """Return the filter of candidates' coefficients [k, candidate, series], before their values [n_times, candidate, series]."""
        ar, ma = self.spec.polynomials(coefficients, self.xp)
        if not self.gaps:
            return FastFilter.at_start(ar, ma, self.spec.ar_lags, self.xp)
        before = slice(0, self.spec.n_lost)
        return GapFilter.at_start(ar, ma, self.spec.deltas, (values(before)[::-1], self.seen[before][::-1]), self.xp)


def prepared(spec: Spec, values: Any, seen: Any, regressors: Any, lengths: Any, xp: Any) -> Data:
    """Return series without gaps differenced, or whole series where there are some, with the constant as the first column."""
    gaps = bool((to_host(seen.sum(axis=0)) < lengths).any())
    columns = [regressors] if regressors is not None else []
    lengths = np.asarray(lengths)
    if not gaps:
        orders = (spec.d, spec.seasonal_d, spec.period)
        values, columns = differenced(values, *orders), [differenced(rows, *orders) for rows in columns]
        seen, lengths = seen[spec.n_lost :], lengths - spec.n_lost
    if spec.constant:
        ones = xp.ones((len(values), 1, values.shape[1]))
        columns.insert(0, integrated_ones(spec, len(values), xp)[:, None, None] * ones if gaps else ones)
    table = xp.ascontiguousarray(xp.concatenate(columns, axis=1)) if columns else None
    return Data(spec, xp.ascontiguousarray(values), seen, table, lengths, gaps, xp)


def integrated_ones(spec: Spec, n_times: int, xp: Any) -> Any:
    """Return the column whose differences are one everywhere, from zeros on."""
    made, deltas = [0.0] * spec.n_lost, spec.deltas
    for time in range(spec.n_lost, n_times):
        made.append(1.0 + sum(delta * made[time - lag - 1] for lag, delta in enumerate(deltas)))
    return xp.asarray(np.array(made[:n_times]))
