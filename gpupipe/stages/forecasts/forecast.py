"""Forecasts of many series of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.answers import answers
from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import ArtefactError, DtypeError
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.forecasts._arrays import to_host
from gpupipe.forecasts._forecaster import Forecaster
from gpupipe.forecasts.kept import from_arrays, to_arrays
from gpupipe.forecasts.together import Part, together
from gpupipe.stages.forecasts._ahead import Ahead
from gpupipe.stages.forecasts._by_series import FitBySeries
from gpupipe.stages.forecasts._cards import cards_of, facts_of
from gpupipe.stages.forecasts._compare import Compare
from gpupipe.stages.forecasts._estimators import checked, fitted_to, fitted_to_nothing, require_fitted, takes, told_of_all
from gpupipe.stages.forecasts._grid import Grid, said
from gpupipe.stages.forecasts._in_sample import InSample
from gpupipe.stages.forecasts._parameters import Parameters
from gpupipe.stages.forecasts._series import Columns, Series, read_series
from gpupipe.stages.forecasts._tables import as_numbers, as_times


@dataclass(frozen=True, eq=False, repr=False)
class FittedForecast(Holding):
    """A forecaster fitted to the series of a table.

    Parameters
    ----------
    starts
        A frame of the key and the time of each series' first row.
    step, unit, ticks
        The grid of time, see `Grid`.
    lengths
        [n_series] the steps up to each series' last row.
    values, regressors
        [n_series, n_steps] and [n_series, n_steps, n_columns].
    state, arrays
        The forecaster, see `gpupipe.forecasts.kept`.
    """

    word: ClassVar[str] = "forecaster"

    target: str
    exogenous: tuple[str, ...]
    starts: Any
    step: int
    unit: str
    ticks: int
    lengths: Any
    values: Any
    regressors: Any
    state: str
    arrays: tuple[Any, ...]

    @cached_property
    def forecaster(self) -> Forecaster:
        """The fitted forecaster."""
        return from_arrays(self.state, self.arrays, self.values, self.regressors)

    @property
    def columns(self) -> Columns:
        """Which columns of the table were what."""
        return Columns(tuple(self.starts.columns[:-1]), self.starts.columns[-1], self.target, self.exogenous)

    @property
    def grid(self) -> Grid:
        """How time goes on."""
        return Grid(self.step, self.unit, self.ticks)

    @cached_property
    def ends(self) -> Any:
        """[n_series] on the host: the step of each series' last value; its last row's where it has no value."""
        seen = ~np.isnan(to_host(self.values))
        return np.where(seen.any(axis=1), seen.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1), to_host(self.lengths) - 1)

    def labels(self, made: Mapping[str, Any]) -> tuple[tuple[str, Field], ...]:
        """Return the fields of key and time in a table that has other columns beside them."""
        return self.columns.labels(Schema.of_names(dict(self.starts.schema.items())), "Forecast", list(made))

    def require_same(self, schema: Schema) -> None:
        """Raise DtypeError unless key and time of another table have the dtypes that they had in the fit."""
        for name, field in self.columns.labels(schema, "Forecast", ()):
            if field.dtype != self.starts.schema[name]:
                msg = f"Forecast was fitted with {self.starts.schema[name]} in {name!r}, got {field.dtype}. Cast it first."
                raise DtypeError(msg)

    def place(self, series: int, step: int) -> str:
        """Return the key and the time of a step of a series, in words."""
        row = plain_table(self.starts[series : series + 1].to_arrow())
        time = as_times(self.grid.times(as_numbers(row[self.columns.time]), np.array([step])), row.schema.types[-1])
        values = [*(row[name][0].as_py() for name in self.columns.by), time[0].as_py()]
        return ", ".join(f"{name}={value}" for name, value in zip(row.column_names, values, strict=True))

    @answers(Table, optional=1)
    def forecast(self, horizon: int, level: float | Sequence[float] = (80, 95)) -> Ahead:
        """Return the forecasts of the next steps."""
        return Ahead(self, horizon, level)  # type: ignore[arg-type]

    @answers()
    def fitted_values(self) -> InSample:
        """Return what was predicted one step ahead."""
        return InSample(self)

    @answers()
    def components(self) -> InSample:
        """Return level, trend and season."""
        return InSample(self, parts=True)

    @answers()
    def parameters(self) -> Parameters:
        """Return a row of parameters for each series."""
        return Parameters(self)

    @answers(Table)
    def errors(self, level: float | Sequence[float] = (80, 95), season_length: int | None = None) -> Compare:
        """Return forecasts of later rows beside what came."""
        return Compare(self, level, season_length)  # type: ignore[arg-type]

    def check(self) -> None:
        """Raise ArtefactError unless the parts fit one another."""
        n, arrays = len(self.starts), (self.lengths, self.values, *self.arrays)
        sound = n > 0 and all(isinstance(array, np.ndarray) for array in arrays)
        sound = sound and self.lengths.shape == (n,) and self.lengths.dtype.kind == "i"
        sound = sound and self.values.ndim == 2 and len(self.values) == n and self.values.dtype.kind == "f"
        sound = sound and self.step > 0 and self.unit in ("own", "months", "month ends") and (self.unit == "own" or self.ticks > 0)
        sound = sound and (self.regressors is None or self.regressors.shape == (*self.values.shape, len(self.exogenous)))
        msg = "Expected series, and a forecaster of as many, got others. Save what was fitted again."
        if not sound or self.forecaster.n_series_ != n:  # which is made here, and looked through
            raise ArtefactError(msg)
        try:
            self.describe()
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:  # parts that do not go together
            raise ArtefactError(msg) from error

    def describe(self) -> Mapping[str, Any]:
        """Return what the series are, how they were fitted, and pictures of some of them."""
        return {"facts": facts_of(self), "cards": self._cards}

    @cached_property
    def _cards(self) -> list[Mapping[str, Any]]:
        """The pictures, drawn once."""
        return cards_of(self)


@dataclass(frozen=True, init=False)
class Forecast(TaskStage):
    """Fits a forecaster to each series of a table; what it fits answers with tables.

    ============================================  ======================================================================
    ``fitted.forecast(horizon=12, level=(80,))``   the steps after each series' last value: ``forecast``, ``lower_80`` ...
    ``fitted.forecast(future, horizon=12)``        the same with exogenous columns, whose next values `future` has
    ``fitted.fitted_values()``                     what was predicted of each step one step before
    ``fitted.components()``                        level, trend and season after each step, of Holt-Winters
    ``fitted.parameters()``                        a row a series: status, reason, parameters
    ``fitted.errors(test)``                        forecasts of later rows beside what came, for `EvaluateForecast`
    ============================================  ======================================================================

    The step of time is found from the rows: one of the column's own numbers, or of months where times stand on one day of the month or on
    each month's last. It is one for all series, and each series counts from its own first row. Steps without a row are missing values.
    A series that cannot be fitted has a status and a reason, and stops nothing; ``errors="raise"`` of the forecaster ends the run.

    Parameters
    ----------
    estimator
        A forecaster of `gpupipe.forecasts`.
    by
        The columns of a series' key; None for a table of one series.
    time
        Whole numbers, dates or datetimes. Those with a time zone are counted in UTC.
    target
        What is forecast; NaN is missing.
    exogenous
        Columns of numbers that explain the target, for ``ARIMA`` and ``AutoARIMA``.
    step
        The step of time, where it is not to be found: a whole number, or a text such as ``"1h"``, ``"1d"``, ``"1w"``, ``"1mo"``.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe.forecasts import SeasonalNaive
    >>> rows = pl.DataFrame({"store": ["a"] * 4, "day": [1, 2, 3, 4], "sales": [5.0, 1.0, 6.0, 2.0]})
    >>> fitted = Forecast(SeasonalNaive(2), by="store", time="day", target="sales").apply(rows)
    >>> fitted.forecast(3, level=()).apply().rows()
    [('a', 5, 1, 6.0, 'ok'), ('a', 6, 2, 2.0, 'ok'), ('a', 7, 3, 6.0, 'ok')]
    """

    gives: ClassVar[type[Node]] = Fitted
    fitted: ClassVar[type] = FittedForecast

    estimator: Forecaster
    by: tuple[str, ...]
    time: str
    target: str
    exogenous: tuple[str, ...]
    step: str | int | None

    def __init__(
        self,
        estimator: Forecaster,
        *,
        time: str,
        target: str,
        by: str | Sequence[str] | None = None,
        exogenous: str | Sequence[str] | None = None,
        step: str | int | None = None,
    ) -> None:
        columns = Columns.of("Forecast", by, time, target, exogenous)
        said(step)
        copy = checked(estimator, "Forecast")
        settle(self, estimator=copy, by=columns.by, time=time, target=target, exogenous=columns.exogenous, step=step)

    @property
    def of(self) -> Columns:
        """Which columns are what."""
        return Columns(self.by, self.time, self.target, self.exogenous)

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the columns of the key, the time, the target and what explains it."""
        return [self.of.names]

    def plan(self, *specs: Any) -> FittedForecast:
        """Return the forecaster fitted to nothing.

        Raise PlanError for columns that are not there or of a wrong dtype, and for exogenous ones that the forecaster does not take.
        """
        self.of.check(specs[0], "Forecast")
        takes(self.estimator, self.exogenous, "Forecast")
        said(self.step, specs[0][self.time].dtype)
        labels = self.of.labels(specs[0], "Forecast", ())
        starts = nw.from_dict({name: [] for name, _ in labels}, {name: field.dtype for name, field in labels}, backend="pyarrow")
        nothing = fitted_to_nothing(self.estimator, len(self.exogenous))
        grid = said(self.step, specs[0][self.time].dtype) or Grid(1, "own", 0)
        regressors = np.zeros((1, 1, len(self.exogenous))) if self.exogenous else None
        return self._kept(nothing, starts, grid, (np.ones(1, np.int64), np.full((1, 1), np.nan), regressors))

    def by_blocks(self, *schemas: Schema) -> FitBySeries | None:
        """Return the way by blocks of whole series; None where there is one series, or the forecaster is told of single ones."""
        return FitBySeries(self.by, self, schemas[0]) if self.by and told_of_all(self.estimator) else None

    def solve(self, tools: Tools, *inputs: Any) -> FittedForecast:
        """Return the fitted forecaster."""
        series = read_series(tools, inputs[0], self.of, self.step, "Forecast")
        tools.note(rows=series.n_rows)
        return self._required(self.fitted_to(series))

    def _required(self, fitted: FittedForecast) -> FittedForecast:
        """Return what was fitted, or raise StageError where a series has a status and none may."""
        if self.estimator.errors == "raise":
            keys = fitted.starts.select(list(self.by))
            require_fitted(self.estimator, fitted.forecaster, lambda place: keys[place : place + 1].rows()[0])
        return fitted

    def fitted_to(self, series: Series) -> FittedForecast:
        """Return the forecaster fitted to series; one that cannot be fitted has a status."""
        asked = type(self.estimator)(**{**self.estimator.get_params(), "errors": "ignore"})
        made = fitted_to(asked, series.values, series.regressors, str)
        return self._kept(made, series.starts, series.grid, (series.lengths, series.values, series.regressors))

    def together(self, tools: Tools, fitted: Sequence[FittedForecast]) -> FittedForecast:
        """Return the forecaster of the series of several, whose `starts` are Arrow tables, in the order of the keys."""
        starts = pa.concat_tables([one.starts for one in fitted])
        ranks = tools.coded((tools.adopted(starts), self.by)).numbers[0]
        cuts = np.cumsum([len(one.lengths) for one in fitted])[:-1]
        places = np.split(ranks.astype(np.int64), cuts)
        n_times = max(one.values.shape[1] for one in fitted)
        lengths, values = np.zeros(len(ranks), np.int64), np.full((len(ranks), n_times), np.nan)
        regressors = np.zeros((*values.shape, len(self.exogenous))) if self.exogenous else None
        for one, of in zip(fitted, places, strict=True):
            lengths[of], values[of, : one.values.shape[1]] = one.lengths, one.values
            if regressors is not None:
                regressors[of, : one.values.shape[1]] = one.regressors
        parts = [Part(one.state, one.arrays, of) for one, of in zip(fitted, places, strict=True)]
        state, arrays = together(parts, n_times)
        kept, sorted_starts = fitted[0], tools.adopted(starts.take(pa.array(np.argsort(ranks))))
        made: dict[str, Any] = {"lengths": lengths, "values": values, "regressors": regressors, "state": state, "arrays": arrays}
        return self._required(replace(kept, starts=sorted_starts, **made))

    def _kept(self, made: Forecaster, starts: Any, grid: Grid, matrices: tuple[Any, Any, Any]) -> FittedForecast:
        """Return what was fitted as it is held; the forecaster itself stands ready beside its arrays."""
        lengths, values, regressors = matrices
        state, arrays = to_arrays(made)
        at = (grid.step, grid.unit, grid.ticks_a_day)
        kept = FittedForecast(self.target, self.exogenous, starts, *at, lengths, values, regressors, state, arrays)
        kept.__dict__["forecaster"] = made
        return kept
