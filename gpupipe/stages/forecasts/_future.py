"""Values of later rows of a table, placed at the steps after each series' end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import StageError
from gpupipe.core.tools import Tools
from gpupipe.forecasts._arrays import to_host
from gpupipe.stages.forecasts._series import column_of, whole
from gpupipe.stages.forecasts._tables import as_numbers


def later_rows(tools: Tools, given: nw.DataFrame[Any], fitted: Any, stage: str) -> tuple[nw.DataFrame[Any], Any, Any]:
    """Return rows of the series that were fitted, with the series and the step after its end of each; 1 is the next one.

    Raises
    ------
    StageError
        A key or a time is missing; a time is no whole number of steps after the series' first one; two rows of a series have one time.
    """
    xp, columns, grid = tools.xp, fitted.columns, fitted.grid
    frame = whole(given, columns, stage)
    series = xp.zeros(len(frame), dtype=xp.int64)
    if columns.by:
        codes = tools.coded((fitted.starts, columns.by), (frame, columns.by))
        places = xp.full(len(codes.keys), -1, dtype=xp.int64)
        places[codes.numbers[0]] = xp.arange(len(fitted.starts))
        series = places[codes.numbers[1]]
    kept = to_host(series >= 0)
    if not kept.all():  # of series that were not fitted, nothing is forecast
        frame, series = frame.filter(nw.new_series("kept", kept, backend=frame.implementation)), series[series >= 0]
    starts = xp.asarray(grid.numbers(as_numbers(fitted.starts[columns.time].to_arrow()), xp))
    since = grid.numbers(tools.array(frame, columns.time).astype(xp.int64), xp) - starts[series]
    _require_once(
        xp, frame, columns, stage, (series, since), since % grid.step != 0, f"whole steps of {grid.text} after the series' first row"
    )
    return frame, series, since // grid.step - xp.asarray(fitted.ends)[series]


def _require_once(xp: Any, frame: Any, columns: Any, stage: str, at: tuple[Any, Any], odd: Any, expected: str) -> None:
    """Raise StageError for rows between two steps, and for two rows of a step."""
    order = xp.lexsort(xp.stack([at[1], at[0]]))
    twice = xp.zeros(len(order), dtype=bool)
    twice[1:] = (at[0][order][1:] == at[0][order][:-1]) & (at[1][order][1:] == at[1][order][:-1])
    for wrong, wanted in ((xp.flatnonzero(odd), expected), (order[twice], "one row for each series and time")):
        if len(wrong):
            row = int(wrong[0])
            names = [*columns.by, columns.time]
            told = ", ".join(f"{name}={value}" for name, value in zip(names, frame.select(names)[row : row + 1].rows()[0], strict=True))
            msg = f"{stage} expects {wanted}, got {len(wrong)} other rows, at {told} for one. Mend those rows."
            raise StageError(msg)


def future_values(tools: Tools, given: nw.DataFrame[Any], fitted: Any, horizon: int) -> tuple[Any, Callable[[int, int], str]]:
    """Return the exogenous columns [n_series, horizon, n_columns] of the next steps, NaN where there is none, and what tells a place."""
    xp, columns = tools.xp, fitted.columns
    frame, series, steps = later_rows(tools, given, fitted, "Forecast's future")
    made = xp.full((len(fitted.starts), horizon, len(columns.exogenous)), xp.nan)
    inside = (steps >= 1) & (steps <= horizon)
    for place, name in enumerate(columns.exogenous):
        made[series[inside], steps[inside] - 1, place] = column_of(tools, frame, name)[inside]

    def where(series: int, step: int) -> str:
        """Return the key and the time of a step of a series."""
        return str(fitted.place(series, int(fitted.ends[series]) + step + 1))

    return xp.where(xp.isfinite(made), made, xp.nan), where
