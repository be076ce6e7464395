"""Decimal numbers as the nearest floats, for a whole array at one time: the values that a correctly rounding parser gives.

A decimal is ``w * 10**q`` with a whole number `w` of up to 19 digits. The product of `w` with the 128 leading bits of ``5**q`` has enough
bits to round by (Lemire, "Number parsing at a gigabyte per second", Software: Practice and Experience 51 (2021), section 5; that nothing
else is ever needed: Mushtak and Lemire, "Fast number parsing without fallback", ibid. 53 (2023)). The steps are those of the library
fast_float, with its names; what that does for one number is done here for all of them. The arrays are CuPy's on a device and NumPy's in
tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

SMALLEST_POWER, LARGEST_POWER = -342, 308
MOST_DIGITS = 19  # a number of so many digits fits in 64 bits, whatever they are
_U = np.uint64
_LOW_HALF = _U(0xFFFFFFFF)


@dataclass(frozen=True)
class _Format:
    """One of IEEE 754's binary formats."""

    bits: int  # of the mantissa, without the one that is not stored
    minimum_exponent: int
    infinite_power: int
    powers: tuple[int, int]  # of ten: below the first every number is 0, above the last infinite
    even: tuple[int, int]  # between these powers of ten a number may lie halfway between two floats
    integer: Any


_FORMATS = {
    "float64": _Format(52, -1023, 0x7FF, (-342, 308), (-4, 23), np.uint64),
    "float32": _Format(23, -127, 0xFF, (-64, 38), (-17, 10), np.uint32),
}


def nearest_floats(xp: Any, digits: Any, power: Any, dtype: str) -> Any:
    """Return the floats nearest to ``digits * 10**power``, of two equally near the even one; beyond the largest one, infinity.

    Parameters
    ----------
    xp
        NumPy or CuPy.
    digits
        An array of UInt64 below ``10**19``.
    power
        An array of Int64.
    dtype
        ``"float64"`` or ``"float32"``.

    Examples
    --------
    >>> nearest_floats(np, np.array([1, 123456789012345678], "uint64"), np.array([-1, -17]), "float64").tolist()
    [0.1, 1.2345678901234567]
    """
    form = _FORMATS[dtype]
    least, most = form.powers
    q = xp.clip(power, least, most)
    zeros = _leading_zeros(xp, digits)
    product_high, product_low = _product(xp, digits << zeros, q, form.bits + 3)
    upper = product_high >> _U(63)
    shift = upper + _U(64 - form.bits - 3)
    mantissa = product_high >> shift
    exponent = ((q * 217706) >> 16) + 63 + upper.astype(np.int64) - zeros.astype(np.int64) - form.minimum_exponent
    tie = (product_low <= _U(1)) & (q >= form.even[0]) & (q <= form.even[1]) & ((mantissa & _U(3)) == _U(1))
    tie &= (exponent > 0) & ((mantissa << shift) == product_high)
    mantissa = xp.where(tie, mantissa & ~_U(1), mantissa)
    subnormal = exponent <= 0
    moved = xp.clip(1 - exponent, 0, 63).astype(_U)
    mantissa = xp.where(subnormal, mantissa >> moved, mantissa)
    mantissa = (mantissa + (mantissa & _U(1))) >> _U(1)
    carried = mantissa >= _U(2 << form.bits)
    whole = mantissa >= _U(1 << form.bits)
    exponent = xp.where(subnormal, whole.astype(np.int64), exponent + carried)
    mantissa = xp.where(carried & ~subnormal, _U(0), mantissa & _U((1 << form.bits) - 1))
    infinite = (exponent >= form.infinite_power) | (power > most)
    nothing = (digits == _U(0)) | (power < least)
    mantissa = xp.where(infinite | nothing, _U(0), mantissa)
    exponent = xp.where(nothing, 0, xp.where(infinite, form.infinite_power, exponent))
    return ((exponent.astype(_U) << _U(form.bits)) | mantissa).astype(form.integer).view(dtype)


def _leading_zeros(xp: Any, numbers: Any) -> Any:
    """Return how many of the 64 bits stand before the first 1, at most 63."""
    count = xp.zeros_like(numbers)
    for n_bits in (32, 16, 8, 4, 2, 1):
        is_small = (numbers << count) < _U(1 << (64 - n_bits))
        count += xp.where(is_small, _U(n_bits), _U(0))
    return count


def _product(xp: Any, w: Any, q: Any, precision: int) -> tuple[Any, Any]:
    """Return the upper and lower 64 bits of the product with the power of five, as exact as `precision` bits ask for."""
    high_table, low_table = (xp.asarray(table) for table in _powers_of_five())
    place = q - SMALLEST_POWER
    high, low = _multiplied(w, high_table[place])
    mask = _U(0xFFFFFFFFFFFFFFFF >> precision)
    unsure = (high & mask) == mask
    second, _ = _multiplied(w, low_table[place])
    more = low + second
    carry = unsure & (second > more)
    return high + carry.astype(_U), xp.where(unsure, more, low)


def _multiplied(one: Any, other: Any) -> tuple[Any, Any]:
    """Return the upper and lower 64 bits of the products of two arrays of UInt64."""
    half = _U(32)
    a, b, c, d = one >> half, one & _LOW_HALF, other >> half, other & _LOW_HALF
    low, left, right = b * d, a * d, b * c
    middle = (low >> half) + (left & _LOW_HALF) + (right & _LOW_HALF)
    return a * c + (left >> half) + (right >> half) + (middle >> half), (middle << half) | (low & _LOW_HALF)


@lru_cache(maxsize=1)
def _powers_of_five() -> tuple[Any, Any]:
    """Return the upper and lower 64 bits of each power of five, scaled to 128 bits; of negative powers the next above."""
    made = [_power_of_five(power) for power in range(SMALLEST_POWER, LARGEST_POWER + 1)]
    return np.array([number >> 64 for number in made], _U), np.array([number & (2**64 - 1) for number in made], _U)


def _power_of_five(power: int) -> int:
    """Return the 128 leading bits of a power of five."""
    number: int = 5 ** abs(power)
    if power < 0:
        n_bits = number.bit_length()  # of 5**n, which is no power of two, the exponent of the power of two above it
        number = (1 << (n_bits + 127 if power >= -27 else 2 * n_bits + 128)) // number + 1
    n_bits = number.bit_length()
    return number << (128 - n_bits) if n_bits < 128 else number >> (n_bits - 128)
