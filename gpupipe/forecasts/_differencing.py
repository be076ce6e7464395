"""How often a series is to be differenced before an ARIMA model is looked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.forecasts._arrays import to_host, total
from gpupipe.forecasts._batch import Batch
from gpupipe.forecasts._polynomials import differenced
from gpupipe.forecasts._seasonality import seasonal_strength

KPSS_5_PER_CENT = 0.463  # for a level
STRONG = 0.64  # a season of such strength is differenced away, as in the R package forecast


def kpss(values: Any, lengths: Any, xp: Any) -> Any:
    """Return the KPSS statistic of a level [n] of series [n_times, n], with Bartlett weights over ``3 sqrt(n) / 13`` lags.

    Source: D. Kwiatkowski, P. C. B. Phillips, P. Schmidt, Y. Shin, J. Econometrics 54 (1992); the number of lags is that of R's
    ``forecast::ndiffs``.
    """
    n = xp.asarray(np.maximum(lengths, 1).astype(float))
    inside = xp.arange(len(values))[:, None] < n[None, :]
    rest = xp.where(inside, values - total(xp.where(inside, values, 0.0), xp) / n, 0.0)
    summed = xp.where(inside, xp.cumsum(rest, axis=0), 0.0)
    lags = xp.floor(3 * xp.sqrt(n) / 13)
    spread = total(rest * rest, xp) / n
    for lag in range(1, min(int(to_host(lags).max(initial=0)), len(values) - 1) + 1):
        weight = xp.where(lag <= lags, 1 - lag / (lags + 1), 0.0)
        spread = spread + 2 * weight * total(rest[lag:] * rest[:-lag], xp) / n
    return total(summed * summed, xp) / (n * n * xp.where(spread > 0, spread, xp.inf))


def n_differences(part: Batch, values: Any, period: int, seasonal_d: Any, most: int) -> Any:
    """Return d [n] on the host: differences are taken until the KPSS test finds a level, after the seasonal ones."""
    made = np.zeros(part.n_series, dtype=np.int64)
    for seasonal in np.unique(seasonal_d):
        columns = np.flatnonzero(seasonal_d == seasonal)
        chosen = part.xp.asarray(columns)
        rows, lengths = differenced(values[:, chosen], 0, int(seasonal), period), part.lengths[columns] - int(seasonal) * period
        for d in range(most):
            if len(rows) < 3:
                break
            moving = to_host(kpss(rows, lengths, part.xp)) > KPSS_5_PER_CENT
            made[columns] += (made[columns] == d) & moving & (lengths >= 3)
            rows, lengths = rows[1:] - rows[:-1], lengths - 1
    return made


def n_seasonal_differences(part: Batch, values: Any, period: int, most: int) -> Any:
    """Return D [n] on the host: one where the season is strong and there are three cycles."""
    if most == 0 or len(values) < 2 * period:
        return np.zeros(part.n_series, dtype=np.int64)
    strong = to_host(seasonal_strength(part, values, period)) > STRONG
    return (strong & (part.lengths >= 3 * period)).astype(np.int64)
