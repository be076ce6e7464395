"""Quantities as bars in a table: HTML and no picture, so that they take the width there is, and their numbers stand beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gpupipe.report.charts import Axis
from gpupipe.report.units import number_text


def bars(title: str, given: Sequence[tuple[str, float]]) -> Mapping[str, Any]:
    """Return named quantities as bars, in the order given; negative ones run from zero to the left.

    Examples
    --------
    >>> bars("x", [("a", 4.0), ("b", 1.0)])["rows"]
    [{'name': 'a', 'value': '4.0000', 'left': 0.0, 'width': 100.0}, {'name': 'b', 'value': '1.0000', 'left': 0.0, 'width': 25.0}]
    """
    finite = [value for _, value in given if math.isfinite(value)]
    x = Axis(min(0.0, *finite, 0.0), max(0.0, *finite, 0.0), 0.0, 100.0)
    rows = []
    for name, value in given:
        left, right = sorted((x.at(0.0), x.at(value) if math.isfinite(value) else x.at(0.0)))
        rows.append({"name": name, "value": number_text(value), "left": left, "width": round(right - left, 2)})
    return {"kind": "bars", "title": title, "rows": rows}
