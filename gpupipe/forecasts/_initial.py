"""The first states of Holt-Winters by a rule: a moving average over the first cycles, and a line through its first ten values.

Source: Hyndman, Koehler, Ord, Snyder, "Forecasting with Exponential Smoothing" (2008), section 2.6.1, as statsmodels reads it
(``initialization_method="heuristic"``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.forecasts._arrays import total
from gpupipe.forecasts._batch import Batch
from gpupipe.forecasts._smoothing import Form

LINE = 10  # values that the line goes through


def n_cycles(length: int, season_length: int) -> int:
    """Return how many cycles the moving average is taken over, or 0 where a series is too short for it."""
    needed = LINE + 2 * (season_length // 2)
    if length < max(2 * season_length, needed):
        return 0
    return max(min(5, length // season_length), -(-needed // season_length))


def first_states(batch: Batch, form: Form) -> tuple[Any, Any, Any]:
    """Return level and trend [n], and seasons [n_seasons, n], before the first value; gaps are filled for this alone."""
    xp = batch.xp
    level, trend = xp.zeros(batch.n_series), xp.zeros(batch.n_series)
    season = xp.zeros((form.n_seasons, batch.n_series))
    if form.seasonal:
        rules = np.array([n_cycles(int(length), form.season_length) for length in batch.lengths])
    else:
        rules = -np.minimum(batch.lengths, LINE)
    for rule in np.unique(rules):
        columns = np.flatnonzero(rules == rule)
        part = batch.take(columns)
        values, chosen = filled(part, form.n_seasons), xp.asarray(columns)
        if rule > 0:
            level[chosen], trend[chosen], season[:, chosen] = _by_cycles(values, form, int(rule), xp)
        elif form.seasonal:
            level[chosen], trend[chosen], season[:, chosen] = _by_two_cycles(values, form, xp)
        else:
            level[chosen], trend[chosen] = _line(values[: -int(rule)], xp)
    return level, trend, season


def filled(batch: Batch, season_length: int) -> Any:
    """Return the values [n_times, n], a missing one being that of the nearest cycle, or else on a line between its neighbours."""
    xp, values, seen = batch.xp, batch.values, batch.seen
    if not bool(batch.has_gaps().any()):
        return values
    values, seen = values.copy(), seen.copy()
    n_times = len(values)
    for cycle in range(1, 6):
        shift = cycle * season_length
        if not 0 < shift < n_times:
            break
        for here, there in ((slice(shift, None), slice(None, -shift)), (slice(None, -shift), slice(shift, None))):
            take = ~seen[here] & batch.seen[there]
            values[here] = xp.where(take, batch.values[there], values[here])
            seen[here] |= take
    before, after = _neighbours(seen, range(n_times), xp), _neighbours(seen, range(n_times - 1, -1, -1), xp)
    low, high = (xp.take_along_axis(values, xp.clip(place, 0, n_times - 1), axis=0) for place in (before, after))
    share = (xp.arange(n_times)[:, None] - before) / xp.maximum(after - before, 1)
    inside = (before >= 0) & (after >= 0)
    return xp.where(seen | ~inside, values, low + share * (high - low))


def _neighbours(seen: Any, times: range, xp: Any) -> Any:
    """Return the place of the last value seen on the way through the times, or -1."""
    made, last = xp.empty(seen.shape, dtype=xp.int64), xp.full(seen.shape[1], -1, dtype=xp.int64)
    for time in times:
        last = xp.where(seen[time], time, last)
        made[time] = last
    return made


def _line(values: Any, xp: Any) -> tuple[Any, Any]:
    """Return the least-squares line through values at 1, 2, ...: its value at 0, and its slope."""
    n_values = len(values)
    if n_values == 1:
        return values[0], xp.zeros_like(values[0])
    centred = xp.arange(n_values) - (n_values - 1) / 2
    slope = total(centred[:, None] * values, xp) / float((centred**2).sum())
    return total(values, xp) / n_values - slope * (n_values + 1) / 2, slope


def moving_average(values: Any, season_length: int, xp: Any) -> Any:
    """Return the centred average over a cycle, of the values from the half cycle on; over an even one the ends count half.

    Examples
    --------
    >>> moving_average(np.array([[1.0], [2.0], [3.0], [4.0], [9.0]]), 2, np)[:, 0]
    array([2., 3., 5.])
    """
    n_times = len(values)
    half = season_length // 2
    weights = [0.5, *[1.0] * (season_length - 1), 0.5] if season_length % 2 == 0 else [1.0] * season_length
    n_made = n_times - 2 * half
    made = xp.zeros((n_made, *values.shape[1:]))
    for shift, weight in enumerate(weights):
        made += weight * values[shift : shift + n_made]
    return made / season_length


def seasonal_means(ratios: Any, first: int, season_length: int, xp: Any) -> Any:
    """Return the mean of each season [season_length, n] over rows whose first one is of season `first`."""
    return xp.stack(
        [total(rows := ratios[(place - first) % season_length :: season_length], xp) / max(len(rows), 1) for place in range(season_length)]
    )


def _by_cycles(values: Any, form: Form, cycles: int, xp: Any) -> tuple[Any, Any, Any]:
    period = form.season_length
    used = values[: cycles * period]
    average = moving_average(used, period, xp)
    half = period // 2
    inner = used[half : half + len(average)]
    multiplicative = form.seasonal == "mul"
    season = seasonal_means(inner / average if multiplicative else inner - average, half, period, xp)
    mean = total(season, xp) / period
    level, trend = _line(average[:LINE], xp)
    return level, trend, season / mean if multiplicative else season - mean


def _by_two_cycles(values: Any, form: Form, xp: Any) -> tuple[Any, Any, Any]:
    period = form.season_length
    level = total(values[:period], xp) / period
    trend = total(values[period : 2 * period] - values[:period], xp) / period**2
    return level, trend, values[:period] / level if form.seasonal == "mul" else values[:period] - level
