"""Forecasts of the past: what forecasters would have said, and what came."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.errors import StageError, UsageError, listing
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.forecasts import Forecast, SeasonalNaive, naive_error
from gpupipe.forecasts._arrays import to_host
from gpupipe.forecasts._forecaster import Forecaster, whole_number
from gpupipe.stages.forecasts._by_series import BacktestBySeries
from gpupipe.stages.forecasts._estimators import checked, fitted_to, fitted_to_nothing, naive_of, season_of, told_of_all
from gpupipe.stages.forecasts._grid import said
from gpupipe.stages.forecasts._scores import Scored, Told, scored_fields
from gpupipe.stages.forecasts._series import Columns, Series, read_series
from gpupipe.stages.forecasts._tables import levels_of


@dataclass(frozen=True, init=False)
class Backtest(TaskStage):
    """Gives a row for each series, window, method and step: the forecast, its intervals, what came, and the errors.

    The last window ends with each series' last value, and those before it are `every` steps earlier. A method is fitted anew to what
    came before each window. The seasonal naive is always among the methods. Columns: the key, the time, ``window`` (1 is the earliest),
    ``method``, ``step``, ``actual``, ``forecast``, ``lower_80`` ..., ``error`` (what came less the forecast), ``scaled_error`` (its size
    by the mean error of the seasonal naive within what came before; its mean is MASE), ``smape`` (of the step), ``status``. A step
    without a value has no row. `EvaluateForecast` makes accuracies of them.

    Parameters
    ----------
    estimators
        One forecaster, several, or several by name.
    horizon
        Steps of a window.
    windows
        How many windows.
    every
        Steps from one window to the next; the horizon unless said.
    level
        Intervals, in per cent.
    season_length
        Steps in a cycle of the seasonal naive; the longest season of the forecasters unless said.
    by, time, target, exogenous, step
        See `Forecast`. Exogenous columns are given to the forecasters that take some, with what they came to within the window.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe.forecasts import Mean
    >>> rows = pl.DataFrame({"day": [1, 2, 3, 4], "sales": [5.0, 1.0, 6.0, 2.0]})
    >>> made = Backtest(Mean(), horizon=1, windows=2, season_length=2, level=(), time="day", target="sales").apply(rows)
    >>> made.select("day", "window", "method", "forecast", "actual").rows()
    [(3, 1, 'Mean', 3.0, 6.0), (3, 1, 'SeasonalNaive', 5.0, 6.0), (4, 2, 'Mean', 4.0, 2.0), (4, 2, 'SeasonalNaive', 1.0, 2.0)]
    """

    estimators: tuple[tuple[str, Forecaster], ...]
    horizon: int
    windows: int
    every: int
    level: tuple[float, ...]
    season_length: int
    by: tuple[str, ...]
    time: str
    target: str
    exogenous: tuple[str, ...]
    step: str | int | None

    def __init__(
        self,
        estimators: Forecaster | Sequence[Forecaster] | Mapping[str, Forecaster],
        horizon: int,
        windows: int = 1,
        *,
        every: int | None = None,
        level: float | Sequence[float] = (80, 95),
        season_length: int | None = None,
        time: str,
        target: str,
        by: str | Sequence[str] | None = None,
        exogenous: str | Sequence[str] | None = None,
        step: str | int | None = None,
    ) -> None:
        columns = Columns.of("Backtest", by, time, target, exogenous)
        said(step)
        named = _named(estimators)
        season = season_of(*named.values()) if season_length is None else whole_number(season_length, "season_length", 1)
        if not any(isinstance(one, SeasonalNaive) and one.season_length == season for one in named.values()):
            if "SeasonalNaive" in named:
                msg = (
                    f"'SeasonalNaive' is the name of the forecast with a season of {season}, which every backtest has. Choose another name."
                )
                raise UsageError(msg)
            named["SeasonalNaive"] = naive_of(season)
        horizon = whole_number(horizon, "horizon", 1)
        settle(self, estimators=tuple(named.items()), horizon=horizon, windows=whole_number(windows, "windows", 1))
        settle(self, every=horizon if every is None else whole_number(every, "every", 1), level=levels_of(level), season_length=season)
        settle(self, by=columns.by, time=time, target=target, exogenous=columns.exogenous, step=step)

    @property
    def of(self) -> Columns:
        """Which columns are what."""
        return Columns(self.by, self.time, self.target, self.exogenous)

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the columns of the key, the time, the target and what explains it."""
        return [self.of.names]

    def plan(self, *specs: Any) -> Schema:
        """Return the columns.

        Raise PlanError for columns that are not there or of a wrong dtype; UsageError for wrong parameters of a forecaster.
        """
        self.of.check(specs[0], "Backtest")
        said(self.step, specs[0][self.time].dtype)
        for _, estimator in self.estimators:
            fitted_to_nothing(estimator, 0)
        return self._columns_made(specs[0])

    def _columns_made(self, given: Schema) -> Schema:
        """Return the columns, whose key and time are those of a table or of its series alone."""
        made = scored_fields(self.level)
        return Schema((*self.of.labels(given, "Backtest", list(made)), *made.items()))

    def by_blocks(self, *schemas: Schema) -> BacktestBySeries | None:
        """Return the way by blocks of whole series; None where there is one series."""
        told_once = all(told_of_all(one) for _, one in self.estimators)
        return BacktestBySeries(self.by, self, schemas[0]) if self.by and told_once else None

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the forecasts and the errors."""
        series = read_series(tools, inputs[0], self.of, self.step, "Backtest")
        self.require_long(int(self.ends_of(series).max()))
        made, told = self.scored(tools, series)
        told.note(tools, series.grid)
        return made

    @property
    def _needed(self) -> int:
        """Steps that all windows take."""
        return self.horizon + (self.windows - 1) * self.every

    def ends_of(self, series: Series) -> Any:
        """Return [n_series] on the host: how many steps there are up to each series' last value."""
        seen = ~np.isnan(to_host(series.values))
        return np.where(seen.any(axis=1), seen.shape[1] - np.argmax(seen[:, ::-1], axis=1), 0)

    def require_long(self, longest: int) -> None:
        """Raise StageError where the longest series has no step before the first window."""
        if longest <= self._needed:
            msg = (
                f"Backtest of {self.windows} windows of {self.horizon} steps needs more than {self._needed} steps, and the longest series "
                f"has {longest}. Take fewer or shorter windows."
            )
            raise StageError(msg)

    def scored(self, tools: Tools, series: Series) -> tuple[nw.DataFrame[Any], Told]:
        """Return the forecasts and the errors of some series, and what is told of them."""
        ends = self.ends_of(series)
        made = Scored(series.starts, series.grid, self.level)
        statuses: Counter[tuple[str, int]] = Counter()
        seconds = dict.fromkeys((name for name, _ in self.estimators), 0.0)
        for number in range(self.windows):
            origins = ends - self.horizon - (self.windows - 1 - number) * self.every
            fits = self._window(tools, series, made, number + 1, origins)
            for done, (method, codes, spent) in enumerate(fits, number * len(self.estimators) + 1):
                statuses.update((method, int(code)) for code in codes)
                seconds[method] += spent
                if tools.progress is not None:
                    tools.progress(done, self.windows * len(self.estimators), {})
        labels = series.starts.schema
        table = made.table(tools, self._columns_made(Schema.of_names(dict(labels.items()))))
        return table, Told(len(ends), int((ends <= self._needed).sum()), statuses, seconds)

    def _window(self, tools: Tools, series: Series, made: Scored, number: int, origins: Any) -> Iterator[tuple[str, Any, float]]:
        """Take the forecasts of one window; yield the statuses and the seconds of each method."""
        xp = tools.xp
        keys, n_steps = series.starts.select(list(self.by)), series.values.shape[1]
        early = origins < 1  # too short for this window: nothing to be fitted to, and nothing to be compared
        before = xp.asarray(np.arange(n_steps)[None, :] < origins[:, None])
        history = xp.where(before, series.values, xp.nan)
        regressors = None if series.regressors is None else xp.where(before[:, :, None], series.regressors, 0.0)
        seen = ~np.isnan(to_host(history))
        last = np.where(seen.any(axis=1), n_steps - 1 - np.argmax(seen[:, ::-1], axis=1), origins - 1)
        late = np.where(early, 0, origins - 1 - last)  # steps without a value just before the window: forecasts begin with them
        ahead = np.minimum(np.where(early, 0, last + 1)[:, None] + np.arange(self.horizon + int(late.max())), n_steps - 1)
        rows, shown = np.arange(len(origins))[:, None], late[:, None] + np.arange(self.horizon)
        actual = np.where(early[:, None], np.nan, to_host(series.values)[rows, ahead[rows, shown]])
        future = None if series.regressors is None else series.regressors[xp.asarray(rows), xp.asarray(ahead)]
        scale = naive_error(history, self.season_length)
        for method, estimator in self.estimators:
            started = time.perf_counter()
            given = (regressors, future) if estimator._takes_regressors else (None, None)
            fitted = fitted_to(estimator, history, given[0], lambda place: keys[place : place + 1].rows()[0])
            ahead_of = fitted.forecast(ahead.shape[1], None if given[1] is None else xp.nan_to_num(given[1]), self.level)
            made.add(number, method, _shifted(ahead_of, shown, given[1]), actual, origins - 1, scale)
            yield method, to_host(fitted.status_)[~early], time.perf_counter() - started


def _shifted(made: Forecast, shown: Any, future: Any) -> Forecast:
    """Return the steps of a forecast [n_series, horizon] that are shown; one whose exogenous columns are not known is missing."""
    missing = False if future is None else np.isnan(to_host(future)).any(axis=2)

    def shift(values: Any) -> Any:
        return np.take_along_axis(np.where(missing, np.nan, to_host(values)), shown, axis=1)

    lower, upper = ({level: shift(values) for level, values in side.items()} for side in (made.lower, made.upper))
    return Forecast(shift(made.mean), lower, upper, made.status)


def _named(estimators: Any) -> dict[str, Forecaster]:
    """Return forecasters by name; those without one are called by their class."""
    if isinstance(estimators, Mapping):
        named = [(str(name), checked(one, "Backtest")) for name, one in estimators.items()]
    else:
        several = [estimators] if isinstance(estimators, Forecaster | type) else list(estimators)
        named = [(type(one).__name__, checked(one, "Backtest")) for one in several]
    names = [name for name, _ in named]
    if not names or len(set(names)) < len(names):
        got = listing(names) or "none"
        msg = f"Backtest expects forecasters of different names, got {got}. Name them: {{'week': Theta(7), 'year': Theta(365)}}."
        raise UsageError(msg)
    return dict(named)
