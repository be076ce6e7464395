"""How loans go from month to month: a Markov chain over the months a borrower is behind, run for all loans of a batch at once.

The chances are those counted in the public 2007Q3 quarter. Two depend on more than the status: the chance to fall behind follows
the loan's `risk`, so that a model has something to learn from what is known at origination, and the chance to be paid off follows
the month, so that the lengths of the loans come out right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gpupipe.datasets.mortgage_columns import Bools, Ints
from gpupipe.datasets.mortgage_loans import Loans

MONTHS = 126  # the longest history in the 2007Q3 quarter
NEVER = 9999
PAID, LOST = -2, -1

# A row for each status 0..6 and 7 or more; columns: paid, lost, to 0, to 1, to 2, to 3, one month further behind; else unchanged.
_CHANCES = np.array(
    [
        [0.000, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000],  # status 0 has its own rule
        [0.0148, 0.000, 0.270, 0.000, 0.000, 0.000, 0.215],
        [0.000, 0.000, 0.053, 0.142, 0.000, 0.000, 0.380],
        [0.000, 0.000, 0.037, 0.037, 0.074, 0.000, 0.648],
        [0.000, 0.024, 0.095, 0.000, 0.000, 0.000, 0.710],
        [0.000, 0.050, 0.090, 0.000, 0.030, 0.000, 0.806],
        [0.000, 0.030, 0.036, 0.000, 0.000, 0.000, 0.830],
        [0.0091, 0.0272, 0.0272, 0.000, 0.006, 0.003, 0.876],
    ]
)
_BOUNDS = np.cumsum(_CHANCES, axis=1)
_TARGETS = np.array([PAID, LOST, 0, 1, 2, 3, 0, 0], dtype=np.int16)
_UP, _SAME = 6, 7

_BEHIND_ODDS = 0.0074  # of a loan of risk 0; gives .013 over all rows
_MODIFIED_RISK = 0.6
_MODIFIED_PAYOFF = 0.15


def _payoff_chances() -> npt.NDArray[np.float64]:
    """Return the chance that a loan in good standing is paid off, for each month since its first row."""
    steps = ((0, 0.0063), (8, 0.0142), (25, 0.0192), (47, 0.0255), (77, 0.0140))
    months = np.arange(MONTHS)
    return np.array([rate for _, rate in steps])[np.searchsorted([start for start, _ in steps], months, side="right") - 1]


_PAYOFF = _payoff_chances()


@dataclass(frozen=True)
class Histories:
    """The months of a batch of loans, one after another; all arrays but `length` and `modified_from` hold one value a row.

    `length` and `modified_from` hold one value a loan: its number of rows, and the month its terms were changed (or `NEVER`).
    """

    length: Ints
    modified_from: Ints
    loan: Ints
    month: Ints
    status: Ints

    @property
    def starts(self) -> Ints:
        """The first row of each loan."""
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(self.length)[:-1]])


@dataclass(frozen=True)
class _Odds:
    """The odds of falling behind, before and after a loan's terms were changed."""

    usual: npt.NDArray[np.float64]
    modified: npt.NDArray[np.float64]


def _odds(loans: Loans) -> _Odds:
    usual = _BEHIND_ODDS * np.exp(loans.risk)
    modified = usual * np.exp(_MODIFIED_RISK)
    return _Odds(usual / (1 + usual), modified / (1 + modified))


def _next_status(
    status: npt.NDArray[np.int16], draw: npt.NDArray[np.float64], odds: _Odds, month: int, modified: Bools
) -> npt.NDArray[np.int16]:
    paid = np.where(modified, _MODIFIED_PAYOFF * _PAYOFF[month], _PAYOFF[month])
    behind = np.where(modified, odds.modified, odds.usual)
    after = np.where(draw < paid, PAID, draw < paid + behind).astype(np.int16)
    late = np.flatnonzero(status > 0)
    old = status[late]
    outcome = (draw[late, None] >= _BOUNDS[np.minimum(old, 7)]).sum(axis=1)
    after[late] = np.where(outcome == _UP, old + 1, np.where(outcome == _SAME, old, _TARGETS[outcome]))
    return after


def draw_histories(rng: np.random.Generator, loans: Loans, *, quarter_start: int) -> Histories:
    """Return the months of the loans, each from its first report to its end, at most to the end of observation.

    Parameters
    ----------
    quarter_start
        The quarter's first month, counted from January 1970; observation ends `MONTHS` later.
    """
    n = len(loans.loan_id)
    odds = _odds(loans)
    matures = loans.term - loans.first_age
    length = np.minimum(MONTHS - (loans.first_month - quarter_start), matures + 1)
    statuses = np.zeros((MONTHS, n), dtype=np.int16)
    modified_from = np.full(n, NEVER)
    alive = np.ones(n, dtype=np.bool_)
    for month in range(1, MONTHS):
        before = statuses[month - 1]
        after = _next_status(before, rng.random(n), odds, month, modified_from < month)
        helped = (before >= 3) & (after >= 0) & (after <= 2)
        modified_from[helped & alive & (modified_from == NEVER)] = month
        after[alive & (month == matures)] = PAID
        ended = alive & (after < 0) & (month < length)
        length[ended] = month + 1
        alive &= ~ended
        statuses[month] = np.where(alive | ended, after, 0)
    present = np.arange(MONTHS) < length[:, None]
    loan = np.repeat(np.arange(n), length)
    month_of_row = np.broadcast_to(np.arange(MONTHS), (n, MONTHS))[present]
    status = np.ascontiguousarray(statuses.T)[present].astype(np.int64)
    modified_from[modified_from >= length] = NEVER
    return Histories(length, modified_from, loan, month_of_row, status)
