"""The form of Holt-Winters that Akaike's corrected criterion prefers, for each series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.forecasts._arrays import to_host
from gpupipe.forecasts._batch import Batch
from gpupipe.forecasts._forecaster import INVALID, Forecaster, whole_number
from gpupipe.forecasts.holt_winters import HoltWinters

TRENDS = ((None, False), ("add", True), ("add", False))


@dataclass(eq=False)
class AutoHoltWinters(Forecaster):
    """Forecasts by the form of Holt-Winters with the lowest AICc: no, damped or additive trend; no, additive or multiplicative season.

    After ``fit``: ``forms_``, the form of each series in words, ``models_`` (a fitted `HoltWinters` for each form), ``chosen_`` (which of
    them each series takes), and ``params_`` (as `HoltWinters` has; NaN is what a form lacks), ``sigma_``, ``loglik_``, ``aicc_``,
    ``fitted_``, ``residuals_``, ``status_``, ``reasons_``.

    Parameters
    ----------
    season_length
        Steps in a cycle; 1 is no season.
    damped_only
        Whether an additive trend is left out, whose forecasts run away.
    initial, n_paths, seed
        See `HoltWinters`.

    Examples
    --------
    >>> import numpy as np
    >>> Y = np.tile([10.0, 20.0, 30.0, 20.0], 10) + np.random.default_rng(0).normal(size=40)
    >>> AutoHoltWinters(4).fit(Y).forms_
    ['no trend, additive season']
    """

    season_length: int = 1
    damped_only: bool = False
    initial: str = "heuristic"
    n_paths: int = 2000
    seed: int = 0
    models_: list[HoltWinters] = field(default_factory=list, init=False, repr=False)

    def _check_parameters(self) -> None:
        whole_number(self.season_length, "season_length", 1)
        self._candidate(None, None, damped=False)._check_parameters()

    def _candidate(self, trend: str | None, seasonal: str | None, *, damped: bool) -> HoltWinters:
        return HoltWinters(self.season_length, trend, seasonal, damped, self.initial, n_paths=self.n_paths, seed=self.seed, errors="ignore")

    def _fit(self, batch: Batch) -> None:
        seasons = (None, "add", "mul") if self.season_length > 1 else (None,)
        trends = TRENDS[:2] if self.damped_only else TRENDS
        self.models_ = [self._candidate(trend, seasonal, damped=damped) for seasonal in seasons for trend, damped in trends]
        for model in self.models_:
            model._check_parameters()
            model._take(batch, self._statuses, self.n_times_)
            model._finish()
        scores = np.stack([self._score(model) for model in self.models_])
        self.chosen_ = scores.argmin(axis=0)
        self.sigma_, self.loglik_, self.aicc_ = (self._picked(name) for name in ("sigma_", "loglik_", "aicc_"))
        self.fitted_, self.params_ = self._picked("fitted_"), self._parameters()
        self.forms_ = [str(self.models_[place]._form()) for place in self.chosen_]
        for place, which in enumerate(self.chosen_):
            kept = self.models_[which]._statuses
            self._statuses.put(place, int(kept.codes[place]), kept.reasons[place])

    def _score(self, model: HoltWinters) -> Any:
        """Return the criterion [n] of a form, infinite where it does not apply."""
        values = to_host(model.aicc_)
        codes = model._statuses.codes
        return np.where(np.isnan(values) | (codes == INVALID), np.inf, values)

    def _picked(self, name: str) -> Any:
        rows = self._xp.stack([getattr(model, name) for model in self.models_])
        return rows[self._xp.asarray(self.chosen_), self._xp.arange(self.n_series_)]

    def _parameters(self) -> dict[str, Any]:
        made = {name: self._full(rows.shape) for name, rows in self.models_[-1].params_.items()}  # the last form has a season, if any has
        for place in np.unique(self.chosen_):
            some = self._xp.asarray(np.flatnonzero(self.chosen_ == place))
            for name, rows in self.models_[place].params_.items():
                if rows.shape == made[name].shape:
                    made[name][some] = rows[some]
        return made

    def components(self) -> dict[str, Any]:
        """Return level, trend and season of every step, [n_series, n_times] each, as they stand after it."""
        if not hasattr(self, "status_"):
            msg = "This AutoHoltWinters has not been fitted. Call fit(Y) first."
            raise UsageError(msg)
        made = {name: self._full((self.n_series_, self.n_times_)) for name in ("level", "trend", "season")}
        for place in np.unique(self.chosen_):
            some = self._xp.asarray(np.flatnonzero(self.chosen_ == place))
            for name, rows in self.models_[place].components().items():
                made[name][some] = rows[some]
        return made

    def _mean(self, horizon: int, future: Any) -> Any:
        return self._gathered(horizon, [model._mean(horizon, future) for model in self._used()])

    def _deviation(self, horizon: int) -> Any:
        return self._gathered(horizon, [model._deviation(horizon) for model in self._used()])

    def _bands(self, mean: Any, horizon: int, future: Any, levels: Sequence[float]) -> dict[float, tuple[Any, Any]]:
        made = [model._bands(model._mean(horizon, future), horizon, future, levels) for model in self._used()]
        return {
            one: (self._gathered(horizon, [bands[one][0] for bands in made]), self._gathered(horizon, [bands[one][1] for bands in made]))
            for one in levels
        }

    def _used(self) -> list[HoltWinters]:
        return [self.models_[place] for place in np.unique(self.chosen_)]

    def _gathered(self, horizon: int, rows: list[Any]) -> Any:
        made = self._full((self.n_series_, horizon))
        for place, values in zip(np.unique(self.chosen_), rows, strict=True):
            some = self._xp.asarray(np.flatnonzero(self.chosen_ == place))
            made[some] = values[some]
        return made
