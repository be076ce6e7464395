"""Which step of time a table's rows have: told of the rows of some series, merged with what others tell, found once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.errors import StageError
from gpupipe.core.tools import Tools
from gpupipe.forecasts._arrays import to_host
from gpupipe.stages.forecasts._grid import LEAST_FILLED, Grid, civil, said, ticks_a_day

FEW_STEPS = 1000  # of all series; with fewer, nobody minds that most are empty


@dataclass(frozen=True, eq=False)
class SeriesRows:
    """Rows of whole series, in the order of series and time.

    Parameters
    ----------
    frame
        The rows as they came.
    order
        [n_rows] the row at each place of the order.
    codes, times
        [n_rows] the series' number and the time at each place.
    """

    frame: Any
    columns: Any
    stage: str
    order: Any
    codes: Any
    times: Any

    @classmethod
    def of(cls, tools: Tools, frame: nw.DataFrame[Any], columns: Any, codes: Any, stage: str) -> SeriesRows:
        """Return the rows of a frame whose series are numbered.

        Raises
        ------
        StageError
            Two rows of a series have one time.
        """
        xp = tools.xp
        times = tools.array(frame, columns.time).astype(xp.int64)
        order = xp.lexsort(xp.stack([times, codes]))
        made = cls(frame, columns, stage, order, codes[order], times[order])
        twice = xp.flatnonzero(made.same & (made.times[1:] == made.times[:-1]))
        if len(twice):
            msg = (
                f"{stage} expects one row for each series and time, got {len(twice)} more, at {made.at(int(twice[0]))} for one. "
                "Aggregate them first, as with gp.GroupBy."
            )
            raise StageError(msg)
        return made

    @property
    def same(self) -> Any:
        """[n_rows - 1] of each place but the first, whether the one before it is of the same series."""
        return self.codes[1:] == self.codes[:-1]

    @property
    def dtype(self) -> Any:
        """The dtype of time."""
        return self.frame.schema[self.columns.time]

    def at(self, place: int) -> str:
        """Return the key and the time at a place, in words."""
        row = int(self.order[place])
        names = [*self.columns.by, self.columns.time]
        found = self.frame.select(names)[row : row + 1].rows()[0]
        return ", ".join(
            f"{name}={value if hasattr(value, 'isoformat') else repr(value)}" for name, value in zip(names, found, strict=True)
        )


@dataclass(frozen=True)
class Steps:
    """What rows tell of the step of time.

    Parameters
    ----------
    n_rows, n_series
        How many there are.
    same_clock, same_day, last_days
        Whether each series' times stand at one time of day, on one day of the month, on each month's last day.
    least, spans
        The least step between two rows, 0 where no series has two, and what lies between series' first and last rows in sum: in the
        column's own numbers, and in months.
    """

    n_rows: int
    n_series: int
    same_clock: bool
    same_day: bool
    last_days: bool
    least: tuple[int, int]
    spans: tuple[int, int]

    @classmethod
    def of(cls, tools: Tools, rows: SeriesRows) -> Steps:
        """Return what some rows tell."""
        xp, times, same, ticks = tools.xp, rows.times, rows.same, ticks_a_day(rows.dtype)
        told = (len(times), len(times) - int(same.sum()))
        own = _gaps(times, same)
        if not ticks or bool((same & (times[1:] % ticks != times[:-1] % ticks)).any()):
            return cls(*told, not ticks, False, False, (own[0], 0), (own[1], 0))
        months, day = civil(times // ticks, xp)
        same_day = not bool((same & (day[1:] != day[:-1])).any())
        last_days = bool((civil(times[:1] // ticks + 1, xp)[1] == 1).all()) and bool((civil(times // ticks + 1, xp)[1] == 1).all())
        least, spans = zip(own, _gaps(months, same), strict=True)
        return cls(*told, True, same_day, last_days, least, spans)

    @classmethod
    def merged(cls, told: Sequence[Steps]) -> Steps:
        """Return what the rows of several tables tell, which have no series in common."""
        least, spans = zip(*((one.least, one.spans) for one in told), strict=True)
        return cls(
            sum(one.n_rows for one in told),
            sum(one.n_series for one in told),
            all(one.same_clock for one in told),
            all(one.same_day for one in told),
            all(one.last_days for one in told),
            (_least(own for own, _ in least), _least(months for _, months in least)),
            (sum(own for own, _ in spans), sum(months for _, months in spans)),
        )

    def grid(self, step: str | int | None, dtype: Any, stage: str) -> Grid:
        """Return the grid of time: a user's step, or the least one of these rows.

        Raises
        ------
        StageError
            No series has two rows, or nearly every step would be empty.
        """
        ticks, given = ticks_a_day(dtype), said(step, dtype)
        unit = self._months() if ticks and (given is None or given.unit == "months") else None
        if given is not None:
            return Grid(given.step, unit or given.unit, ticks)
        least = self.least[unit is not None]
        if not least:
            if ticks:
                msg = f"{stage} finds no step of time, since every series has one row. Say it, as in step='1d'."
                raise StageError(msg)
            return Grid(1, "own", ticks)
        grid = Grid(least, unit or "own", ticks)
        n_steps = self.spans[unit is not None] // least + self.n_series
        if n_steps > FEW_STEPS and self.n_rows < LEAST_FILLED * n_steps:
            share, say = f"{100 * self.n_rows / n_steps:.2g} %", repr("1d") if ticks else "1"
            msg = (
                f"{stage} finds a step of {grid.text}, with rows in {share} of the steps: the times are irregular. Round them, as with "
                f"dt.truncate, or say the step, as in step={say}."
            )
            raise StageError(msg)
        return grid

    def _months(self) -> str | None:
        """Return the unit of months in which times are counted; None where they are none."""
        if not self.least[0] or not self.same_clock:
            return None
        return "months" if self.same_day else "month ends" if self.last_days else None


def _least(steps: Iterable[int]) -> int:
    """Return the least of some steps, 0 where there is none; 0 among them is none."""
    return min((step for step in steps if step), default=0)


def _gaps(numbers: Any, same: Any) -> tuple[int, int]:
    """Return the least difference above zero within series, 0 where there is none, and the sum of all."""
    gaps = (numbers[1:] - numbers[:-1])[same]
    above = gaps[gaps > 0]
    return (int(above.min()) if len(above) else 0), int(gaps.sum())


def require_regular(rows: SeriesRows, grid: Grid, numbers: Any, xp: Any) -> None:
    """Raise StageError where times are not whole steps of a grid apart."""
    same = rows.same
    gaps, places = (numbers[1:] - numbers[:-1])[same], xp.flatnonzero(same)
    wrong = (gaps % grid.step != 0) | (gaps == 0)  # two times of one month, where months were said
    if not bool(wrong.any()):
        return
    kinds, counts = (to_host(part) for part in xp.unique(gaps[gaps > 0], return_counts=True))
    if not len(kinds):
        kinds, counts = np.array([grid.step]), np.array([1])
    usual = int(kinds[counts.argmax()])
    odd = wrong & (gaps % usual != 0)
    place = int(places[odd if bool(odd.any()) else wrong][0])
    usually, least = Grid(usual, grid.unit, grid.ticks_a_day).text, grid.text
    beside = "" if usually == least else f" (the usual step is {usually})"
    msg = (
        f"{rows.stage} expects regular steps of time, got {int(wrong.sum())} of {len(gaps)} that are not a whole number of {least}"
        f"{beside}: one is from {rows.at(place)} to the next row. Round the times, as with dt.truncate, or aggregate by a coarser step."
    )
    raise StageError(msg)
