"""Regular grids of labels: every hour, every day, every month, every fifth number, with the gaps filled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import PlanError, StageError, UsageError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
MOST_LABELS = 2**27


@dataclass(frozen=True)
class Grid:
    """Labels at equal distances, from the first that there is to the last.

    Parameters
    ----------
    count, unit
        The distance; the unit is None for whole numbers.
    """

    count: int
    unit: str | None

    @classmethod
    def of(cls, name: str, every: str | int) -> Grid:
        """Return the grid of a step such as ``"1h"``, ``"15m"``, ``"1d"``, ``"1mo"``, or of a whole number.

        Examples
        --------
        >>> Grid.of("day", "2w"), Grid.of("hour", 1)
        (Grid(count=2, unit='w'), Grid(count=1, unit=None))
        """
        found = re.fullmatch("([0-9]+)(s|m|h|d|w|mo|q|y)", every) if isinstance(every, str) else None
        count = int(found[1]) if found else every if isinstance(every, int) and not isinstance(every, bool) else 0
        if not isinstance(count, int) or count < 1:
            msg = (
                f"ToTensor expects every[{name!r}] to be a step such as '1h', '15m', '1d', '1mo', or a whole number from 1, got {every!r}."
            )
            raise UsageError(msg)
        return cls(count, found[2] if found else None)

    def check(self, name: str, dtype: Any) -> None:
        """Raise PlanError for labels that have no such distances."""
        is_time = isinstance(dtype, nw.Date | nw.Datetime)
        finest = isinstance(dtype, nw.Date) and self.unit in ("s", "m", "h")
        if (self.unit is None and not dtype.is_integer()) or (self.unit is not None and not is_time) or finest:
            fitting = "days, weeks, months or years" if finest else "a step of time" if is_time else "a whole number"
            if not is_time and not dtype.is_integer():
                fitting = "no step: only times and whole numbers lie on a grid"
            msg = f"ToTensor: every[{name!r}] is {self.told}, and the labels are {dtype}, which take {fitting}."
            raise PlanError(msg)

    @property
    def told(self) -> str:
        """The step as users write it."""
        return repr(self.count if self.unit is None else f"{self.count}{self.unit}")

    def laid(self, values: Any, dtype: Any, name: str) -> tuple[Any, Any]:
        """Return each label's place on the grid, and all labels of the grid.

        Parameters
        ----------
        values
            Ascending labels as whole numbers: those of dates count days, others the units of their dtype.

        Raises
        ------
        StageError
            A label is off the grid, or the grid is longer than any memory.
        """
        if self.unit in _MONTHS:
            return self._months(values, dtype, name)
        step = self.count
        if self.unit is not None:
            step *= _SECONDS[self.unit] // 86_400 if isinstance(dtype, nw.Date) else _SECONDS[self.unit] * _PER_SECOND[dtype.time_unit]
        places, off = np.divmod(values - values[0], step)
        self._refuse(values, dtype, name, off != 0, int(places[-1]))
        return places, values[0] + np.arange(int(places[-1]) + 1) * step

    def _months(self, values: Any, dtype: Any, name: str) -> tuple[Any, Any]:
        """Return places and labels of a grid of months: all are as far from the first of their month."""
        unit = "D" if isinstance(dtype, nw.Date) else dtype.time_unit
        times = values.astype(f"datetime64[{unit}]")
        months = times.astype("datetime64[M]")
        inside = (times - months.astype(times.dtype)).astype(np.int64)
        step = self.count * _MONTHS[str(self.unit)]
        places, off = np.divmod((months - months[0]).astype(np.int64), step)
        self._refuse(values, dtype, name, (off != 0) | (inside != inside[0]), int(places[-1]))
        grid = (months[0] + np.arange(int(places[-1]) + 1) * step).astype(times.dtype).astype(np.int64) + inside[0]
        return places, grid

    def _refuse(self, values: Any, dtype: Any, name: str, off: Any, last: int) -> None:
        """Raise StageError for labels off the grid, or a grid without end."""
        if off.any():
            shown = [_shown(values[at], dtype) for at in (int(np.flatnonzero(off)[0]), 0)]
            msg = (
                f"ToTensor expects labels every {self.told} along {name!r}, from {shown[1]} on, got {int(off.sum())} off that grid, "
                f"{shown[0]} for one. Round them first, or choose a finer step."
            )
            raise StageError(msg)
        if last >= MOST_LABELS:
            msg = (
                f"ToTensor: a grid every {self.told} along {name!r} has {last + 1:,} labels. Choose a coarser step, or mend the last label."
            )
            raise StageError(msg)


def as_labels(numbers: Any, dtype: Any) -> pa.Array:
    """Return whole numbers as the labels that they stand for."""
    made = pa.array(numbers)
    if isinstance(dtype, nw.Date):
        return made.cast(pa.date32())
    return made.cast(pa.timestamp(dtype.time_unit, dtype.time_zone)) if isinstance(dtype, nw.Datetime) else made


def _shown(value: Any, dtype: Any) -> str:
    """Return a label as errors tell it."""
    if dtype.is_integer():
        return str(int(value))
    return str(np.datetime64(int(value), "D" if isinstance(dtype, nw.Date) else dtype.time_unit))
