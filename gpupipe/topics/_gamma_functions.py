"""Digamma and trigamma of arrays of NumPy or CuPy, by eight steps of recurrence and the asymptotic series.

Source: Abramowitz, Stegun, "Handbook of Mathematical Functions" (1964), 6.3.5, 6.3.18, 6.4.6 and 6.4.12.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.tensors._arrays import array_module

_STEPS = 8
#: x (x + 1) ... (x + 7), and its derivative: their quotient is the sum of 1 / (x + i), with one division instead of eight.
_RISING = np.poly(-np.arange(_STEPS))
_SLOPE = np.polyder(_RISING)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)  # B_2n / 2n
_TRIGAMMA = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)  # B_2n


def digamma(x: Any) -> Any:
    """Return the derivative of the logarithm of the gamma function of numbers above 0.

    Examples
    --------
    >>> round(-float(digamma(np.array([1.0]))[0]), 12)  # Euler's constant
    0.577215664902
    """
    xp = array_module(x)
    y = x + _STEPS
    inverse = 1 / (y * y)
    small = x < 1e30  # beyond, the product of eight overflows, and the sum is nothing
    held = xp.where(small, x, 1.0)
    recurrence = xp.where(small, _polynomial(_SLOPE, held) / _polynomial(_RISING, held), 0.0)
    return xp.log(y) - 0.5 / y - inverse * _polynomial(_DIGAMMA[::-1], inverse) - recurrence


def trigamma(x: Any) -> Any:
    """Return the second derivative of the logarithm of the gamma function of numbers above 0.

    Examples
    --------
    >>> round(float(trigamma(np.array([1.0]))[0]), 12) == round(np.pi**2 / 6, 12)
    True
    """
    y = x + _STEPS
    inverse = 1 / (y * y)
    series = 1 / y + 0.5 * inverse + inverse / y * _polynomial(_TRIGAMMA[::-1], inverse)
    return series + sum(1 / (x + step) ** 2 for step in range(_STEPS))


def _polynomial(coefficients: Any, x: Any) -> Any:
    """Return a polynomial's value, the coefficient of the highest power first."""
    value = float(coefficients[0]) * x + float(coefficients[1])
    for one in coefficients[2:]:
        value *= x
        value += float(one)
    return value
