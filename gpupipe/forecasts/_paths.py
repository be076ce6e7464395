"""Intervals from simulated paths, where the variance ahead has no closed form: a multiplicative season."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupipe.forecasts._arrays import quantile_of_normal
from gpupipe.forecasts._smoothing import Form, States

NUMBERS = 1 << 21  # of one state that are held at once


def normal_draws(horizon: int, n_paths: int, seed: int, xp: Any) -> Any:
    """Return normal draws [horizon, n_paths]: in every step the same quantiles, shuffled, so that each step's own spread is exact.

    Source: M. D. McKay, R. J. Beckman, W. J. Conover, "A comparison of three methods for selecting values of input variables",
    Technometrics 21 (1979), Latin hypercube sampling.
    """
    chance = np.random.default_rng(seed)
    quantiles = np.array([quantile_of_normal((place + 0.5) / n_paths) for place in range(n_paths)])
    return xp.asarray(np.stack([chance.permutation(quantiles) for _ in range(horizon)]))


def quantiles_of_paths(
    form: Form, states: States, sigma: Any, asked: tuple[int, Sequence[float], int, int], xp: Any
) -> dict[float, tuple[Any, Any]]:
    """Return the lower and upper ends [n_series, horizon] of each level, from paths that start at the last states.

    Parameters
    ----------
    sigma
        [n_series] the standard deviation of one step's error.
    asked
        The horizon, the levels in per cent, the number of paths, and the seed of their draws, which all series share.
    """
    horizon, levels, n_paths, seed = asked
    draws, n_series = normal_draws(horizon, n_paths, seed, xp), len(sigma)
    shares = [share for one in levels for share in (0.5 - one / 200, 0.5 + one / 200)]
    ends = xp.empty((len(shares), n_series, horizon))
    width = max(NUMBERS // (n_paths * (form.n_seasons + 2)), 1)
    for first in range(0, n_series, width):
        some = slice(first, min(first + width, n_series))
        ends[:, some] = _simulated(form, states, sigma, some, draws, shares, xp)
    return {one: (ends[2 * place], ends[2 * place + 1]) for place, one in enumerate(levels)}


def _simulated(form: Form, states: States, sigma: Any, some: slice, draws: Any, shares: list[float], xp: Any) -> Any:
    given = {name: values[some] for name, values in states.parameters.items()}
    shape = (draws.shape[1], some.stop - some.start)
    level, trend = (xp.broadcast_to(state[some], shape).copy() for state in (states.level, states.trend))
    season = [xp.broadcast_to(state[some], shape).copy() for state in states.season]
    alpha, spread = given["alpha"], sigma[some]
    beta = alpha * given["beta_star"] if form.trend else 0.0
    ends = xp.empty((len(shares), shape[1], len(draws)))
    for step, draw in enumerate(draws):
        slope = given["phi"] * trend if form.damped else trend
        summed, now = level + slope, season[step % form.n_seasons]
        error = draw[:, None] * spread
        ends[:, :, step] = xp.quantile(summed * now + error, xp.asarray(shares), axis=0)
        level, trend = summed + alpha * error / now, slope + beta * error / now
        now += given["gamma"] * error / summed
    return ends
