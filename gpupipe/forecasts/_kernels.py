"""Whether the recursions of fits run compiled, and the arrays they want: where Numba is installed and the batch is worth its loading."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from gpupipe.forecasts._innovations import FastFilter

LEAST_TIMES, LEAST_VALUES = 1_000, 50_000  # of a batch; below both, array code takes less time than Numba takes to load


def compiled(values: Any) -> Any:
    """Return the module of compiled recursions for a batch's values [n_times, n], or None where array code is to be used."""
    if not isinstance(values, np.ndarray) or (len(values) < LEAST_TIMES and values.size < LEAST_VALUES):
        return None
    return _loaded()


@cache
def _loaded() -> Any:
    if find_spec("numba") is None:
        return None
    from gpupipe.forecasts import _compiled  # local: Numba takes a second to load

    return _compiled


def smooth(kernels: Any, values: Any, gaps: Any, lengths: Any, at: Any, taken: Any) -> None:
    """Run Holt-Winters over a whole batch: from `_smoothing.Derivatives` before its first step, with `Smoothed` parameters."""
    form, n, size = at.form, at.n, len(at.by_level)
    nothing = np.zeros(n)
    flags = (form.trend, form.damped, form.seasonal == "mul", gaps is not None)
    rows = tuple(form.smoothing.index(name) if name in form.smoothing else 0 for name in ("phi", "gamma"))
    given = (taken.alpha, taken.alpha_beta, taken.gamma, taken.phi, taken.beta, taken.gamma_by_alpha, taken.gamma_by_star)
    seasons = np.stack(at.season) if at.season else np.zeros((0, n))
    by_seasons = np.stack(at.by_season) if at.by_season else np.zeros((0, size, n))
    kernels.smooth(
        np.ascontiguousarray(values),
        np.zeros((0, n)) if gaps is None else np.ascontiguousarray(gaps),
        np.asarray(lengths, dtype=np.int64),
        flags,
        rows,
        tuple(nothing if each is None else np.ascontiguousarray(each) for each in given),
        (at.states[0], nothing if at.states[1] is None else at.states[1], seasons),
        (at.by_level, np.zeros((size, n)) if at.by_trend is None else at.by_trend, by_seasons),
        (at.value, at.matrix, at.direction),
    )


def innovate(kernels: Any, data: Any, rest: Any, whole: FastFilter, gram: Any, span: tuple[int, int, int]) -> Any:
    """Run the filter over a whole batch without gaps; return the products of variances [n_runs, n_candidates, n]."""
    n_series, n_runs = data.values.shape[1], len(data.values) // span[2] + 2
    products = np.ones((n_runs, span[1], n_series))
    columns = np.ascontiguousarray(data.columns) if data.n_columns else np.zeros((0, 0, n_series))
    arrays = (whole.ar, whole.state, whole.gain, whole.covariance, whole.width, whole.factor, whole.variance)
    lengths, lags = np.asarray(data.lengths, dtype=np.int64), np.asarray(whole.ar_lags, dtype=np.int64)
    kernels.innovate(np.ascontiguousarray(rest), columns, span, lengths, lags, arrays, gram, products)
    return products
