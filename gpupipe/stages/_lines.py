"""Parts of cards that show values along a line: of time, or of regular numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np


def curve_part(title: str, x: str, y: str, places: Iterable[float], curves: Mapping[str, Sequence[float]]) -> Mapping[str, Any]:
    """Return curves over the same places."""
    at = list(places)
    return {
        "kind": "lines",
        "title": title,
        "x": x,
        "y": y,
        "curves": [{"label": name, "x": at, "y": [*ys]} for name, ys in curves.items()],
    }


def along_line(name: str, values: Sequence[Any]) -> tuple[str, list[float]] | None:
    """Return the title of an axis and the labels' places along it; None where they do not lie along a line.

    Examples
    --------
    >>> along_line("day", [date(2020, 1, 1), date(2020, 1, 4)])
    ('day (days from 2020-01-01)', [0.0, 3.0])
    >>> along_line("hour", [0, 1, 2]), along_line("sensor", [7, 300, 301]), along_line("place", ["a", "b"])
    (('hour', [0.0, 1.0, 2.0]), None, None)
    """
    if len(values) < 2:
        return None
    if all(isinstance(value, date) for value in values):
        seconds = [(value - values[0]).total_seconds() for value in values]
        unit, size = next((one for one in (("days", 86400), ("hours", 3600), ("minutes", 60)) if seconds[-1] >= 2 * one[1]), ("seconds", 1))
        start = values[0].isoformat(" ", "minutes") if isinstance(values[0], datetime) else values[0].isoformat()
        return f"{name} ({unit} from {start})", [second / size for second in seconds]
    if all(isinstance(value, timedelta) for value in values):
        return f"{name} (hours)", [value.total_seconds() / 3600 for value in values]
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values) and len(set(np.diff(values).tolist())) == 1:
        return name, [float(value) for value in values]
    return None
