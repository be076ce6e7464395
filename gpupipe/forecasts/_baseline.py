"""What the baselines share: scaled sums of squares, and statuses of what is constant or short."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpupipe.forecasts._arrays import to_host, total
from gpupipe.forecasts._batch import Batch, segments, spread_of
from gpupipe.forecasts._forecaster import CONSTANT_OR_SHORT, Forecaster


@dataclass(eq=False)
class Baseline(Forecaster):
    """A forecaster with nothing to be optimised.

    After ``fit``: ``sigma_``, ``fitted_``, ``residuals_``, ``status_``, ``reasons_``.
    """

    def _check_parameters(self) -> None:
        """Take what there is."""

    def _fit(self, batch: Batch) -> None:
        xp = batch.xp
        count, scale, constant = spread_of(batch)
        there = batch.lengths > 0
        self._statuses.put(batch.order[to_host(constant) & there], CONSTANT_OR_SHORT, "constant")
        self._statuses.put(batch.order[(to_host(count) < 2) & there], CONSTANT_OR_SHORT, "it has a single value")
        part = replace(batch, values=batch.values / scale)
        with np.errstate(all="ignore"):
            predicted, n_parameters = self._predict(part, count, scale)
            known = batch.seen & xp.isfinite(predicted)
            errors = xp.where(known, part.values - predicted, 0.0)
            spare = known.sum(axis=0) - n_parameters
            sigma = xp.sqrt(total(errors * errors, xp) / xp.maximum(spare, 1)) * scale
        self.sigma_ = self._placed(batch, xp.where(constant, 0.0, xp.where(spare > 0, sigma, xp.nan)))
        self._put_rows(self.fitted_, batch, predicted * scale)

    @abstractmethod
    def _predict(self, part: Batch, count: Any, scale: Any) -> tuple[Any, int]:
        """Return predictions [n_times, n] one step ahead of scaled series, and how many parameters were estimated for them."""

    def _placed(self, batch: Batch, values: Any) -> Any:
        """Return values [..., n] of the batch's series, in the order of the input, with NaN for those without a value."""
        made = self._full((*values.shape[:-1], self.n_series_))
        there = np.flatnonzero(batch.lengths > 0)
        made[..., self._xp.asarray(batch.order[there])] = values[..., self._xp.asarray(there)]
        return made


def last_of_seasons(part: Batch, season_length: int) -> tuple[Any, Any]:
    """Return, of each step, the last value before it of the same season [n_times, n], and that of each next step [season_length, n]."""
    xp = part.xp
    latest = [xp.full(part.n_series, xp.nan) for _ in range(season_length)]
    predicted = xp.full(part.values.shape, xp.nan)
    for first, stop, n in segments(part.lengths):
        for time in range(first, stop):
            last = latest[time % season_length]
            predicted[time, :n] = last[:n]
            last[:n] = xp.where(part.seen[time, :n], part.values[time, :n], last[:n])
    turned = (xp.asarray(part.lengths)[None, :] + xp.arange(season_length)[:, None]) % season_length
    return predicted, xp.take_along_axis(xp.stack(latest), turned, axis=0)
