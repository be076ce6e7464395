"""Learning curves: what a metric came to for what was spent."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError


def area_under(costs: Any, metrics: Any, budget: float | None = None) -> float:
    """Return the mean of a metric over what is spent, from the first point to a budget: the area under the curve over its width (ALC).

    Between points the curve is straight, behind the last one level.

    Parameters
    ----------
    costs, metrics
        [n_points], costs ascending; points whose metric is NaN are left out.
    budget
        Where the area ends; at the last point unless given.

    Raises
    ------
    UsageError
        There is no point, or costs do not ascend.

    Examples
    --------
    >>> area_under([0, 10, 20], [0.0, 1.0, 1.0]), area_under([0, 10], [0.0, 1.0], 30)
    (0.75, 0.8333333333333334)
    """
    spent, values = _points(costs, metrics)
    end = float(spent[-1] if budget is None else budget)
    if end <= spent[0]:
        return float(values[0])
    inside = np.concatenate([spent[spent < end], [end]])
    heights = np.interp(inside, spent, values)
    return float(np.trapezoid(heights, inside) / (end - spent[0]))


def cost_to(costs: Any, metrics: Any, wanted: float) -> float | None:
    """Return what was spent when a metric was first reached, by a straight line from the point before; None where it never was.

    Examples
    --------
    >>> cost_to([0, 10, 20], [0.5, 0.75, 1.0], 0.875), cost_to([0, 10], [0.5, 0.75], 0.8)
    (15.0, None)
    """
    spent, values = _points(costs, metrics)
    reached = np.flatnonzero(values >= wanted - 1e-12)
    if not len(reached):
        return None
    at = int(reached[0])
    if at == 0:
        return float(spent[0])
    share = (wanted - values[at - 1]) / (values[at] - values[at - 1])
    return float(spent[at - 1] + share * (spent[at] - spent[at - 1]))


def _points(costs: Any, metrics: Any) -> tuple[Any, Any]:
    """Return the points that have a metric, looked at."""
    spent, values = np.asarray(costs, float), np.asarray(metrics, float)
    if spent.shape != values.shape or spent.ndim != 1:
        raise UsageError(f"Expected as many costs as metrics, got shapes {spent.shape} and {values.shape}.")
    there = ~np.isnan(values)
    spent, values = spent[there], values[there]
    if not len(spent) or (np.diff(spent) < 0).any():
        raise UsageError("Expected a learning curve of one point or more, with costs that ascend, got another.")
    return spent, values
