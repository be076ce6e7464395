"""The steps of time between a table's rows: what they are, found from the rows or as a user says it, and times by their number.

Times are whole numbers: those of a column of numbers, days of a date, ticks of a clock. A step is a number of these, or of months: months
have no fixed length, so a table whose times stand on one day of the month, or on each month's last, is counted in months.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.errors import UsageError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
MONTHS = {"mo": 1, "q": 3, "y": 12}
TICKS = {"ns": 10**9, "us": 10**6, "ms": 10**3}
LEAST_FILLED = 0.02  # of the steps between a series' first and last row; with fewer, the step is one by accident


@dataclass(frozen=True)
class Grid:
    """How time goes on.

    Parameters
    ----------
    step
        How much a step is.
    unit
        Of what: of the column's own whole numbers, of months, or of months whose last days are meant.
    ticks_a_day
        How many of the column's whole numbers a day has; 0 where they are no times.
    """

    step: int
    unit: str  # "own", "months", "month ends"
    ticks_a_day: int

    def numbers(self, times: Any, xp: Any) -> Any:
        """Return whole numbers of which a step is `step`."""
        return times if self.unit == "own" else civil(times // self.ticks_a_day, xp)[0]

    def times(self, starts: Any, steps: Any) -> Any:
        """Return the times so many steps after others, on the host."""
        if self.unit == "own":
            return starts + steps * self.step
        days, clock = np.divmod(starts, self.ticks_a_day)
        month, day = civil(days, np)
        month = month + steps * self.step
        first = (month - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        following = (month + 1 - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        day = following - first if self.unit == "month ends" else np.minimum(day, following - first)
        return (first + day - 1) * self.ticks_a_day + clock

    @property
    def text(self) -> str:
        """The step in words.

        Examples
        --------
        >>> Grid(7, "own", 1).text, Grid(3, "months", 1).text, Grid(900 * 10**6, "own", 86400 * 10**6).text, Grid(2, "own", 0).text
        ('7 days', '3 months', '15 minutes', '2')
        """
        if self.unit != "own":
            return _counted(self.step, self.unit)
        return _span(self.step, self.ticks_a_day) if self.ticks_a_day else str(self.step)


def ticks_a_day(dtype: Any) -> int:
    """Return how many of a time column's whole numbers a day has; 0 where they are no times.

    Examples
    --------
    >>> ticks_a_day(nw.Date()), ticks_a_day(nw.Datetime("ms")), ticks_a_day(nw.Int64())
    (1, 86400000, 0)
    """
    if isinstance(dtype, nw.Datetime):
        return 86400 * TICKS[dtype.time_unit]
    return 1 if isinstance(dtype, nw.Date) else 0


def said(step: str | int | None, dtype: Any = None) -> Grid | None:
    """Return the grid that a user says: a number, or a text such as ``"15m"``, ``"1h"``, ``"1d"``, ``"1w"``, ``"1mo"``, ``"1q"``, ``"1y"``.

    Raises
    ------
    UsageError
        It is none, or one that a column of this dtype has not.

    Examples
    --------
    >>> said("2h", nw.Datetime("ms")), said("1q", nw.Date()), said(None, nw.Date())
    (Grid(step=7200000, unit='own', ticks_a_day=86400000), Grid(step=3, unit='months', ticks_a_day=1), None)
    """
    if step is None:
        return None
    ticks = ticks_a_day(dtype)
    if isinstance(step, int) and not isinstance(step, bool) and step > 0 and (dtype is None or not ticks):
        return Grid(step, "own", 0)
    found = re.fullmatch(r"([1-9]\d*)(s|m|h|d|w|mo|q|y)", step) if isinstance(step, str) else None
    if found is None or (dtype is not None and not ticks):
        wanted = "a whole number" if dtype is not None and not ticks else "a text such as '15m', '1h', '1d', '1w', '1mo', '1q' or '1y'"
        msg = f"step={step!r}: expected {wanted}{'' if dtype is None else f' for times of {dtype}'}. Leave it out to have it found."
        raise UsageError(msg)
    count, unit = int(found[1]), found[2]
    if unit in MONTHS:
        return Grid(count * MONTHS[unit], "months", ticks)
    if dtype is not None and (count * SECONDS[unit] * ticks) % 86400:
        msg = f"step={step!r} is no whole number of days, and times of {dtype} have nothing less. Cast them to nw.Datetime, or say '1d'."
        raise UsageError(msg)
    return Grid(count * SECONDS[unit] * ticks // 86400, "own", ticks)


def civil(days: Any, xp: Any) -> tuple[Any, Any]:
    """Return of days since 1970 the month, counted from the year 0 on, and the day of the month.

    Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.

    Examples
    --------
    >>> [int(part[0]) for part in civil(np.array([19782]), np)]  # 2024-02-29
    [24289, 29]
    """
    shifted = days.astype(xp.int64) + 719468  # years begin in March, so that a leap day is the last
    era = shifted // 146097
    of_era = shifted - era * 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    return (year + era * 400) * 12 + month + 2, day


def _span(ticks: int, a_day: int) -> str:
    """Return a length of time in the largest unit that it is a whole number of."""
    for seconds, unit in ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds")):
        if ticks * 86400 % (a_day * seconds) == 0:
            return _counted(ticks * 86400 // (a_day * seconds), unit)
    return f"{ticks * 86400 / a_day:g} seconds"


def _counted(count: int, unit: str) -> str:
    """Return a number of units.

    Examples
    --------
    >>> _counted(1, "days"), _counted(2, "month ends")
    ('1 day', '2 month ends')
    """
    return f"{count} {unit.removesuffix('s') if count == 1 else unit}"
