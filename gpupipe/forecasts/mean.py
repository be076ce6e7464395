"""The mean as forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpupipe.forecasts._arrays import total
from gpupipe.forecasts._baseline import Baseline
from gpupipe.forecasts._batch import Batch


@dataclass(eq=False)
class Mean(Baseline):
    """Forecasts the mean of all values.

    Source: R. J. Hyndman, G. Athanasopoulos, "Forecasting: Principles and Practice" (3rd edition), sections 5.2 and 5.5.

    Examples
    --------
    >>> Mean().fit([[1.0, 3.0, 2.0]]).forecast(2).mean
    array([[2., 2.]])
    """

    def _predict(self, part: Batch, count: Any, scale: Any) -> tuple[Any, int]:
        xp = part.xp
        mean = total(part.values, xp) / xp.maximum(count, 1)
        self._center, self._count = self._placed(part, mean * scale), self._placed(part, count.astype(float))
        return xp.ones_like(part.values) * mean, 1

    def _mean(self, horizon: int, future: Any) -> Any:
        return self._xp.repeat(self._center[:, None], horizon, axis=1)

    def _deviation(self, horizon: int) -> Any:
        return self._xp.repeat((self.sigma_ * self._xp.sqrt(1 + 1 / self._count))[:, None], horizon, axis=1)
