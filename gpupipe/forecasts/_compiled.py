"""The two recursions that fits spend their time in, compiled by Numba for arrays of the host: one series after another.

Step by step these are the operations of `_smoothing` and of `_innovations.FastFilter`, in the same order and without contractions, so that
what comes out has the same bits and only the time differs: a single long series is 20 to 30 times as fast. Numba is loaded by nobody but
`_kernels`, once there is work enough.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def smooth(
    values: Any,
    gaps: Any,
    lengths: Any,
    flags: tuple[bool, bool, bool, bool],
    rows: tuple[int, int],
    taken: tuple[Any, Any, Any, Any, Any, Any, Any],
    states: tuple[Any, Any, Any],
    derivatives: tuple[Any, Any, Any],
    sums: tuple[Any, Any, Any],
) -> None:
    """Run Holt-Winters with its derivatives and add up into `sums`: squares [n], J'J [size, size, n] and -J'e [size, n].

    Parameters
    ----------
    values, gaps
        [n_times, n]; `gaps` is 1.0 where a value was seen, or empty.
    flags, rows
        Whether there are a trend, a damping, a multiplicative season, gaps; the rows of the damping and of the season's smoothing.
    taken
        The seven rows [n] of `_smoothing.Smoothed`.
    states, derivatives
        Level [n], trend [n], seasons [n_seasons, n] at the start, and their derivatives, [size, n] and [n_seasons, size, n].
    """
    with_trend, damped, multiplicative, with_gaps = flags
    n_seasons, size = states[2].shape[0], derivatives[0].shape[0]
    by_level, by_trend, by_season = np.empty(size), np.zeros(size), np.empty((n_seasons, size))
    by_sum, by_value, seasons = np.empty(size), np.empty(size), np.empty(n_seasons)
    for one in range(lengths.shape[0]):
        alpha, alpha_beta, gamma, phi = taken[0][one], taken[1][one], taken[2][one], taken[3][one]
        # A series of its own, in small arrays that stay in the cache.
        level, trend = states[0][one], states[1][one]
        by_level[:] = derivatives[0][:, one]
        if with_trend:
            by_trend[:] = derivatives[1][:, one]
        for place in range(n_seasons):
            seasons[place] = states[2][place, one]
            by_season[place] = derivatives[2][place, :, one]
        squares, products, direction = 0.0, np.zeros((size, size)), np.zeros(size)
        for time in range(lengths[one]):
            place = time % n_seasons if n_seasons else 0
            # What level and trend predict, and how that changes with each parameter.
            summed = level
            by_sum[:] = by_level
            if with_trend:
                slope = trend
                if damped:
                    slope = phi * trend
                    for row in range(size):
                        by_trend[row] *= phi
                    by_trend[rows[0]] += trend
                trend, summed = slope, level + slope
                for row in range(size):
                    by_sum[row] = by_level[row] + by_trend[row]
            # The error of the prediction with its season, and the prediction's derivatives.
            if multiplicative:
                error = values[time, one] - summed * seasons[place]
                for row in range(size):
                    by_value[row] = by_sum[row] * seasons[place] + summed * by_season[place, row]
            elif n_seasons:
                error = values[time, one] - summed - seasons[place]
                for row in range(size):
                    by_value[row] = by_sum[row] + by_season[place, row]
            else:
                error = values[time, one] - summed
                by_value[:] = by_sum
            if with_gaps:
                error *= gaps[time, one]
                for row in range(size):
                    by_value[row] *= gaps[time, one]
            squares += error * error
            for row in range(size):
                direction[row] += by_value[row] * error
                for other in range(row + 1):
                    products[row, other] += by_value[other] * by_value[row]
            # The states take their shares of the error, and the derivatives with them.
            of_level, of_season = error, error
            if multiplicative:
                of_level, of_season = error / seasons[place], error / summed
                for row in range(size):
                    change = -(by_value[row] + of_level * by_season[place, row]) / seasons[place]
                    season_change = -(by_value[row] + of_season * by_sum[row]) / summed
                    if with_gaps:
                        change *= gaps[time, one]
                        season_change *= gaps[time, one]
                    by_level[row] = by_sum[row] + alpha * change
                    by_trend[row] += alpha_beta * change
                    by_season[place, row] += gamma * season_change
            else:
                for row in range(size):
                    by_level[row] = by_sum[row] - by_value[row] * alpha
                    by_trend[row] -= by_value[row] * alpha_beta
                    if n_seasons:
                        by_season[place, row] -= by_value[row] * gamma
            by_level[0] += of_level
            level = summed + alpha * of_level
            if with_trend:
                by_trend[0] += taken[4][one] * of_level
                by_trend[1] += alpha * of_level
                trend += alpha_beta * of_level
            if n_seasons:
                by_season[place, 0] += taken[5][one] * of_season
                by_season[place, rows[1]] += taken[6][one] * of_season
                seasons[place] += gamma * of_season
        sums[0][one] = squares
        sums[1][:, :, one] = products
        sums[2][:, one] = direction


@njit(cache=True, error_model="numpy")
def innovate(
    values: Any,
    columns: Any,
    span: tuple[int, int, int],
    lengths: Any,
    ar_lags: Any,
    filters: tuple[Any, Any, Any, Any, Any, Any, Any],
    gram: Any,
    products: Any,
) -> None:
    """Run the filter of every candidate and column over each series, leave it where it ends, and add up products of residuals.

    Parameters
    ----------
    values, columns
        [n_times, n] and [n_times, n_columns, n].
    span
        The first step, the number of candidates, and after how many steps a product of variances is put away.
    filters
        The arrays of `FastFilter`: ar, state, gain, covariance, width [size, n_candidates + n_columns, n], factor, variance.
    gram
        [n_candidates + n_columns, n_candidates + n_columns, n], to which is added.
    products
        [n_runs, n_candidates, n], ones, which become the products of variances of each run of steps.
    """
    first_step, n_candidates, run_length = span
    ar, state, gain, covariance, width, factor, variance = filters
    size, n_places = state.shape[0], state.shape[1]
    residuals = np.empty(n_places)
    for one in range(lengths.shape[0]):
        run = 0
        for time in range(first_step, lengths[one]):
            for place in range(n_places):
                value = values[time, one] if place < n_candidates else columns[time, place - n_candidates, one]
                error, wide = value - state[0, place, one], variance[place, one]
                residuals[place] = error / np.sqrt(wide)
                if place < n_candidates:
                    products[run, place, one] *= wide
                # The state moves on and takes its share of the error.
                first = state[0, place, one]
                for row in range(size - 1):
                    state[row, place, one] = state[row + 1, place, one]
                state[size - 1, place, one] = 0.0
                for lag in ar_lags:
                    state[lag, place, one] += ar[lag, place, one] * first
                for row in range(size):
                    state[row, place, one] += gain[row, place, one] * error
                # The covariance moves by a matrix of rank one.
                first = width[0, place, one]
                weighted = factor[place, one] * first
                for row in range(size - 1):
                    width[row, place, one] = width[row + 1, place, one]
                width[size - 1, place, one] = 0.0
                for lag in ar_lags:
                    width[lag, place, one] += ar[lag, place, one] * first
                factor[place, one] += weighted * weighted / wide
                variance[place, one] += weighted * first
                for row in range(size):
                    covariance[row, place, one] += width[row, place, one] * weighted
                    gain[row, place, one] = covariance[row, place, one] / variance[place, one]
                    width[row, place, one] -= gain[row, place, one] * first
            for place in range(1, n_candidates):
                residuals[place] -= residuals[0]
            for row in range(n_places):
                for other in range(row + 1):
                    gram[row, other, one] += residuals[other] * residuals[row]
            if time % run_length == 0:
                run += 1
