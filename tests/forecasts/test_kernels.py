"""Compiled recursions against the array code: the same bits of everything that a fit gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpupipe.forecasts import ARIMA, HoltWinters, Theta, _kernels

pytest.importorskip("numba", reason="compiled recursions need numba: the extra forecast")

MODELS = [
    HoltWinters(6, damped=True),
    HoltWinters(6, seasonal="mul", n_paths=100),
    HoltWinters(6, initial="estimated"),
    HoltWinters(seasonal=None),
    HoltWinters(6, trend=None),
    Theta(6),
    ARIMA((2, 1, 1), include_constant=True),
    ARIMA((1, 0, 0), (1, 1, 1), 6),
    ARIMA((0, 1, 0)),
]


def series(gaps: bool) -> np.ndarray:
    """Series of several lengths, with a trend and a season."""
    chance, times = np.random.default_rng(3), np.arange(60)
    values = 50 + 0.1 * times + 5 * np.sin(times * np.pi / 3) + np.cumsum(chance.normal(size=(7, 60)), axis=1)
    for place, row in enumerate(values[::2]):
        row[60 - 3 * place :] = np.nan
    if gaps:
        values[:, 1:-10][chance.random((7, 49)) < 0.1] = np.nan
    return values


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_same_bits(monkeypatch: pytest.MonkeyPatch, model: Any, gaps: bool) -> None:
    values, regressors = series(gaps), np.random.default_rng(4).normal(size=(60, 2))
    more = (regressors,) if model.get_params().get("order") == (2, 1, 1) else ()
    fits = []
    for least in (values.size + 1, 0):
        monkeypatch.setattr(_kernels, "LEAST_VALUES", least)
        assert (_kernels.compiled(values) is None) == (least > 0)
        fits.append(type(model)(**{**model.get_params(), "errors": "ignore"}).fit(values, *more))
    array_code, compiled = fits
    for name in ("fitted_", "sigma_", "status_"):
        np.testing.assert_array_equal(getattr(compiled, name), getattr(array_code, name), err_msg=name)
    if not more:
        np.testing.assert_array_equal(compiled.forecast(4, level=80).lower[80], array_code.forecast(4, level=80).lower[80])
    for name, found in getattr(compiled, "params_", {}).items():
        np.testing.assert_array_equal(found, array_code.params_[name], err_msg=name)


def test_without_numba_array_code_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kernels, "LEAST_VALUES", 0)
    monkeypatch.setattr(_kernels, "find_spec", lambda name: None)
    _kernels._loaded.cache_clear()
    try:
        assert _kernels.compiled(np.zeros((2, 2))) is None
        assert HoltWinters(6).fit(series(False)).status_.max() == 0
    finally:
        _kernels._loaded.cache_clear()
