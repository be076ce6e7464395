"""The last value as forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpupipe.forecasts._baseline import Baseline, last_of_seasons
from gpupipe.forecasts._batch import Batch


@dataclass(eq=False)
class Naive(Baseline):
    """Forecasts the last value; the errors' variance grows as that of a random walk.

    Source: R. J. Hyndman, G. Athanasopoulos, "Forecasting: Principles and Practice" (3rd edition), sections 5.2 and 5.5.

    Examples
    --------
    >>> Naive().fit([[1.0, 3.0, 2.0]]).forecast(2).mean
    array([[2., 2.]])
    """

    def _predict(self, part: Batch, count: Any, scale: Any) -> tuple[Any, int]:
        predicted, last = last_of_seasons(part, 1)
        self._last = self._placed(part, last[0] * scale)
        return predicted, 0

    def _mean(self, horizon: int, future: Any) -> Any:
        return self._xp.repeat(self._last[:, None], horizon, axis=1)

    def _deviation(self, horizon: int) -> Any:
        return self.sigma_[:, None] * self._xp.sqrt(self._xp.arange(1, horizon + 1))[None, :]
