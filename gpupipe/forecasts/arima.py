"""ARIMA models with seasonal parts, a constant and exogenous columns, fitted to every series of a batch by exact maximum likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError, listing
from gpupipe.forecasts._arima_data import Spec
from gpupipe.forecasts._arima_forecaster import PARTS, ArimaForecaster
from gpupipe.forecasts._arima_group import Group
from gpupipe.forecasts._arrays import to_host
from gpupipe.forecasts._batch import Batch, spread_of
from gpupipe.forecasts._forecaster import CONSTANT_OR_SHORT, FALLBACK, whole_number
from gpupipe.forecasts._polynomials import to_partial

SPARE = 3  # values more than parameters that a model needs


@dataclass(eq=False)
class ARIMA(ArimaForecaster):
    """Forecasts by ``φ(B) Φ(B^s) (1 - B)^d (1 - B^s)^D (y - X β) = c + θ(B) Θ(B^s) ε``, by exact maximum likelihood.

    After ``fit``: ``params_`` (`ar`, `ma`, `seasonal_ar`, `seasonal_ma`, `constant`, `mean`, `beta`), ``sigma_``, ``loglik_``, ``aicc_``,
    ``n_observed_`` (values the likelihood is of), ``fitted_``, ``residuals_``, ``status_``, ``reasons_``. Signs are statsmodels':
    ``φ(B) = 1 - φ1 B - ...``, ``θ(B) = 1 + θ1 B + ...``. The d + s D values that differencing takes are no part of the likelihood, as with
    statsmodels' ``simple_differencing=True``; where values are missing between others, the differences are part of the states instead, and
    every value that is there counts.

    Parameters
    ----------
    order
        (p, d, q).
    seasonal_order
        (P, D, Q).
    season_length
        Steps in a cycle.
    include_constant
        Whether there is a constant c: a mean with no differencing, a drift with one.
    parameters
        Coefficients by the names of ``params_``, a number or one row per series; they are not estimated. ``sigma2`` may be among them.

    Notes
    -----
    A series too short for the model is fitted without its seasonal part, then with differences alone, then with its mean (status 2); of a
    constant one the value is forecast (status 3).

    Source: A. C. Harvey, "Forecasting, Structural Time Series Models and the Kalman Filter" (1989), section 3.3; R. H. Jones, Technometrics
    22 (1980). The likelihood of a regression with such errors is theirs, too: the coefficients are concentrated out.

    Examples
    --------
    >>> import numpy as np
    >>> chance = np.random.default_rng(0)
    >>> Y = np.cumsum(chance.normal(size=(3, 200)) + 0.5, axis=1)
    >>> model = ARIMA((0, 1, 1), include_constant=True).fit(Y)
    >>> model.params_["constant"].shape, model.forecast(4, level=[95]).mean.shape
    ((3,), (3, 4))
    """

    order: tuple[int, int, int] = (1, 0, 0)
    seasonal_order: tuple[int, int, int] = (0, 0, 0)
    season_length: int = 1
    include_constant: bool = False
    parameters: Mapping[str, Any] | None = None

    def _check_parameters(self) -> None:
        for name in ("order", "seasonal_order"):
            value = getattr(self, name)
            if not isinstance(value, tuple | list) or len(value) != 3:
                msg = f"{name} must be three whole numbers, as (1, 1, 1), got {value!r}."
                raise UsageError(msg)
            for one in value:
                whole_number(one, f"each of {name}", 0)
        whole_number(self.season_length, "season_length", 2 if any(self.seasonal_order) else 1)
        known = [name for name, count in zip(PARTS, self._counts(), strict=True) if count]
        if self.parameters is not None and sorted(set(self.parameters) - {"sigma2"}) != sorted(known):
            msg = f"parameters must name all of {listing(known) or 'nothing'} (and may name 'sigma2'), got {listing(self.parameters)}."
            raise UsageError(msg)

    def _counts(self) -> tuple[int, int, int, int]:
        return self.order[0], self.order[2], self.seasonal_order[0], self.seasonal_order[2]

    def _spec(self) -> Spec:
        return Spec(*self.order, *self.seasonal_order, self.season_length if any(self.seasonal_order) else 1, self.include_constant)

    def _fit(self, batch: Batch) -> None:
        count, scale, constant = spread_of(batch)
        self._prepare(batch)
        specs = self._simpler(self._spec())
        for code, columns in self._choose(batch, specs, to_host(count), to_host(constant)):
            self._fit_columns(batch, columns, specs[code], scale, with_regressors=code < len(specs) - 1)
        flat = np.flatnonzero(to_host(constant))
        self._flatten(batch, flat)

    def _simpler(self, spec: Spec) -> list[Spec]:
        """Return the model and what is fallen back to, down to the mean."""
        plain = Spec(spec.p, spec.d, spec.q, constant=spec.constant)
        return [spec, plain, Spec(d=min(spec.d, 1), constant=spec.constant and spec.d == 0), Spec(constant=True)]

    def _choose(self, batch: Batch, specs: list[Spec], count: Any, constant: Any) -> list[tuple[int, Any]]:
        """Return each model's number and the columns that are fitted with it, and give statuses to the others."""
        there = batch.lengths > 0
        self._refuse_regressors(batch, there, specs[0])
        n_columns = 0 if batch.regressors is None else batch.regressors.shape[-1]
        chosen = np.full(batch.n_series, len(specs) - 1)
        for code in range(len(specs) - 2, -1, -1):
            spec = specs[code]
            needed = spec.n_lost + spec.n_coefficients + spec.constant + n_columns + SPARE
            chosen[(count >= needed) & (batch.lengths >= needed)] = code
        chosen[constant] = len(specs) - 1
        chosen[~there] = -1
        for code, reason in ((1, "no seasonal part"), (2, "differences alone"), (3, "its mean alone")):
            which = np.flatnonzero((chosen == code) & there & ~constant)
            self._statuses.put(batch.order[which], FALLBACK, f"it has too few values for the model: fitted with {reason}")
        self._statuses.put(batch.order[constant & there], CONSTANT_OR_SHORT, "constant")
        few = (count < 3) & there
        self._statuses.put(batch.order[few], CONSTANT_OR_SHORT, "it has fewer than 3 values: their mean is forecast")
        return [(code, np.flatnonzero(chosen == code)) for code in range(len(specs))]

    def _given(self, part: Batch, spec: Spec) -> Any:
        if self.parameters is None or spec != self._spec():
            return None
        xp, rows = part.xp, []
        for name, n_rows in zip(PARTS, self._counts(), strict=True):
            if n_rows:
                whole = xp.broadcast_to(xp.asarray(self.parameters[name], dtype=float), (self.n_series_, n_rows))
                rows.append(xp.ascontiguousarray(whole[xp.asarray(part.order)].T))
                if bool((xp.abs(to_partial(rows[-1] * (-1.0 if name.endswith("ma") else 1.0), xp, most=1.0)) >= 1).any()):
                    msg = f"parameters[{name!r}] must be of a stationary (or invertible) process: a root lies on the unit circle or in it."
                    raise UsageError(msg)
        return xp.concatenate(rows) if rows else xp.zeros((0, part.n_series))

    def _with_sigma(self, group: Group) -> Group:
        if self.parameters is None or "sigma2" not in self.parameters:
            return group
        given = self._xp.broadcast_to(self._xp.asarray(self.parameters["sigma2"], dtype=float), (self.n_series_,))
        return replace(group, sigma=self._xp.sqrt(given[self._xp.asarray(group.order)]))
