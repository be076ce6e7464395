"""Forecasts beside what came: a row for each series, window, method and step, with the errors that accuracies are means of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.schema import Field, Schema
from gpupipe.core.tools import Tools
from gpupipe.forecasts import STATUSES, Forecast
from gpupipe.forecasts._arrays import to_host
from gpupipe.stages.forecasts._grid import Grid
from gpupipe.stages.forecasts._tables import band_names, ordered, rows_of, status_words, words

ERRORS = ("error", "scaled_error", "smape")


def scored_fields(levels: Sequence[float]) -> dict[str, Field]:
    """Return the columns beside the key and the time."""
    number, whole = Field(nw.Float64()), Field(nw.Int64(), nullable=False)
    text = Field(nw.String(), nullable=False)
    measured = Field(nw.Float64(), nullable=False)
    forecasts = dict.fromkeys(("forecast", *band_names(levels), *ERRORS), number)
    return {"window": whole, "method": text, "step": whole, "actual": measured, **forecasts, "status": text}


@dataclass(frozen=True)
class Told:
    """What the report is told of backtests of some series; of others it adds up.

    Parameters
    ----------
    statuses
        How often a method had which status.
    seconds
        What each method took.
    """

    n_series: int
    n_short: int
    statuses: Counter[tuple[str, int]]
    seconds: Mapping[str, float]

    def __add__(self, other: Told) -> Told:
        seconds = {method: spent + other.seconds[method] for method, spent in self.seconds.items()}
        return Told(self.n_series + other.n_series, self.n_short + other.n_short, self.statuses + other.statuses, seconds)

    def note(self, tools: Tools, grid: Grid) -> None:
        """Tell it."""
        tools.note(series=self.n_series, step=grid.text, **{"too short": self.n_short})
        tools.note(**{f"seconds of {method}": round(spent, 3) for method, spent in self.seconds.items()})
        tools.note(**{f"{method}: {STATUSES[code]}": count for (method, code), count in sorted(self.statuses.items()) if code})


@dataclass
class Scored:
    """Collects forecasts beside what came.

    Parameters
    ----------
    starts, grid
        See `Series`.
    """

    starts: Any
    grid: Grid
    levels: tuple[float, ...]
    parts: dict[str, list[Any]] = field(default_factory=dict)
    methods: dict[str, int] = field(default_factory=dict)

    def add(self, window: int, method: str, made: Forecast, actual: Any, origins: Any, scale: Any) -> None:
        """Take a method's forecasts [n_series, horizon] of steps of which some came.

        Parameters
        ----------
        actual
            NaN where nothing came.
        origins
            [n_series] the step before the first one that is forecast.
        scale
            [n_series] what `scaled_error` counts in.
        """
        actual, mean, scale = to_host(actual), to_host(made.mean), to_host(scale)
        series, ahead = np.nonzero(~np.isnan(actual))
        came, said = actual[series, ahead], mean[series, ahead]
        with np.errstate(all="ignore"):  # of giants
            error = came - said
            size = np.abs(came) + np.abs(said)
            smape = 200 * np.abs(error) / np.where(size == 0, np.nan, size)
            scaled = np.abs(error) / scale[series]
        bands: dict[str, Any] = {}
        for level in self.levels:
            lower, upper = band_names([level])
            bands |= {lower: to_host(made.lower[level])[series, ahead], upper: to_host(made.upper[level])[series, ahead]}
        columns = {
            "series": series,
            "at": origins[series] + 1 + ahead,
            "window": np.full(len(series), window),
            "step": ahead + 1,
            "method": np.full(len(series), self.methods.setdefault(method, len(self.methods))),
            "status": to_host(made.status)[series],
            "actual": came,
            "forecast": said,
            **bands,
            **dict(zip(ERRORS, (error, scaled, smape), strict=True)),
        }
        for name, values in columns.items():
            self.parts.setdefault(name, []).append(values)

    def table(self, tools: Tools, schema: Schema) -> nw.DataFrame[Any]:
        """Return all rows."""
        columns = {name: np.concatenate(parts) for name, parts in self.parts.items()}
        at = (columns.pop("series"), columns.pop("at"))
        texts = {"method": words(list(self.methods), columns.pop("method")), "status": status_words(columns.pop("status"))}
        return ordered(schema, rows_of(tools, self.starts, self.grid, at, columns, texts))
