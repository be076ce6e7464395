"""Autocorrelations against Stata's."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from gpupipe.core.errors import UsageError
from gpupipe.forecasts import acf, pacf


def test_as_stata(shared_data: Path) -> None:
    folder = shared_data / "peer_statsmodels"
    with (folder / "macrodata.csv").open() as file:
        series = np.array([float(row["realgdp"]) for row in csv.DictReader(file)])
    with (folder / "acf_pacf_results.csv").open() as file:
        rows = list(csv.DictReader(file))
    both = np.stack((series, np.cumsum(series) % 97))
    np.testing.assert_allclose(acf(both, 40)[0, 1:], [float(row["acvar"]) for row in rows], atol=1e-8)
    np.testing.assert_allclose(pacf(both, 40)[0, 1:], [float(row["PACYW"]) for row in rows], atol=1e-8)


def test_what_cannot_be() -> None:
    for given, lags in ((np.zeros((2, 5)), 5), (np.zeros(5), 2), (np.array([[1.0, np.nan, 2.0]]), 1)):
        with pytest.raises(UsageError, match=r"Y must be \[n_series, n_times\] with more than"):
            acf(given, lags)
    with pytest.raises(UsageError, match=r"n_lags must be a whole number from 1 on, got 0"):
        pacf(np.zeros((2, 5)), 0)
