"""Polynomials in the lag operator, for every series at once: coefficients are rows, series are columns.

Signs are those of statsmodels: φ(B) = 1 - φ1 B - ..., θ(B) = 1 + θ1 B + ....
"""

from __future__ import annotations

from typing import Any

import numpy as np


def from_partial(partial: Any, xp: Any) -> Any:
    """Return the coefficients [k, ...] of the stationary autoregression with these partial autocorrelations.

    Source: the recursion of Levinson and Durbin; R. H. Jones, Technometrics 22 (1980), J. F. Monahan, Biometrika 71 (1984).

    Examples
    --------
    >>> from_partial(np.array([[0.5], [0.2]]), np)[:, 0].round(6)
    array([0.4, 0.2])
    """
    made = xp.zeros_like(partial)
    for order in range(len(partial)):
        reflected = made[:order][::-1].copy()
        made[:order] -= partial[order] * reflected
        made[order] = partial[order]
    return made


def to_partial(coefficients: Any, xp: Any, most: float = 0.97) -> Any:
    """Return the partial autocorrelations [k, ...] of an autoregression, none beyond `most`; the way back of `from_partial`.

    Examples
    --------
    >>> to_partial(np.array([[0.4], [0.2]]), np)[:, 0].round(6)
    array([0.5, 0.2])
    """
    made, now = xp.empty_like(coefficients), coefficients
    for order in range(len(coefficients), 0, -1):
        last = xp.clip(xp.where(xp.isfinite(now[order - 1]), now[order - 1], 0.0), -most, most)
        made[order - 1] = last
        now = (now[: order - 1] + last * now[: order - 1][::-1]) / (1 - last * last)
    return made


def product(plain: Any, seasonal: Any, period: int, sign: float, xp: Any) -> Any:
    """Return the coefficients of the product with a polynomial in the seasonal lag.

    Parameters
    ----------
    sign
        -1 for autoregressions, ``(1 - Σ φ B)(1 - Σ Φ B^s)``; 1 for moving averages.
    """
    n_plain, n_seasonal = len(plain), len(seasonal)
    shape = plain.shape[1:] if n_plain else seasonal.shape[1:]
    made = xp.zeros((n_plain + period * n_seasonal, *shape))
    if n_plain:
        made[:n_plain] += plain
    for place in range(n_seasonal):
        last = period * (place + 1)
        made[last - 1] += seasonal[place]
        if n_plain:
            made[last : last + n_plain] += sign * plain * seasonal[place]
    return made


def lags(n_plain: int, n_seasonal: int, period: int) -> tuple[int, ...]:
    """Return which coefficients of a product are not zero whatever its factors are, from 0 on.

    Examples
    --------
    >>> lags(1, 1, 12)
    (0, 11, 12)
    """
    steps = {lag + period * season for lag in range(n_plain + 1) for season in range(n_seasonal + 1)} - {0}
    return tuple(sorted(step - 1 for step in steps))


def differencing(d: int, seasonal_d: int, period: int) -> list[float]:
    """Return δ of ``(1 - B)^d (1 - B^s)^D = 1 - Σ δ B``.

    Examples
    --------
    >>> differencing(1, 0, 12), differencing(2, 0, 1)
    ([1.0], [2.0, -1.0])
    """
    made = np.array([1.0])
    for _ in range(d):
        made = np.convolve(made, [1.0, -1.0])
    for _ in range(seasonal_d):
        made = np.convolve(made, [1.0, *[0.0] * (period - 1), -1.0])
    return [-float(value) for value in made[1:]]


def differenced(rows: Any, d: int, seasonal_d: int, period: int) -> Any:
    """Return the differences of rows along the first axis."""
    for _ in range(d):
        rows = rows[1:] - rows[:-1]
    for _ in range(seasonal_d):
        rows = rows[period:] - rows[:-period]
    return rows


def psi_weights(ar: Any, ma: Any, n_weights: int, xp: Any) -> Any:
    """Return ψ0 = 1, ψ1, ... [n_weights, ...] of ``θ(B) / φ(B)``."""
    shape = (ar if len(ar) else ma).shape[1:]
    made = xp.zeros((n_weights, *shape))
    made[0] = 1.0
    for step in range(1, n_weights):
        if step <= len(ma):
            made[step] += ma[step - 1]
        for lag in range(min(step, len(ar))):
            made[step] += ar[lag] * made[step - lag - 1]
    return made


def autocovariances(ar: Any, n_lags: int, xp: Any) -> Any:
    """Return γ(0), ..., γ(n_lags - 1) of an autoregression with innovations of variance 1.

    The autoregression is taken down to its partial autocorrelations, and Yule and Walker's equations of each order give one lag more.
    """
    size = len(ar)
    made = xp.zeros((max(n_lags, 1), *ar.shape[1:]))
    orders, now, variance = [], ar, xp.ones(ar.shape[1:])
    for order in range(size, 0, -1):
        orders.append(now)
        last = now[order - 1]
        spare = 1 - last * last
        variance = variance / spare
        now = (now[: order - 1] + last * now[: order - 1][::-1]) / spare
    orders.reverse()
    made[0] = variance
    for lag in range(1, n_lags):
        coefficients = orders[min(lag, size) - 1] if size else ar
        for step in range(len(coefficients)):
            made[lag] += coefficients[step] * made[lag - step - 1]
    return made


def state_covariance_with_value(ar: Any, ma: Any, size: int, xp: Any) -> Any:
    """Return the first column [size, ...] of the stationary covariance of Harvey's state, innovations of variance 1.

    Its i-th state is ``Σ_{j >= i} φ_j y_{t-1-j+i} + Σ_{j >= i} θ_{j-1} ε_{t-j+i}``, so its covariance with y_t needs only autocovariances
    and ψ weights.
    """
    shape = (ar if len(ar) else ma).shape[1:]
    theta = xp.concatenate((xp.ones((1, *shape)), ma)) if len(ma) else xp.ones((1, *shape))
    of_ar = autocovariances(ar if len(ar) else xp.zeros((0, *shape)), size + len(theta), xp)
    squares = xp.zeros((len(theta), *shape))
    for lag in range(len(theta)):
        for step in range(len(theta) - lag):
            squares[lag] += theta[step] * theta[step + lag]
    gamma = xp.zeros((size + 1, *shape))
    for lag in range(size + 1):
        gamma[lag] += squares[0] * of_ar[lag]
        for step in range(1, len(theta)):
            gamma[lag] += squares[step] * (of_ar[lag + step] + of_ar[abs(lag - step)])
    psi = psi_weights(ar, ma, size, xp)
    made = xp.zeros((size, *shape))
    for state in range(size):
        for step in range(state, len(ar)):
            made[state] += ar[step] * gamma[1 + step - state]
        for step in range(state, len(theta)):
            made[state] += theta[step] * psi[step - state]
    return made
