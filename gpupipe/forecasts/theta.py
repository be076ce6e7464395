"""The Theta method: exponential smoothing with half the slope of the series' line, without season."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gpupipe.forecasts._arrays import to_host, total
from gpupipe.forecasts._baseline import Baseline
from gpupipe.forecasts._batch import Batch
from gpupipe.forecasts._forecaster import FALLBACK, NOT_CONVERGED, whole_number
from gpupipe.forecasts._holt_winters_fit import fit_part
from gpupipe.forecasts._initial import filled
from gpupipe.forecasts._seasonality import autocorrelations, seasonal_indices
from gpupipe.forecasts._smoothing import Form, States, smoothed

SEASONAL = 1.6448536269514722**2  # the 90 per cent point of chi-square with one degree of freedom
LEVEL_ALONE = Form(trend=False, seasonal=None, damped=False, season_length=1, estimated=False)


@dataclass(eq=False)
class Theta(Baseline):
    """Forecasts by the Theta method of two lines, after taking out a season where a test finds one.

    After ``fit``: ``alpha_``, ``slope_``, ``seasonal_`` (whether there was a season), and what every baseline has. The season is
    multiplicative where all values and indices are above zero, else additive.

    Source: V. Assimakopoulos, K. Nikolopoulos, "The theta model", Int. J. Forecasting 16 (2000); R. J. Hyndman, B. Billah, "Unmasking the
    Theta method", Int. J. Forecasting 19 (2003). The test and the smoothing's start are those of statsmodels' ``ThetaModel``.

    Parameters
    ----------
    season_length
        Steps in a cycle; 1 is no season.

    Examples
    --------
    >>> Theta().fit([[float(x) for x in range(20)]]).forecast(2).mean.round(1)
    array([[19.5, 20. ]])
    """

    season_length: int = 1

    def _check_parameters(self) -> None:
        whole_number(self.season_length, "season_length", 1)

    def _predict(self, part: Batch, count: Any, scale: Any) -> tuple[Any, int]:
        xp, period = part.xp, self.season_length
        values = filled(part, period if period > 1 else 0)
        season, found, multiplicative = self._season(part, values)
        every = season[xp.arange(len(values)) % period]
        plain = xp.where(multiplicative, values / every, values - every)
        slope = _slope(plain, part.lengths, xp)
        smooth = replace(part, values=xp.where(part.seen, plain, 0.0))
        first = States({}, plain[0], xp.zeros(part.n_series), xp.zeros((0, part.n_series)))
        states, converged = fit_part(smooth, LEVEL_ALONE, first)
        alpha = states.parameters["alpha"]
        predicted, last, _ = smoothed(smooth, LEVEL_ALONE, states)
        gone = xp.arange(len(values))[:, None]
        predicted = predicted + 0.5 * slope * (1 - (1 - alpha) ** gone) / alpha
        turned = (xp.asarray(part.lengths)[None, :] + xp.arange(period)[:, None]) % period
        ahead, by = xp.take_along_axis(season, turned, axis=0), xp.where(multiplicative, 1.0, scale)
        self._ratio = self._placed(part, xp.where(multiplicative, 1.0, 0.0)) == 1
        self.alpha_, self.slope_ = self._placed(part, alpha), self._placed(part, slope * scale)
        self.seasonal_ = self._placed(part, found.astype(float)) == 1
        self._level, self._ahead = self._placed(part, last.level * scale), self._placed(part, ahead * by).T
        self._steps = self._placed(part, xp.asarray(part.lengths.astype(float)))
        self._statuses.put(part.order[~to_host(converged) & (part.lengths > 0)], NOT_CONVERGED, "the sum of squares was still falling")
        return xp.where(multiplicative, predicted * every, predicted + every), 1

    def _season(self, part: Batch, values: Any) -> tuple[Any, Any, Any]:
        """Return seasons [season_length, n], whether there is one, and whether it is multiplicative."""
        xp, period = part.xp, self.season_length
        nothing = xp.zeros(part.n_series, dtype=bool)
        season = xp.zeros((period, part.n_series))
        if period == 1:
            return season, nothing, nothing
        long = part.lengths >= 2 * period
        reason = "it has fewer than two cycles: fitted without a season"
        self._statuses.put(part.order[~long & (part.lengths > 0)], FALLBACK, reason)
        if not long.any():
            return season, nothing, nothing
        lengths = xp.asarray(part.lengths)
        seen = autocorrelations(values, lengths, period, xp)
        found = (lengths * seen[period] ** 2 > SEASONAL * total(seen[:period] ** 2, xp)) & xp.asarray(long)
        inside = xp.arange(len(values))[:, None] < lengths[None, :]
        positive = (~inside | (values > 0)).all(axis=0)
        ratios, _ = seasonal_indices(part, xp.where(inside, values, 1.0), period, ~nothing)
        multiplicative = found & positive & (ratios > 0).all(axis=0)
        differences, _ = seasonal_indices(part, values, period, nothing)
        season = xp.where(multiplicative, ratios, xp.where(found, differences, 0.0))
        return season, found, multiplicative

    def _mean(self, horizon: int, future: Any) -> Any:
        xp, alpha = self._xp, self.alpha_[:, None]
        ahead = xp.arange(horizon)[None, :]
        trend = 0.5 * self.slope_[:, None] * (ahead + (1 - (1 - alpha) ** self._steps[:, None]) / alpha)
        plain, season = self._level[:, None] + trend, self._ahead[:, xp.arange(horizon) % self.season_length]
        return xp.where(self._ratio[:, None], plain * season, plain + season)

    def _deviation(self, horizon: int) -> Any:
        ahead = self._xp.arange(horizon)[None, :]
        return self.sigma_[:, None] * self._xp.sqrt(1 + ahead * self.alpha_[:, None] ** 2)


def _slope(values: Any, lengths: Any, xp: Any) -> Any:
    """Return the slope [n] of the least-squares line through each series."""
    lengths = xp.asarray(lengths)
    steps = xp.arange(len(values))[:, None]
    centred = xp.where(steps < lengths[None, :], steps - (lengths - 1) / 2, 0.0)
    spread = lengths * (lengths * lengths - 1) / 12
    return total(centred * values, xp) / xp.where(spread > 0, spread, 1.0)
