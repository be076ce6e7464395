"""What ARIMA models of given and of chosen orders share: fitting by groups, and forecasts from them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.forecasts._arima_data import Spec
from gpupipe.forecasts._arima_group import Group, collinear, fit_group
from gpupipe.forecasts._arrays import to_host, total
from gpupipe.forecasts._batch import Batch
from gpupipe.forecasts._forecaster import INVALID, NOT_CONVERGED, Forecaster

PARTS = ("ar", "ma", "seasonal_ar", "seasonal_ma")


@dataclass(eq=False)
class ArimaForecaster(Forecaster):
    """A forecaster whose series are fitted in groups of one ARIMA model each."""

    _takes_regressors = True

    @abstractmethod
    def _counts(self) -> tuple[int, int, int, int]:
        """Return how many coefficients of each part there can be."""

    def _prepare(self, batch: Batch) -> None:
        n_series, counts = batch.n_series, self._counts()
        n_columns = 0 if batch.regressors is None else batch.regressors.shape[-1]
        self.params_ = {name: self._full((n_series, n)) for name, n in zip(PARTS, counts, strict=True)}
        self.params_ |= {"constant": self._full((n_series,)), "mean": self._full((n_series,)), "beta": self._full((n_series, n_columns))}
        self.sigma_, self.loglik_, self.aicc_, self.n_observed_ = (self._full((n_series,)) for _ in range(4))
        self._groups: list[Group] = []

    def _refuse_regressors(self, batch: Batch, there: Any, spec: Spec) -> None:
        """Take out series whose exogenous columns cannot be used; where they are everybody's, raise."""
        if batch.regressors is None:
            return
        shared = batch.regressors.ndim == 2
        finite = to_host(self._xp.isfinite(batch.regressors))
        if shared and not finite.all():
            msg = f"X holds missing or infinite values, the first in row {np.argwhere(~finite)[0][0]}. Fill them in first."
            raise UsageError(msg)
        if not shared:
            self._leave_out(batch, there, ~finite[batch.order].all(axis=(1, 2)), "its exogenous columns hold missing or infinite values")
        for columns in batch.parts(np.flatnonzero(there & (batch.lengths > spec.n_lost + batch.regressors.shape[-1] + 1))):
            wrong = collinear(batch.take(columns), spec)
            if shared and wrong.all(axis=1).any():
                place = int(np.flatnonzero(wrong.all(axis=1))[0])
                msg = (
                    f"Column {place} of X is constant once differenced, or a sum of the columns before it"
                    f"{' and the constant' if spec.constant else ''}, so its coefficient cannot be told. Leave it out."
                )
                raise UsageError(msg)
            bad = np.zeros(batch.n_series, dtype=bool)
            bad[columns] = wrong.any(axis=0)
            self._leave_out(batch, there, bad, "an exogenous column is constant once differenced, or a sum of others")

    def _leave_out(self, batch: Batch, there: Any, bad: Any, reason: str) -> None:
        self._statuses.put(batch.order[bad & there], INVALID, reason)
        there &= ~bad

    def _fit_columns(self, batch: Batch, columns: Any, spec: Spec, scale: Any, *, with_regressors: bool) -> None:
        """Fit columns with one model, and keep what comes out."""
        for run, part in self._runs(batch, columns, spec, with_regressors=with_regressors):
            group, fitted = fit_group(part, spec, scale[self._xp.asarray(run)], self._given(part, spec))
            self._put_rows(self.fitted_, part, fitted)
            self._keep(self._with_sigma(group))

    def _runs(self, batch: Batch, columns: Any, spec: Spec, *, with_regressors: bool) -> Iterator[tuple[Any, Batch]]:
        """Yield runs of columns that a filter goes through together; those with gaps apart, since they take another one."""
        gaps = batch.has_gaps()
        size = spec.n_lost + max(spec.p + spec.period * spec.seasonal_p, spec.q + spec.period * spec.seasonal_q + 1)
        n_regressors = 0 if batch.regressors is None or not with_regressors else batch.regressors.shape[-1]
        n_filters = 1 + spec.n_coefficients + n_regressors
        for some, numbers in ((columns[~gaps[columns]], size), (columns[gaps[columns]], size * size)):
            for run in batch.parts(some, 4 * numbers * n_filters + len(batch.values) * (n_regressors + 4)):
                yield run, batch.take(run) if with_regressors else replace(batch.take(run), regressors=None)

    def _given(self, part: Batch, spec: Spec) -> Any:
        """Return coefficients [k, n] that are not estimated, or None."""
        return None

    def _with_sigma(self, group: Group) -> Group:
        """Return the group with a standard deviation that was given, where one was."""
        return group

    def _keep(self, group: Group) -> None:
        """Put a group's results to the places of its series; a coefficient that a simpler model lacks is 0."""
        xp, places = self._xp, self._xp.asarray(group.order)
        parts = group.spec.parts(group.coefficients)
        for name, rows in zip(PARTS, parts, strict=True):
            self.params_[name][places] = 0.0
            self.params_[name][places, : len(rows)] = rows.T
        spread = xp.ones(len(group.order))
        for rows in (parts[0], parts[2]):
            spread = spread * (1 - total(rows, xp))
        self.params_["mean"][places], self.params_["constant"][places] = group.mean, group.mean * spread
        self.params_["beta"][places] = 0.0
        self.params_["beta"][places, : len(group.beta)] = group.beta.T
        self.sigma_[places], self.loglik_[places], self.n_observed_[places] = group.sigma, group.loglik, group.count
        self.aicc_[places] = group.aicc(xp)
        self._groups.append(group)
        reason = "the likelihood was still rising when the last step was reached; the best parameters are kept"
        self._statuses.put(group.order[~to_host(group.converged)], NOT_CONVERGED, reason)

    def _flatten(self, batch: Batch, columns: Any) -> None:
        """Take constant series for what they are: what is left of them is rounding."""
        places = self._xp.asarray(batch.order[columns])
        self.sigma_[places] = 0.0
        self.loglik_[places] = self._xp.inf

    def _mean(self, horizon: int, future: Any) -> Any:
        xp, made = self._xp, self._full((self.n_series_, horizon))
        for group in self._groups:
            places = xp.asarray(group.order)
            rows = group.ahead(horizon, xp)
            for place in range(len(group.beta)):
                column = future[:, place, None] if future.ndim == 2 else future[places, :, place].T
                rows = rows + group.beta[place] * column
            made[places] = rows.T
        return made

    def _deviation(self, horizon: int) -> Any:
        xp, made = self._xp, self._full((self.n_series_, horizon))
        for group in self._groups:
            places = xp.asarray(group.order)
            made[places] = xp.where(self.sigma_[places] > 0, group.deviation(horizon, xp), 0.0).T
        return made
