"""The line through the first and the last value as forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.forecasts._baseline import Baseline, last_of_seasons
from gpupipe.forecasts._batch import Batch, segments


@dataclass(eq=False)
class Drift(Baseline):
    """Forecasts the line through the first and the last value.

    Source: R. J. Hyndman, G. Athanasopoulos, "Forecasting: Principles and Practice" (3rd edition), sections 5.2 and 5.5.

    Examples
    --------
    >>> Drift().fit([[1.0, 4.0, 3.0]]).forecast(2).mean
    array([[4., 5.]])
    """

    def _predict(self, part: Batch, count: Any, scale: Any) -> tuple[Any, int]:
        xp = part.xp
        predicted, last = last_of_seasons(part, 1)
        steps = xp.asarray(np.maximum(part.lengths - 1, 1).astype(float))
        slope = (last[0] - part.values[0]) / steps
        self._last, self._slope = self._placed(part, last[0] * scale), self._placed(part, slope * scale)
        self._steps = self._placed(part, steps)
        since = xp.zeros(part.n_series)
        for first, stop, n in segments(part.lengths):
            for time in range(first, stop):
                since[:n] += 1.0
                predicted[time, :n] += slope[:n] * since[:n]
                since[:n] = xp.where(part.seen[time, :n], 0.0, since[:n])
        return predicted, 1

    def _mean(self, horizon: int, future: Any) -> Any:
        return self._last[:, None] + self._slope[:, None] * self._xp.arange(1, horizon + 1)[None, :]

    def _deviation(self, horizon: int) -> Any:
        ahead = self._xp.arange(1, horizon + 1)[None, :]
        return self.sigma_[:, None] * self._xp.sqrt(ahead * (1 + ahead / self._steps[:, None]))
