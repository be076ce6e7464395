"""The last value of the same season as forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpupipe.forecasts._arrays import to_host
from gpupipe.forecasts._baseline import Baseline, last_of_seasons
from gpupipe.forecasts._batch import Batch
from gpupipe.forecasts._forecaster import FALLBACK, whole_number


@dataclass(eq=False)
class SeasonalNaive(Baseline):
    """Forecasts the last value of the same season; where there is none, the last value of all (status 2).

    Source: R. J. Hyndman, G. Athanasopoulos, "Forecasting: Principles and Practice" (3rd edition), sections 5.2 and 5.5.

    Parameters
    ----------
    season_length
        Steps in a cycle.

    Examples
    --------
    >>> SeasonalNaive(2).fit([[1.0, 3.0, 2.0, 5.0]]).forecast(3).mean
    array([[2., 5., 2.]])
    """

    season_length: int

    def _check_parameters(self) -> None:
        whole_number(self.season_length, "season_length", 1)

    def _predict(self, part: Batch, count: Any, scale: Any) -> tuple[Any, int]:
        xp = part.xp
        predicted, last = last_of_seasons(part, self.season_length)
        missing = xp.isnan(last)
        wrong = to_host(missing.any(axis=0)) & (part.lengths > 0)
        self._statuses.put(part.order[wrong], FALLBACK, "no value of some season: the last value of all is forecast there")
        if wrong.any():
            last = xp.where(missing, last_of_seasons(part, 1)[1], last)
        self._last = self._placed(part, last * scale).T
        return predicted, 0

    def _mean(self, horizon: int, future: Any) -> Any:
        return self._last[:, self._xp.arange(horizon) % self.season_length].copy()

    def _deviation(self, horizon: int) -> Any:
        cycles = self._xp.arange(horizon) // self.season_length
        return self.sigma_[:, None] * self._xp.sqrt(cycles + 1.0)[None, :]
