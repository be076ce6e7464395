"""ARIMA models whose orders are chosen for each series by Akaike's corrected criterion, many series of one order at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpupipe.forecasts._arima_data import Spec
from gpupipe.forecasts._arima_forecaster import ArimaForecaster
from gpupipe.forecasts._arima_group import score_group
from gpupipe.forecasts._arrays import to_host
from gpupipe.forecasts._batch import Batch, spread_of
from gpupipe.forecasts._differencing import n_differences, n_seasonal_differences
from gpupipe.forecasts._forecaster import CONSTANT_OR_SHORT, FALLBACK, whole_number
from gpupipe.forecasts._initial import filled
from gpupipe.forecasts.arima import SPARE

ROUNDS = 12  # of neighbours; a search that is not at its end by then keeps the best there is


@dataclass(eq=False)
class AutoARIMA(ArimaForecaster):
    """Forecasts by the ARIMA model that a stepwise search finds for each series.

    d is chosen by tests of KPSS, D by the strength of the season, the other orders by the lowest AICc among neighbours of the best model so
    far, from four starts. After ``fit``: ``orders_`` [n_series, 6] (p, d, q, P, D, Q), and what `ARIMA` has; a coefficient beyond a series'
    orders is 0.

    Parameters
    ----------
    season_length
        Steps in a cycle; 1 is no season.
    max_p, max_q, max_seasonal_p, max_seasonal_q
        The highest orders.
    max_d, max_seasonal_d
        The highest differences.

    Notes
    -----
    Source: R. J. Hyndman, Y. Khandakar, "Automatic time series forecasting: the forecast package for R", J. Statistical Software 27 (2008);
    D. Kwiatkowski, P. C. B. Phillips, P. Schmidt, Y. Shin, J. Econometrics 54 (1992).

    Examples
    --------
    >>> import numpy as np
    >>> Y = np.cumsum(np.random.default_rng(0).normal(size=(2, 100)), axis=1)
    >>> AutoARIMA(max_p=1, max_q=1).fit(Y).orders_[:, 1]
    array([1, 1])
    """

    season_length: int = 1
    max_p: int = 5
    max_q: int = 5
    max_seasonal_p: int = 2
    max_seasonal_q: int = 2
    max_d: int = 2
    max_seasonal_d: int = 1

    def _check_parameters(self) -> None:
        whole_number(self.season_length, "season_length", 1)
        for name in ("max_p", "max_q", "max_seasonal_p", "max_seasonal_q", "max_d", "max_seasonal_d"):
            whole_number(getattr(self, name), name, 0)

    def _counts(self) -> tuple[int, int, int, int]:
        seasonal = self.season_length > 1
        return self.max_p, self.max_q, self.max_seasonal_p * seasonal, self.max_seasonal_q * seasonal

    def _fit(self, batch: Batch) -> None:
        count, scale, constant = spread_of(batch)
        self._prepare(batch)
        there = batch.lengths > 0
        self._refuse_regressors(batch, there, Spec())
        constant, count = to_host(constant) & there, to_host(count)
        self._statuses.put(batch.order[constant], CONSTANT_OR_SHORT, "constant")
        n_columns = 0 if batch.regressors is None else batch.regressors.shape[-1]
        short = (count < 1 + n_columns + SPARE) & there & ~constant
        self._statuses.put(batch.order[short & (count < 3)], CONSTANT_OR_SHORT, "it has fewer than 3 values: their mean is forecast")
        self._statuses.put(batch.order[short & (count >= 3)], FALLBACK, "it has too few values for a model: fitted with its mean alone")
        best = self._search(batch, np.flatnonzero(there & ~constant & ~short), count, scale)
        for spec in sorted(set(best.values()), key=str):
            chosen = np.array(sorted(column for column, one in best.items() if one == spec))
            self._fit_columns(batch, chosen, spec, scale, with_regressors=True)
        alone = np.flatnonzero(constant | short)
        self._fit_columns(batch, alone, Spec(constant=True), scale, with_regressors=False)
        best |= {int(column): Spec(constant=True) for column in alone}
        self._flatten(batch, np.flatnonzero(constant))
        self.orders_ = np.full((batch.n_series, 6), -1)
        for column, spec in best.items():
            orders = (spec.p, spec.d, spec.q, spec.seasonal_p, spec.seasonal_d, spec.seasonal_q)
            self.orders_[batch.order[column]] = orders

    def _search(self, batch: Batch, columns: Any, count: Any, scale: Any) -> dict[int, Spec]:
        """Return the best model of each column."""
        best: dict[int, Spec] = {}
        score: dict[int, float] = {}
        tried: dict[int, set[Spec]] = {int(column): set() for column in columns}
        wanted = self._starts(replace(batch, values=batch.values / scale), columns, count)
        for _ in range(ROUNDS):
            better = set()
            for spec, some in _by_model(wanted).items():
                for column in some:
                    tried[column].add(spec)
                for column, value in zip(some, self._scores(batch, np.array(some), spec, scale), strict=True):
                    if column not in best or value < score[column] - 1e-9:
                        best[column], score[column] = spec, value
                        better.add(column)
            wanted = {column: [one for one in self._neighbours(best[column]) if one not in tried[column]] for column in better}
            wanted = {column: [one for one in specs if self._fits(one, count[column], batch)] for column, specs in wanted.items()}
            if not any(wanted.values()):
                break
        return best

    def _starts(self, batch: Batch, columns: Any, count: Any) -> dict[int, list[Spec]]:
        made = {}
        part = batch.take(columns)
        values, seasonal = filled(part, self.season_length if self.season_length > 1 else 0), self.season_length > 1
        seasonal_d = (
            n_seasonal_differences(part, values, self.season_length, self.max_seasonal_d) if seasonal else np.zeros(len(columns), int)
        )
        d = n_differences(part, values, self.season_length, seasonal_d, self.max_d)
        for place, column in enumerate(columns):
            base = Spec(d=int(d[place]), seasonal_d=int(seasonal_d[place]), period=self.season_length if seasonal else 1)
            base = replace(base, constant=base.d + base.seasonal_d <= 1)
            orders = ((2, 2, 1, 1), (0, 0, 0, 0), (1, 0, 1, 0), (0, 1, 0, 1))
            specs = [self._with_orders(base, *one) for one in orders]
            specs = [one for one in dict.fromkeys(specs) if self._fits(one, count[column], batch)]
            made[int(column)] = specs or [Spec(constant=True)]
        return made

    def _with_orders(self, spec: Spec, p: int, q: int, seasonal_p: int, seasonal_q: int) -> Spec:
        most = self._counts()
        least = [min(one, limit) for one, limit in zip((p, q, seasonal_p, seasonal_q), most, strict=True)]
        return replace(spec, p=least[0], q=least[1], seasonal_p=least[2], seasonal_q=least[3])

    def _neighbours(self, spec: Spec) -> Iterator[Spec]:
        most = dict(zip(("p", "q", "seasonal_p", "seasonal_q"), self._counts(), strict=True))
        steps = [{name: step} for name in most for step in (-1, 1)]
        steps += [{"p": step, "q": step} for step in (-1, 1)] + [{"seasonal_p": step, "seasonal_q": step} for step in (-1, 1)]
        for changes in steps:
            orders = {name: getattr(spec, name) + step for name, step in changes.items()}
            if all(0 <= order <= most[name] for name, order in orders.items()):
                yield replace(spec, **orders)
        if spec.d + spec.seasonal_d <= 1:
            yield replace(spec, constant=not spec.constant)

    def _fits(self, spec: Spec, count: int, batch: Batch) -> bool:
        n_columns = 0 if batch.regressors is None else batch.regressors.shape[-1]
        longest = max(spec.period * spec.seasonal_p + spec.p, spec.period * spec.seasonal_q + spec.q)
        return bool(count >= spec.n_lost + max(spec.n_coefficients + spec.constant + n_columns + SPARE, longest + 1))

    def _scores(self, batch: Batch, columns: Any, spec: Spec, scale: Any) -> list[float]:
        """Return the AICc of a model for some columns."""
        found = dict.fromkeys((int(column) for column in columns), float("inf"))
        for run, part in self._runs(batch, columns, spec, with_regressors=True):
            values = to_host(score_group(part, spec, scale[batch.xp.asarray(run)]))
            found.update(zip((int(column) for column in run), np.where(np.isnan(values), np.inf, values).tolist(), strict=True))
        return [found[int(column)] for column in columns]


def _by_model(wanted: dict[int, list[Spec]]) -> dict[Spec, list[int]]:
    """Return the columns of each model, ascending."""
    made: dict[Spec, list[int]] = {}
    for column in sorted(wanted):
        for spec in wanted[column]:
            made.setdefault(spec, []).append(column)
    return made
