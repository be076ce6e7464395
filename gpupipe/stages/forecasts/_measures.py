"""Accuracies of rows of forecasts: of each series and window first, so that long ones count no more than short ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.arrow import plain_table
from gpupipe.core.present import as_text
from gpupipe.core.tools import Tools
from gpupipe.forecasts import STATUSES
from gpupipe.forecasts._arrays import to_host
from gpupipe.stages.forecasts._cards import name_of, picked
from gpupipe.stages.forecasts._scores import ERRORS
from gpupipe.stages.forecasts._series import column_of

METRICS = ("mase", "smape", "rmse", "mae", "coverage", "pinball")
KNOWN = ("window", "method", "step", "actual", "forecast", *ERRORS, "status")
NAIVE = "SeasonalNaive"


def bands_in(names: Iterable[str]) -> tuple[float, ...]:
    """Return the levels of whose intervals a table has both ends.

    Examples
    --------
    >>> bands_in(["lower_80", "upper_80", "lower_x", "lower_95"])
    (80.0,)
    """
    known = set(names)
    ends = [name.removeprefix("lower_") for name in names if name.startswith("lower_") and f"upper_{name.removeprefix('lower_')}" in known]
    return tuple(float(end) for end in ends if end.replace(".", "", 1).isdigit())


def key_columns(schema: Mapping[str, Any]) -> list[str]:
    """Return the columns of a series' key: those before the time, which is the last one that is none of the forecasts' own."""
    bands = {f"{end}_{level:g}" for level in bands_in(schema) for end in ("lower", "upper")}
    return [name for name in schema if name not in KNOWN and name not in bands][:-1]


def ranking(names: Sequence[str]) -> int:
    """Return the place of the metric by which methods are ranked: the first one of which less is better.

    Examples
    --------
    >>> ranking(["coverage_80", "mae"]), ranking(["coverage_80"])
    (1, 0)
    """
    return next((place for place, name in enumerate(names) if not name.startswith("coverage_")), 0)


def metric_columns(metrics: Sequence[str], levels: Sequence[float]) -> tuple[str, ...]:
    """Return the names of metrics' columns.

    Examples
    --------
    >>> metric_columns(["mae", "coverage", "pinball"], [80.0, 95.0]), metric_columns(["mae", "coverage"], [])
    (('mae', 'coverage_80', 'coverage_95', 'pinball'), ('mae',))
    """
    made = []
    for name in metrics:
        if name == "coverage":
            made += [f"coverage_{level:g}" for level in levels]
        elif name != "pinball" or levels:
            made.append(name)
    return tuple(made)


@dataclass(frozen=True)
class ForecastRows:
    """Rows of forecasts as arrays on the host.

    Parameters
    ----------
    method, series, step
        [n_rows] numbers, of which `methods`, `series` and `steps` say what they are of.
    window
        [n_rows] 0 is the first.
    columns
        [n_rows] arrays by name.
    """

    method: Any
    at_series: Any
    step: Any
    window: Any
    status: Any
    columns: Mapping[str, Any]
    methods: tuple[str, ...]
    keys: tuple[str, ...]
    series: Any
    steps: Any
    levels: tuple[float, ...]

    @classmethod
    def of(cls, tools: Tools, frame: nw.DataFrame[Any]) -> ForecastRows:
        """Return a table's rows."""
        keys, levels = key_columns(dict(frame.schema.items())), bands_in(frame.columns)
        frame = as_text(frame, keys)
        methods, statuses = (tools.coded((frame, [name])) for name in ("method", "status"))
        places, series = np.zeros(len(frame), dtype=np.int64), tools.adopted(pa.table({"series": pa.array([0])}))
        if keys:
            codes = tools.coded((frame, keys))
            places, series = to_host(codes.numbers[0]), codes.keys
        steps, at_step = np.unique(to_host(tools.array(frame, "step")), return_inverse=True)
        _, window = np.unique(to_host(tools.array(frame, "window")), return_inverse=True)
        bands = [f"{end}_{level:g}" for level in levels for end in ("lower", "upper")]
        columns = {name: to_host(column_of(tools, frame, name)) for name in ("actual", "forecast", *ERRORS, *bands)}
        words = plain_table(statuses.keys.to_arrow())["status"].to_pylist()
        status = np.array([STATUSES.index(word) if word in STATUSES else 0 for word in words])[to_host(statuses.numbers[0])]
        named = tuple(plain_table(methods.keys.to_arrow())["method"].to_pylist())
        return cls(
            to_host(methods.numbers[0]),
            places,
            at_step,
            window,
            status,
            columns,
            named,
            tuple(keys),
            series,
            steps.astype(np.int64),
            levels,
        )

    def statuses(self) -> Any:
        """Return how many series have each status [n_methods, n_statuses], in the last window."""
        made = np.zeros((len(self.methods), len(STATUSES)), dtype=np.int64)
        last = self.window == self.window.max()
        for method, _, status in np.unique(np.stack([self.method[last], self.at_series[last], self.status[last]], axis=1), axis=0):
            made[method, status] += 1
        return made


class Measures:
    """Works out metrics of rows."""

    def __init__(self, rows: ForecastRows, names: tuple[str, ...]) -> None:
        self.rows, self.names = rows, names
        self.shape = (len(rows.methods), len(rows.series), int(rows.window.max()) + 1)
        self.groups = np.ravel_multi_index((rows.method, rows.at_series, rows.window), self.shape)
        self.terms = {name: self._terms(name) for name in names}
        self.of_groups = np.stack([self._means(name, self.groups, self.shape) for name in names], axis=-1)

    def _terms(self, name: str) -> Any:
        """Return what a metric is the mean of; of ``rmse``, the root of the mean."""
        columns = self.rows.columns
        error = columns["actual"] - columns["forecast"]
        if name in ("mae", "rmse"):
            return np.abs(error) if name == "mae" else error * error
        if name in ("mase", "smape"):
            return columns["scaled_error" if name == "mase" else "smape"]
        if name.startswith("coverage_"):
            ending = name.removeprefix("coverage_")
            low, high = columns[f"lower_{ending}"], columns[f"upper_{ending}"]
            inside = (columns["actual"] >= low) & (columns["actual"] <= high)
            return np.where(np.isnan(low) | np.isnan(high), np.nan, inside)
        losses = []
        for level in self.rows.levels:
            for end, share in (("lower", 0.5 - level / 200), ("upper", 0.5 + level / 200)):
                beyond = columns["actual"] - columns[f"{end}_{level:g}"]
                losses.append(np.maximum(share * beyond, (share - 1) * beyond))
        return np.mean(losses, axis=0)

    def _means(self, name: str, groups: Any, shape: tuple[int, ...]) -> Any:
        """Return the metric of each group of rows; NaN where there is nothing to be compared."""
        terms = self.terms[name]
        known = ~np.isnan(terms)
        size = int(np.prod(shape))
        count = np.bincount(groups[known], minlength=size)
        summed = np.bincount(groups[known], weights=terms[known], minlength=size)
        mean = np.where(count > 0, summed / np.maximum(count, 1), np.nan)
        return (np.sqrt(mean) if name == "rmse" else mean).reshape(shape)

    def by_series(self) -> Any:
        """Return [n_methods, n_series, n_metrics], the means over windows."""
        return _mean(self.of_groups, axis=2)

    def by_method(self) -> Any:
        """Return [n_methods, n_metrics], the means over series and windows."""
        return _mean(self.of_groups.reshape(self.shape[0], -1, len(self.names)), axis=1)

    def by_step(self) -> Any:
        """Return [n_methods, n_steps, n_metrics], the means over the rows of a step."""
        shape = (self.shape[0], len(self.rows.steps))
        groups = np.ravel_multi_index((self.rows.method, self.rows.step), shape)
        return np.stack([self._means(name, groups, shape) for name in self.names], axis=-1)

    def n_series(self) -> Any:
        """Return [n_methods] of how many series there is a forecast."""
        known = ~np.isnan(self.rows.columns["forecast"])
        pairs = np.unique(np.stack([self.rows.method[known], self.rows.at_series[known]], axis=1), axis=0)
        return np.bincount(pairs[:, 0], minlength=self.shape[0])

    def pictures(self) -> tuple[Any, tuple[str, ...]]:
        """Return the last windows of the best, the median and the worst series of the best method, and what they are; see `Evaluation`."""
        rows, n_steps = self.rows, len(self.rows.steps)
        metric = ranking(self.names)
        ranked = self.by_method()[:, metric]
        others = [place for place, name in enumerate(rows.methods) if name != NAIVE and np.isfinite(ranked[place])]
        if not others:
            return np.zeros((0, 5, n_steps)), ()
        best = min(others, key=lambda place: ranked[place])
        pictures, titles = [], []
        for word, series in picked(self.by_series()[best, :, metric]):
            chosen = (rows.method == best) & (rows.at_series == series)
            chosen &= rows.window == rows.window[chosen].max()
            made = np.full((5, n_steps), np.nan)
            made[0] = rows.steps
            level = min(rows.levels, default=None)
            ends = [] if level is None else [f"lower_{level:g}", f"upper_{level:g}"]
            for place, name in enumerate(("actual", "forecast", *ends)):
                made[place + 1, rows.step[chosen]] = rows.columns[name][chosen]
            pictures.append(made)
            told = name_of(rows.series, series, rows.keys)
            titles.append(f"{word} of {rows.methods[best]}: {told}")
        return np.stack(pictures), tuple(titles)


def _mean(values: Any, axis: int) -> Any:
    """Return the means of what is there; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan)
