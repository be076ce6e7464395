"""Small matrices whose entries are numbers or one number per series, and the steps of a Kalman filter made of them.

A matrix is a list of rows, so what is the same for all series is worked out once, as plain floats, and zeros and ones cost nothing; what
differs is an array [n_series]. With a shared model and nothing missing the whole covariance recursion is plain floats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Matrix = list[list[Any]]
LOG_2PI = float(np.log(2 * np.pi))


def times(one: Any, other: Any) -> Any:
    """Return the product of two entries; of a plain 0 or 1 without arithmetic."""
    for plain, rest in ((one, other), (other, one)):
        if isinstance(plain, float):
            if plain == 0.0:
                return 0.0
            if plain == 1.0:
                return rest
    return one * other


def plus(one: Any, other: Any) -> Any:
    """Return the sum of two entries; of a plain 0 without arithmetic."""
    if isinstance(one, float) and one == 0.0:
        return other
    if isinstance(other, float) and other == 0.0:
        return one
    return one + other


def minus(one: Any, other: Any) -> Any:
    """Return the difference of two entries; of a plain 0 without arithmetic."""
    return one if isinstance(other, float) and other == 0.0 else one - other


def dot(ones: list[Any], others: list[Any]) -> Any:
    """Return the sum of the products of entries."""
    made: Any = 0.0
    for one, other in zip(ones, others, strict=True):
        made = plus(made, times(one, other))
    return made


def columns(matrix: Matrix) -> Matrix:
    """Return the transposed matrix."""
    return [list(column) for column in zip(*matrix, strict=True)]


def matmul(one: Matrix, other: Matrix) -> Matrix:
    """Return the product."""
    turned = columns(other)
    return [[dot(row, column) for column in turned] for row in one]


def sandwich(outer: Matrix, inner: Matrix, added: Matrix) -> Matrix:
    """Return ``O I O' + added`` for symmetric I and added; both halves are the same entries."""
    half = matmul(outer, inner)
    made: Matrix = [[0.0] * len(outer) for _ in outer]
    for row in range(len(outer)):
        for column in range(row + 1):
            made[row][column] = made[column][row] = plus(dot(half[row], outer[column]), added[row][column])
    return made


def cholesky(matrix: Matrix, xp: Any) -> Matrix:
    """Return the lower factor of a positive definite matrix."""
    made: Matrix = [[0.0] * len(matrix) for _ in matrix]
    for row in range(len(matrix)):
        for column in range(row + 1):
            rest = minus(matrix[row][column], dot(made[row][:column], made[column][:column]))
            if row == column:
                made[row][row] = float(np.sqrt(rest)) if isinstance(rest, float) else xp.sqrt(rest)
            else:
                made[row][column] = divided(rest, made[column][column])
    return made


def divided(one: Any, other: Any) -> Any:
    """Return the quotient of two entries; of a plain 0 without arithmetic."""
    return 0.0 if isinstance(one, float) and one == 0.0 else one / other


def lower_solved(factor: Matrix, right: Matrix) -> Matrix:
    """Return ``L^-1 right``."""
    made: Matrix = []
    for row, given in enumerate(right):
        values = list(given)
        for before in range(row):
            values = [minus(value, times(factor[row][before], known)) for value, known in zip(values, made[before], strict=True)]
        made.append([divided(value, factor[row][row]) for value in values])
    return made


@dataclass(frozen=True)
class Gain:
    """What a value will change, whatever it is: ``L^-1 H P``, ``L^-1 H`` and L, the factor of the innovations' covariance.

    `narrowed` is the covariance once the value is known, `size` the part of the log-likelihood that takes no values, without its sign.
    """

    gains: Matrix
    rows: Matrix
    factor: Matrix
    size: Any
    narrowed: Matrix


@dataclass(frozen=True)
class Update:
    """What a value has changed: the gain, ``L^-1 v``, and its square, twice the part of the log-likelihood that takes values."""

    gain: Gain
    residuals: list[Any]
    square: Any


def gain_of(covariance: Matrix, seen: list[Any], model: tuple[Matrix, Matrix], xp: Any) -> Gain:
    """Return the gain of a time at which the states have a covariance.

    Parameters
    ----------
    seen
        One entry for each component of an observation: 1.0 where all series have it, 0.0 where none has, or both [n_series].
    model
        H and R.

    Notes
    -----
    A missing component has a row of zeros in H, no innovation, and a unit variance of which nothing is counted.
    """
    observation, noise = model
    rows = [[times(there, entry) for entry in row] for row, there in zip(observation, seen, strict=True)]
    with_states = matmul(rows, covariance)
    total: Matrix = [[0.0] * len(rows) for _ in rows]
    for row in range(len(rows)):
        for column in range(row + 1):
            both = times(seen[row], seen[column]) if row != column else seen[row]
            made = plus(dot(with_states[row], rows[column]), times(both, noise[row][column]))
            if row == column:
                made = plus(made, 1.0 - both)
            total[row][column] = total[column][row] = made
    factor = cholesky(total, xp)
    gains, scaled = (lower_solved(factor, right) for right in (with_states, rows))
    size: Any = 0.0
    for place, there in enumerate(seen):
        pivot = factor[place][place]
        log = float(np.log(pivot)) if isinstance(pivot, float) else xp.log(pivot)
        size = plus(size, plus(0.5 * LOG_2PI * there, log))
    narrowed: Matrix = [[0.0] * len(covariance) for _ in covariance]
    for row in range(len(covariance)):
        for column in range(row + 1):
            taken = dot([one[row] for one in gains], [one[column] for one in gains])
            narrowed[row][column] = narrowed[column][row] = minus(covariance[row][column], taken)
    return Gain(gains, scaled, factor, size, narrowed)


def updated(mean: list[Any], values: list[Any], seen: list[Any], observation: Matrix, gain: Gain) -> tuple[list[Any], Update]:
    """Return the mean once the values, an entry for each component, are known, and what has changed it."""
    errors = [[times(there, minus(value, dot(row, mean)))] for value, row, there in zip(values, observation, seen, strict=True)]
    left = [row[0] for row in lower_solved(gain.factor, errors)]
    changed = [plus(state, dot([row[place] for row in gain.gains], left)) for place, state in enumerate(mean)]
    return changed, Update(gain, left, dot(left, left))


def is_plain(matrix: Matrix) -> bool:
    """Whether all series share every entry."""
    return all(isinstance(entry, float) for row in matrix for entry in row)


class Likelihood:
    """The log-likelihood of all times, as their updates come."""

    def __init__(self) -> None:
        self.size: Any = 0.0
        self.square: Any = 0.0

    def add(self, update: Update) -> None:
        """Count one time."""
        self.size = plus(self.size, update.gain.size)
        if isinstance(self.square, float):
            self.square = plus(self.square, update.square)
        else:
            self.square += update.square  # in place: the first sum was made here

    def value(self, n_series: int, xp: Any) -> Any:
        """Return the log-likelihood [n_series]."""
        return xp.broadcast_to(xp.asarray(-self.size - 0.5 * self.square), (n_series,))


def smoothed_back(carried: tuple[list[Any], Matrix], update: Update) -> tuple[list[Any], Matrix]:
    """Return r and N before a value from A'r and A'NA after it, which are `carried`.

    Source: J. Durbin, S. J. Koopman, "Time Series Analysis by State Space Methods" (2012), section 4.4.
    """
    after, spread = carried
    size = len(after)
    seen_through = [dot(row, after) for row in update.gain.gains]
    weights = [residual - through for residual, through in zip(update.residuals, seen_through, strict=True)]
    before = [plus(after[place], dot([row[place] for row in update.gain.rows], weights)) for place in range(size)]
    kept: Matrix = []
    for row in range(size):
        gains = [one[row] for one in update.gain.gains]
        kept.append([minus(float(row == column), dot(gains, [one[column] for one in update.gain.rows])) for column in range(size)])
    squares: Matrix = [[0.0] * size for _ in range(size)]
    for row in range(size):
        for column in range(row + 1):
            made = dot([one[row] for one in update.gain.rows], [one[column] for one in update.gain.rows])
            squares[row][column] = squares[column][row] = made
    return before, sandwich(columns(kept), spread, squares)
