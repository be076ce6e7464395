"""Pictures of factors for the report: time and regular numbers as lines, everything else as bars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

Part = Mapping[str, Any]

MOST_BARS = 15  # of a component: those that weigh most
MOST_POINTS = 2_000  # of a line
TOGETHER = 4  # curves that the eye can tell apart
MOST_COMPONENTS = 12


def on_host(array: Any) -> Any:
    """Return an array in the host's memory."""
    return array.get() if hasattr(array, "get") else array


def curve_part(title: str, x: str, y: str, places: Iterable[float], curves: Mapping[str, Sequence[float]]) -> Part:
    """Return curves over the same places."""
    at = list(places)
    return {
        "kind": "lines",
        "title": title,
        "x": x,
        "y": y,
        "curves": [{"label": name, "x": at, "y": [*ys]} for name, ys in curves.items()],
    }


def factor_parts(labels: nw.DataFrame[Any], matrix: Any) -> list[Part]:
    """Return the parts that show one dimension's factor, (size, rank)."""
    name, n_shown = labels.columns[0], min(matrix.shape[1], MOST_COMPONENTS)
    values = labels[name].to_list()
    line = along_line(name, values)
    if line is None:
        return [_bars(name, values, matrix[:, place], place + 1) for place in range(n_shown)]
    title, places = line
    step = max(1, -(-len(places) // MOST_POINTS))
    parts = []
    for first in range(0, n_shown, TOGETHER):
        shown = range(first, min(first + TOGETHER, n_shown))
        curves = {f"component {place + 1}": matrix[::step, place].astype(float).tolist() for place in shown}
        numbers = f"component {first + 1}" if len(shown) == 1 else f"components {first + 1} to {shown[-1] + 1}"
        parts.append(curve_part(f"{name}: {numbers}", title, "factor", places[::step], curves))
    return parts


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


def _bars(name: str, values: Sequence[Any], column: Any, number: int) -> Part:
    """Return one component's largest entries as bars, in the order of the labels."""
    most = sorted(np.argsort(-np.abs(column), kind="stable")[:MOST_BARS].tolist())
    title = f"{name}: component {number}" + (f", the {MOST_BARS} of {len(values)} that weigh most" if len(values) > MOST_BARS else "")
    return {"kind": "bars", "title": title, "bars": [[str(values[place]), float(column[place])] for place in most]}
