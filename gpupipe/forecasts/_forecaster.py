"""What every forecaster has: parameters as scikit-learn wants them, checks of what comes in, a status for each series, a table of bands.

A series that cannot be fitted gets a status and a reason; it never stops a batch, nor changes what its neighbours get.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

from gpupipe.core.errors import StageError, UsageError, listing, nearest
from gpupipe.forecasts._arrays import quantile_of_normal
from gpupipe.forecasts._batch import Batch, aligned, checked_regressors

OK, NOT_CONVERGED, FALLBACK, CONSTANT_OR_SHORT, INVALID = range(5)
STATUSES = ("ok", "not converged", "fallback used", "constant or too short", "invalid input")


class ForecastWarning(UserWarning):
    """Some series of a batch could not be fitted as asked."""


@dataclass(frozen=True)
class Forecast:
    """Forecasts of a batch.

    Parameters
    ----------
    mean
        [n_series, horizon].
    lower, upper
        The ends of the interval of each level, [n_series, horizon].
    status
        [n_series] see `STATUSES`.
    """

    mean: Any
    lower: Mapping[float, Any]
    upper: Mapping[float, Any]
    status: Any

    @property
    def level(self) -> tuple[float, ...]:
        """The levels, in per cent."""
        return tuple(self.lower)


@dataclass
class Statuses:
    """The status of each series and why, in the order of the input."""

    codes: Any
    reasons: list[str]

    @classmethod
    def of(cls, n_series: int) -> Statuses:
        """Return statuses that are all ok."""
        return cls(np.zeros(n_series, dtype=np.int8), [""] * n_series)

    def put(self, places: Any, code: int, reason: str) -> None:
        """Give some series a status, unless they have a worse one."""
        for place in np.atleast_1d(places):
            if self.codes[place] < code:
                self.codes[place], self.reasons[place] = code, reason

    def sentence(self) -> str:
        """Return what is counted, or nothing where all is well."""
        counted = [f"{int((self.codes == code).sum())} {STATUSES[code]}" for code in range(1, 5) if (self.codes == code).any()]
        first = next((place for place, code in enumerate(self.codes) if code), None)
        if first is None:
            return ""
        return f"Of {len(self.codes)} series: {', '.join(counted)}. The first is number {first}: {self.reasons[first]}."


@dataclass(eq=False)
class Estimator:
    """Parameters that can be asked for, set and copied, as scikit-learn's ``clone`` does."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.init}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, and return the estimator."""
        for name, value in params.items():
            if name not in (known := list(self.get_params())):
                msg = f"{type(self).__name__} has no parameter {name!r}.{nearest(name, known)} It has {listing(known)}."
                raise UsageError(msg)
            setattr(self, name, value)
        return self


@dataclass(eq=False)
class Forecaster(Estimator, ABC):
    """The part of a forecaster that does not depend on the method.

    Parameters
    ----------
    errors
        What happens when a series has a status: ``warn`` once with counts, ``raise``, or ``ignore``.
    """

    errors: str = field(default="warn", kw_only=True)

    def fit(self, Y: Any, X: Any = None) -> Self:
        """Fit every series, and return the estimator.

        Parameters
        ----------
        Y
            [n_series, n_times]; NaN is missing. A series begins with its first value and ends with its last one.
        X
            Exogenous columns, [n_times, n_columns] or [n_series, n_times, n_columns]; most methods take none.

        Raises
        ------
        UsageError
            The arrays or the parameters are wrong.
        StageError
            A series has a status, and ``errors="raise"``.
        """
        self._check_parameters()
        self._one_of("errors", ("warn", "raise", "ignore"))
        if X is not None and not self._takes_regressors:
            msg = f"{type(self).__name__} takes no exogenous columns. Leave X out, or use ARIMA."
            raise UsageError(msg)
        batch, bad = aligned(Y, X)
        statuses = Statuses.of(batch.n_series)
        statuses.put(np.flatnonzero(bad), INVALID, "it holds an infinite value, or none at all")
        self._take(batch, statuses, np.shape(Y)[-1])
        self._finish()
        return self

    def forecast(self, horizon: int, X: Any = None, level: Sequence[float] = ()) -> Forecast:
        """Return forecasts of the next steps after each series' own last value.

        Parameters
        ----------
        horizon
            How many steps.
        X
            The exogenous columns of these steps, where the fit had some.
        level
            Intervals in per cent, as ``(80, 95)``.

        Raises
        ------
        UsageError
            Nothing was fitted, the horizon is no whole number from 1 on, a level is not between 0 and 100, or future values are missing.
        """
        horizon, levels = self._checked_call(horizon, level)
        future = self._checked_future(X, horizon)
        with np.errstate(all="ignore"):  # a giant may leave the range of floats, which is an answer
            mean = self._mean(horizon, future)
            bands = self._bands(mean, horizon, future, levels) if levels else {}
        lower, upper = ({one: pair[place] for one, pair in bands.items()} for place in (0, 1))
        return Forecast(mean, lower, upper, self.status_)

    _takes_regressors = False
    _learns_together = False  # whether what it says of a series depends on the others

    @property
    def _xp(self) -> Any:
        return self._batch.xp

    @abstractmethod
    def _check_parameters(self) -> None:
        """Raise where a parameter is wrong."""

    @abstractmethod
    def _fit(self, batch: Batch) -> None:
        """Fit the batch and set the attributes."""

    @abstractmethod
    def _mean(self, horizon: int, future: Any) -> Any:
        """Return the point forecasts [n_series, horizon]."""

    @abstractmethod
    def _deviation(self, horizon: int) -> Any:
        """Return the standard deviation of the forecasts' errors [n_series, horizon]."""

    def _bands(self, mean: Any, horizon: int, future: Any, levels: Sequence[float]) -> dict[float, tuple[Any, Any]]:
        """Return the ends of the interval of each level; of normal errors, unless a method has others."""
        deviation = self._deviation(horizon)
        made = {}
        for one in levels:
            reach = quantile_of_normal(0.5 + one / 200)
            made[one] = (mean - reach * deviation, mean + reach * deviation)
        return made

    def _take(self, batch: Batch, statuses: Statuses, n_times: int) -> None:
        """Fit an aligned batch whose series have these statuses already."""
        self.n_series_, self.n_times_ = batch.n_series, n_times
        self._batch = batch
        self._statuses = Statuses(statuses.codes.copy(), list(statuses.reasons))
        observed, self.fitted_ = (self._full((self.n_series_, self.n_times_)) for _ in range(2))
        self._fit(batch)
        self._put_rows(observed, batch, batch.xp.where(batch.seen, batch.values, batch.xp.nan))
        with np.errstate(over="ignore"):  # of giants
            self.residuals_ = observed - self.fitted_

    def _finish(self) -> None:
        self.status_, self.reasons_ = self._xp.asarray(self._statuses.codes), self._statuses.reasons
        sentence = self._statuses.sentence()
        if sentence and self.errors == "raise":
            msg = f"{sentence} Leave these series out, or take errors='warn'."
            raise StageError(msg)
        if sentence and self.errors == "warn":
            warnings.warn(sentence, ForecastWarning, stacklevel=3)

    def _checked_call(self, horizon: Any, level: Any) -> tuple[int, tuple[float, ...]]:
        if not hasattr(self, "status_"):
            msg = f"This {type(self).__name__} has not been fitted. Call fit(Y) first."
            raise UsageError(msg)
        return whole_number(horizon, "horizon", 1), checked_levels(level)

    def _checked_future(self, given: Any, horizon: int) -> Any:
        table = self._batch.regressors
        if table is None:
            if given is not None:
                msg = "The fit had no exogenous columns, so the forecast takes none. Leave X out, or fit with X."
                raise UsageError(msg)
            return None
        n_columns = table.shape[-1]
        if given is None:
            msg = f"The fit had {n_columns} exogenous columns; their next {horizon} values are needed as X to forecast."
            raise UsageError(msg)
        future = checked_regressors(given, self.n_series_, horizon, "X", self._xp)
        if future.shape[-1] != n_columns:
            msg = f"X must have the {n_columns} columns of the fit, got {future.shape[-1]}."
            raise UsageError(msg)
        if not bool(self._xp.isfinite(future).all()):
            msg = "X holds missing or infinite future values. Every one of them is needed: fill them in first."
            raise UsageError(msg)
        return future

    def _one_of(self, name: str, allowed: Sequence[Any]) -> None:
        if (value := getattr(self, name)) not in allowed:
            hint = nearest(value, [one for one in allowed if one is not None]) if isinstance(value, str) else ""
            msg = f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}.{hint}"
            raise UsageError(msg)

    def _full(self, shape: tuple[int, ...], value: float = float("nan")) -> Any:
        return self._xp.full(shape, value)

    def _put_rows(self, target: Any, part: Batch, rows: Any) -> None:
        """Write rows [n_times, n] of a part of the batch to where its series stand in the input [n_series, n_times]."""
        xp = part.xp
        steps = part.starts[None, :] + np.arange(len(rows))[:, None]
        inside = np.arange(len(rows))[:, None] < part.lengths[None, :]
        which = np.broadcast_to(part.order[None, :], inside.shape)[inside]
        target[xp.asarray(which), xp.asarray(steps[inside])] = rows[xp.asarray(inside)]


def checked_levels(given: Any) -> tuple[float, ...]:
    """Return levels in per cent, or say which one is none."""
    levels = (given,) if isinstance(given, int | float | str) else tuple(given)
    for one in levels:
        if isinstance(one, bool) or not isinstance(one, int | float | np.number) or not 0 < one < 100:
            msg = f"A level is a number between 0 and 100, in per cent, got {one!r}. Write 95 for the interval that holds 95 of 100."
            raise UsageError(msg)
    return levels


def whole_number(given: Any, name: str, least: int) -> int:
    """Return a whole number from `least` on, or say what came instead."""
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < least:
        msg = f"{name} must be a whole number from {least} on, got {given!r}."
        raise UsageError(msg)
    return int(given)
