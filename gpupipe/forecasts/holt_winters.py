"""Exponential smoothing: level, trend and season of every series of a batch, fitted by least squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError, listing
from gpupipe.forecasts._arrays import to_host, total
from gpupipe.forecasts._batch import Batch, spread_of
from gpupipe.forecasts._forecaster import CONSTANT_OR_SHORT, FALLBACK, INVALID, NOT_CONVERGED, Forecaster, whole_number
from gpupipe.forecasts._holt_winters_fit import fit_part
from gpupipe.forecasts._paths import quantiles_of_paths
from gpupipe.forecasts._smoothing import Form, States, ahead, smoothed

LEAST = 3  # values; with fewer, the mean is all there is
LEAST_WITH_TREND = 5
MOST_PATHS = 1_000_000
NAMES = ("alpha", "beta_star", "gamma", "phi")


@dataclass(eq=False)
class HoltWinters(Forecaster):
    """Forecasts by exponential smoothing with an additive or damped trend and an additive or multiplicative season.

    After ``fit``: ``params_`` (`alpha`, `beta_star`, `gamma`, `phi`, and the states before the first value: `level`, `trend`, `season`,
    oldest first), the last states ``level_``, ``trend_``, ``season_`` (that of the next step first), ``sse_``, ``sigma_``, ``loglik_``,
    ``aicc_``, ``fitted_``, ``residuals_``, ``status_``, ``reasons_``. `beta_star` is statsmodels' ``smoothing_trend``; R's ``beta`` is
    ``alpha * beta_star``. `gamma` is statsmodels' and R's.

    Parameters
    ----------
    season_length
        Steps in a cycle. The season of a series counts from its own first value.
    trend
        ``"add"`` or None.
    seasonal
        ``"add"``, ``"mul"`` or None; ``"mul"`` needs values above zero.
    damped
        Whether the trend is damped. Without, forecasts far ahead run away.
    initial
        Where the first states come from: ``"heuristic"``, a rule, or ``"estimated"`` with the other parameters.
    unbiased
        Whether the variance is the sum of squares by n less the number of parameters, in place of n.
    n_paths, seed
        Simulated paths behind the intervals of a multiplicative season. All series share their draws, so an interval does not depend on
        the batch.
    parameters
        Parameters and first states, by the names of ``params_``, a number or one per series: nothing is estimated then.

    Notes
    -----
    A series too short for its season is fitted without, then without trend (status 2); of a constant one, or one of fewer than 3 values,
    the mean is forecast (status 3). The source is Hyndman, Koehler, Ord, Snyder, "Forecasting with Exponential Smoothing" (2008).

    Examples
    --------
    >>> import numpy as np
    >>> Y = np.tile([1.0, 2.0, 3.0, 2.0], 6) + np.arange(24.0)
    >>> HoltWinters(4).fit(Y).forecast(4).mean.round(2)
    array([[25., 27., 29., 29.]])
    """

    season_length: int = 1
    trend: str | None = "add"
    seasonal: str | None = "add"
    damped: bool = False
    initial: str = "heuristic"
    unbiased: bool = False
    n_paths: int = 2000
    seed: int = 0
    parameters: Mapping[str, Any] | None = None

    def _check_parameters(self) -> None:
        self._one_of("trend", ("add", None))
        self._one_of("seasonal", ("add", "mul", None))
        self._one_of("initial", ("heuristic", "estimated"))
        whole_number(self.season_length, "season_length", 2 if self.seasonal else 1)
        if whole_number(self.n_paths, "n_paths", 100) > MOST_PATHS:
            msg = f"n_paths must be at most {MOST_PATHS:,}, got {self.n_paths:,}."
            raise UsageError(msg)
        if self.damped and self.trend is None:
            msg = "damped=True needs a trend to be damped. Take trend='add', or damped=False."
            raise UsageError(msg)
        if self.parameters is not None:
            needed = [*self._form().smoothing, "level", *(["trend"] if self.trend else []), *(["season"] if self.seasonal else [])]
            if sorted(needed) != sorted(self.parameters):
                msg = f"parameters must name all of {listing(needed)}, got {listing(self.parameters)}."
                raise UsageError(msg)

    def _form(self) -> Form:
        return Form(bool(self.trend), self.seasonal, self.damped, self.season_length if self.seasonal else 1, self.initial == "estimated")

    def _fit(self, batch: Batch) -> None:
        n_series, seasons = batch.n_series, self.season_length if self.seasonal else 0
        count, scale, constant = spread_of(batch)
        self.n_observed_, self._groups = self._full((n_series,), 0.0), list[tuple[Form, Any, States]]()
        self.params_ = {name: self._full((n_series,)) for name in (*NAMES, "level", "trend")}
        self.params_["season"] = self._full((n_series, seasons))
        self.level_, self.trend_, self.season_ = self._full((n_series,)), self._full((n_series,)), self._full((n_series, seasons))
        self.sse_, self.sigma_, self.loglik_, self.aicc_ = (self._full((n_series,)) for _ in range(4))
        forms = self._forms(batch, to_host(count), to_host(constant))
        scaled = replace(batch, values=batch.values / scale)
        for code, form in enumerate([self._form(), *self._simpler()]):
            for columns in batch.parts(np.flatnonzero(forms == code), form.n_numbers):
                chosen = batch.xp.asarray(columns)
                self._fit_columns(scaled.take(columns), form, scale[chosen], count[chosen], mean_only=code == 3)

    def _simpler(self) -> list[Form]:
        """Return what is fallen back to: no season, no trend either, the mean."""
        level = Form(trend=False, seasonal=None, damped=False, season_length=1, estimated=self.initial == "estimated")
        return [replace(self._form(), seasonal=None, season_length=1), level, level]

    def _forms(self, batch: Batch, count: Any, constant: Any) -> Any:
        """Return which form each series gets, by its place among those of `_fit`; -1 is none."""
        forms = np.zeros(batch.n_series, dtype=np.int64)
        if self.parameters is None:
            forms[(batch.lengths < 2 * self.season_length) & bool(self.seasonal)] = 1
            forms[(count < LEAST_WITH_TREND) & bool(self.trend) & ((forms == 1) | (not self.seasonal))] = 2
            forms[constant | (count < LEAST)] = 3
            self._tell(batch, FALLBACK, forms == 1, "it has fewer than two cycles: fitted without a season")
            self._tell(batch, FALLBACK, forms == 2, f"it has fewer than {LEAST_WITH_TREND} values: fitted with a level alone")
            self._tell(batch, CONSTANT_OR_SHORT, constant, "constant")
            self._tell(batch, CONSTANT_OR_SHORT, forms == 3, f"it has fewer than {LEAST} values: their mean is forecast")
        forms[batch.lengths == 0] = -1
        if self.seasonal == "mul":
            wrong = to_host((batch.seen & (batch.values <= 0)).any(axis=0)) & (forms == 0)
            forms[wrong] = -1
            self._statuses.put(batch.order[wrong], INVALID, "it has values that are not above zero, which a multiplicative season needs")
        return forms

    def _tell(self, batch: Batch, code: int, which: Any, reason: str) -> None:
        self._statuses.put(batch.order[which & (batch.lengths > 0)], code, reason)

    def _fit_columns(self, part: Batch, form: Form, scale: Any, count: Any, *, mean_only: bool) -> None:
        xp = part.xp
        if mean_only:
            states = States({"alpha": xp.zeros(part.n_series)}, total(part.values, xp) / count, xp.zeros(part.n_series), xp.zeros((0, 0)))
            converged = xp.ones(part.n_series, dtype=bool)
        elif self.parameters is not None:
            states, converged = self._given(part, form, scale), xp.ones(part.n_series, dtype=bool)
        else:
            states, converged = fit_part(part, form)
        with np.errstate(all="ignore"):
            predicted, last, _ = smoothed(part, form, states)
            errors = xp.where(part.seen, part.values - predicted, 0.0)
            sse = total(errors * errors, xp)
            if mean_only:  # what is left of a constant is rounding
                sse = xp.where(xp.asarray(self._is_constant(part)), 0.0, sse)
            self._keep(part, form, states, last, (sse, scale, count))
            self._put_rows(self.fitted_, part, predicted * scale)
        reason = "the sum of squares was still falling when the last step was reached; the best parameters are kept"
        self._statuses.put(part.order[~to_host(converged)], NOT_CONVERGED, reason)

    def _is_constant(self, part: Batch) -> Any:
        return np.array([self._statuses.reasons[place] == "constant" for place in part.order])

    def _given(self, part: Batch, form: Form, scale: Any) -> States:
        xp, given = part.xp, self.parameters or {}

        def of(name: str) -> Any:
            return xp.broadcast_to(xp.asarray(given[name], dtype=float), (self.n_series_,))[xp.asarray(part.order)].copy()

        trend = of("trend") / scale if form.trend else xp.zeros(part.n_series)
        season = xp.zeros((form.n_seasons, part.n_series))
        if form.seasonal:
            whole = xp.broadcast_to(xp.asarray(given["season"], dtype=float), (self.n_series_, form.n_seasons))
            season = xp.ascontiguousarray(whole[xp.asarray(part.order)].T) / (1.0 if form.seasonal == "mul" else scale)
        return States({name: of(name) for name in form.smoothing}, of("level") / scale, trend, season)

    def _keep(self, part: Batch, form: Form, first: States, last: States, sums: tuple[Any, Any, Any]) -> None:
        """Put the results of a part to the places of its series, in the units of the input."""
        xp, places, (sse, scale, count) = part.xp, part.xp.asarray(part.order), sums
        n_free = form.n_free
        log_variance = xp.log(xp.where(sse > 0, sse, 1.0) / count) + 2 * xp.log(scale)
        loglik = xp.where(sse > 0, -count / 2 * (float(np.log(2 * np.pi)) + 1 + log_variance), xp.inf)
        self.n_observed_[places], self.loglik_[places] = count, loglik
        spare = count - n_free - 1
        self.aicc_[places] = xp.where(
            spare > 0, 2 * n_free - 2 * loglik + 2 * n_free * (n_free + 1) / xp.where(spare > 0, spare, 1), xp.inf
        )
        self.sse_[places] = sse * scale * scale
        self.sigma_[places] = xp.sqrt(sse / xp.maximum(count - (n_free - 1) if self.unbiased else count, 1)) * scale
        for name, values in first.parameters.items():
            self.params_[name][places] = values
        by = 1.0 if form.seasonal == "mul" else scale
        for states, level, trend, season in (
            (first, self.params_["level"], self.params_["trend"], self.params_["season"]),
            (last, self.level_, self.trend_, self.season_),
        ):
            level[places], trend[places] = states.level * scale, states.trend * scale if form.trend else xp.nan
            if form.seasonal:
                season[places] = (states.season * by).T
        kept = States(last.parameters, last.level * scale, last.trend * scale, last.season * by)
        self._groups.append((form, part.order, kept))

    def _mean(self, horizon: int, future: Any) -> Any:
        made = self._full((self.n_series_, horizon))
        for form, order, states in self._groups:
            made[self._xp.asarray(order)] = ahead(form, states, horizon, self._xp).T
        return made

    def _deviation(self, horizon: int) -> Any:
        xp, made = self._xp, self._full((self.n_series_, horizon))
        for form, order, states in self._groups:
            given, places = states.parameters, xp.asarray(order)
            variance, run, factor = xp.ones(len(order)), xp.zeros(len(order)), xp.ones(len(order))
            for step in range(horizon):
                made[places, step] = self.sigma_[places] * xp.sqrt(variance)
                factor = factor * given["phi"] if form.damped else factor
                run = run + factor
                weight = given["alpha"] * (1 + given["beta_star"] * run) if form.trend else given["alpha"]
                if form.seasonal and (step + 1) % form.season_length == 0:
                    weight = weight + given["gamma"]
                variance = variance + weight * weight
        return made

    def _bands(self, mean: Any, horizon: int, future: Any, levels: Sequence[float]) -> dict[float, tuple[Any, Any]]:
        made = super()._bands(mean, horizon, future, levels)
        for form, order, states in self._groups:
            if form.seasonal != "mul":
                continue
            sigma = self.sigma_[self._xp.asarray(order)]
            ends = quantiles_of_paths(form, states, sigma, (horizon, levels, self.n_paths, self.seed), self._xp)
            for one, (low, high) in ends.items():
                made[one][0][self._xp.asarray(order)], made[one][1][self._xp.asarray(order)] = low, high
        return made

    def components(self) -> dict[str, Any]:
        """Return level, trend and season of every step, [n_series, n_times] each, as they stand after it."""
        if not hasattr(self, "status_"):
            msg = "This HoltWinters has not been fitted. Call fit(Y) first."
            raise UsageError(msg)
        made = {name: self._full((self.n_series_, self.n_times_)) for name in ("level", "trend", "season")}
        places = np.argsort(self._batch.order, kind="stable")
        for form, order, last in self._groups:
            part = self._batch.take(np.sort(places[order]))
            chosen = self._xp.asarray(part.order)
            trend = self.params_["trend"][chosen] if form.trend else self._xp.zeros(part.n_series)
            first = States(last.parameters, self.params_["level"][chosen], trend, self.params_["season"][chosen].T)
            _, _, parts = smoothed(part, form, first)
            for place, rows in enumerate(made.values()):
                self._put_rows(rows, part, parts[:, place])
        return made
