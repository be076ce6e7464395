"""Pictures of factors for the report: time and regular numbers as lines, everything else as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.stages._lines import along_line, curve_part

Part = Mapping[str, Any]

MOST_BARS = 15  # of a component: those that weigh most
MOST_POINTS = 2_000  # of a line
TOGETHER = 4  # curves that the eye can tell apart
MOST_COMPONENTS = 12


def on_host(array: Any) -> Any:
    """Return an array in the host's memory."""
    return array.get() if hasattr(array, "get") else array


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


def _bars(name: str, values: Sequence[Any], column: Any, number: int) -> Part:
    """Return one component's largest entries as bars, in the order of the labels."""
    most = sorted(np.argsort(-np.abs(column), kind="stable")[:MOST_BARS].tolist())
    title = f"{name}: component {number}" + (f", the {MOST_BARS} of {len(values)} that weigh most" if len(values) > MOST_BARS else "")
    return {"kind": "bars", "title": title, "bars": [[str(values[place]), float(column[place])] for place in most]}
