"""The classical decomposition of whole series into trend, season and rest, and what is asked of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.forecasts._arrays import total
from gpupipe.forecasts._batch import Batch
from gpupipe.forecasts._initial import moving_average


def seasonal_indices(part: Batch, values: Any, season_length: int, multiplicative: Any) -> tuple[Any, Any]:
    """Return each season's mean deviation from the moving average [season_length, n], and the rest [n_times, n] with NaN at the ends.

    Parameters
    ----------
    values
        [n_times, n] without gaps.
    multiplicative
        [n] whether deviations are ratios, with mean 1, in place of differences, with mean 0.

    Notes
    -----
    As R's ``decompose`` and statsmodels' ``seasonal_decompose``.
    """
    xp, half = part.xp, season_length // 2
    average = xp.full(values.shape, xp.nan)
    made = moving_average(values, season_length, xp)
    average[half : half + len(made)] = made
    steps = xp.arange(len(values))[:, None]
    inside = steps + half < xp.asarray(part.lengths)[None, :]
    average = xp.where(inside, average, xp.nan)
    deviation = xp.where(multiplicative, values / average, values - average)
    known = xp.isfinite(deviation)
    rows = []
    for place in range(season_length):
        some = known[place::season_length]
        rows.append(total(xp.where(some, deviation[place::season_length], 0.0), xp) / xp.maximum(some.sum(axis=0), 1))
    season = xp.stack(rows)
    mean = total(season, xp) / season_length
    season = xp.where(multiplicative, season / mean, season - mean)
    every = season[xp.arange(len(values)) % season_length]
    return season, xp.where(multiplicative, values / (average * every), values - average - every)


def autocorrelations(values: Any, lengths: Any, n_lags: int, xp: Any) -> Any:
    """Return the autocorrelations [n_lags + 1, n] of series [n_times, n], each of its own length."""
    inside = xp.arange(len(values))[:, None] < lengths[None, :]
    mean = total(xp.where(inside, values, 0.0), xp) / xp.maximum(lengths, 1)
    centred = xp.where(inside, values - mean, 0.0)
    whole = total(centred * centred, xp)
    whole = xp.where(whole > 0, whole, 1.0)
    return xp.stack([total(centred[lag:] * centred[: len(centred) - lag], xp) / whole for lag in range(n_lags + 1)])


def seasonal_strength(part: Batch, values: Any, season_length: int) -> Any:
    """Return [n] how much of what is left of a series without its trend is season: ``1 - Var(rest) / Var(season + rest)``.

    Source: X. Wang, K. A. Smith, R. J. Hyndman, "Characteristic-based clustering for time series data", Data Mining and Knowledge
    Discovery 13 (2006); the decomposition is the classical one.
    """
    xp = part.xp
    season, rest = seasonal_indices(part, values, season_length, xp.zeros(part.n_series, dtype=bool))
    both = rest + season[xp.arange(len(values)) % season_length]
    with np.errstate(all="ignore"):
        strength = 1 - _variance(rest, xp) / _variance(both, xp)
    return xp.where(xp.isfinite(strength), xp.maximum(strength, 0.0), 0.0)


def _variance(rows: Any, xp: Any) -> Any:
    known = xp.isfinite(rows)
    count = xp.maximum(known.sum(axis=0), 1)
    mean = total(xp.where(known, rows, 0.0), xp) / count
    return total(xp.where(known, (rows - mean) ** 2, 0.0), xp) / count
