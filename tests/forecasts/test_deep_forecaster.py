"""Networks as forecasters: what scaling and gaps mean to them, statuses, intervals, and kept without pickle."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the extra deep is not installed")

from gpupipe.core.errors import ArtefactError, StageError, UsageError
from gpupipe.forecasts import DeepForecaster, Naive, rmse
from gpupipe.forecasts.kept import from_arrays, to_arrays

STEPS = np.arange(150)
WAVES = np.stack([10 + 3 * np.sin(STEPS / 3), 200 - 40 * np.sin(STEPS / 3 + 1), 5 + np.cos(STEPS / 3)])
SMALL: dict[str, Any] = {"hidden_size": 6, "epochs": 8, "learning_rate": 0.02, "device": "cpu", "batch_size": 64}


@pytest.fixture(scope="module")
def fitted() -> DeepForecaster:
    return DeepForecaster(12, 6, **{**SMALL, "epochs": 30}).fit(WAVES[:, :140])


def test_it_beats_the_last_value(fitted: DeepForecaster) -> None:
    made = fitted.forecast(10).mean
    naive = Naive().fit(WAVES[:, :140]).forecast(10).mean
    ours, theirs = (rmse(WAVES[:, 140:], one) / np.ptp(WAVES, axis=1) for one in (made, naive))
    assert (ours < 0.15).all() and ours.mean() < 0.3 * theirs.mean()
    assert np.nanmean(np.abs(fitted.residuals_) / np.ptp(WAVES, axis=1)[:, None]) < 0.05
    assert np.isnan(fitted.fitted_[:, 0]).all() and np.isfinite(fitted.fitted_[:, 1:]).all()
    assert fitted.n_windows_ == 3 * (round((140 - 18) * 0.9) - 18 + 1) and len(fitted.history_) == 30 and fitted.best_ > 1


def test_units_do_not_matter() -> None:
    one = DeepForecaster(8, 4, **SMALL).fit(WAVES)
    other = DeepForecaster(8, 4, **SMALL).fit(1024 * WAVES)
    np.testing.assert_allclose(other.forecast(5).mean, 1024 * one.forecast(5).mean, rtol=1e-4)
    np.testing.assert_allclose(other._deviation(5), 1024 * one._deviation(5), rtol=1e-3)


def test_padding_changes_nothing(fitted: DeepForecaster) -> None:
    padded = np.concatenate([np.full((3, 4), np.nan), WAVES[:, :140], np.full((3, 5), np.nan)], axis=1)
    again, plain = (DeepForecaster(**{**fitted.get_params(), "epochs": 2}).fit(values) for values in (padded, WAVES[:, :140]))
    np.testing.assert_array_equal(again.forecast(3).mean, plain.forecast(3).mean)
    # Other windows share a batch with it, and a product of float32 matrices may be rounded otherwise by their number of rows.
    np.testing.assert_allclose(again.fitted_[:, 4:144], plain.fitted_, rtol=1e-6)


def test_neighbours_are_seen_together() -> None:
    """The second series is the first one two steps before, and the first cannot be foreseen."""
    chance = np.random.default_rng(0).normal(size=402)
    series = np.stack([chance[2:], chance[:-2]])
    options = {**SMALL, "hidden_size": 8, "epochs": 25, "batch_size": 16, "cell": "rnn", "validation": 0.2}
    apart, joint = (DeepForecaster(3, 1, joint=together, **options).fit(series[:, :-2]) for together in (False, True))
    errors = [float(np.sqrt(np.nanmean(one.residuals_[1, 320:] ** 2))) for one in (apart, joint)]
    assert errors[1] < 0.6 * errors[0]


def test_joint_series_that_end_apart() -> None:
    series = WAVES.copy()
    series[0, 147:] = np.nan
    made = DeepForecaster(12, 6, joint=True, **SMALL).fit(series).forecast(4).mean
    whole = DeepForecaster(12, 6, joint=True, **SMALL).fit(series)
    ahead = whole.forecast(7).mean
    np.testing.assert_allclose(made, ahead[:, :4])
    assert np.isfinite(made).all()


def test_statuses() -> None:
    series = np.full((5, 60), np.nan)
    series[0], series[1], series[2, :3], series[3, 5] = np.sin(STEPS[:60]), 7.0, [1.0, 2.0, 3.0], np.inf
    made = DeepForecaster(10, 4, errors="ignore", **SMALL).fit(series)
    assert made.status_.tolist() == [0, 3, 2, 4, 4]
    ahead = made.forecast(3, level=(80,))
    assert np.isfinite(ahead.mean[:3]).all() and np.isnan(ahead.mean[3:]).all()
    np.testing.assert_allclose(ahead.upper[80][:3] - ahead.mean[:3], ahead.mean[:3] - ahead.lower[80][:3])
    short = DeepForecaster(50, 40, errors="ignore").fit(series[:3])
    assert short.status_.tolist() == [2, 3, 2] and short.forecast(2).mean[2].tolist() == [3.0, 3.0]
    with pytest.raises(StageError, match="no series is as long as a window of 50 and 40 steps"):
        DeepForecaster(50, 40, errors="raise").fit(series[:1])


def test_intervals_of_noise() -> None:
    """Of noise alone, the deviation is its own, and four fifths of what comes is in the interval of 80 %."""
    chance = np.random.default_rng(1).normal(10, 2, (40, 60))
    made = DeepForecaster(6, 3, cell="gru", validation=0.3, **{**SMALL, "epochs": 4}).fit(chance[:, :57]).forecast(3, level=(80,))
    inside = (made.lower[80] <= chance[:, 57:]) & (chance[:, 57:] <= made.upper[80])
    assert 0.7 < inside.mean() < 0.92


def test_kept_without_pickle(fitted: DeepForecaster) -> None:
    text, arrays = to_arrays(fitted)
    again = from_arrays(text, arrays, WAVES[:, :140])
    np.testing.assert_array_equal(again.forecast(9).mean, fitted.forecast(9).mean)
    assert isinstance(again, DeepForecaster) and again.history_ == fitted.history_
    with pytest.raises(ArtefactError):
        from_arrays(text.replace('"hidden_size": 6', '"hidden_size": 7'), arrays, WAVES[:, :140])


@pytest.mark.parametrize("cell", ["tt-rnn", "rnn", "lstm"])
def test_cells(cell: str) -> None:
    made = DeepForecaster(6, 3, cell, curriculum=1, sampling=0.5, num_layers=2, **SMALL).fit(WAVES)
    assert np.isfinite(made.forecast(5).mean).all()


def test_errors() -> None:
    for options, message in (
        ({"cell": "lstn"}, "Did you mean 'lstm'"),
        ({"past": 0}, "past must be a whole number from 1 on, got 0"),
        ({"validation": 1}, "validation is a share"),
        ({"rank": (2, 0)}, "rank must be"),
    ):
        with pytest.raises(UsageError, match=message):
            DeepForecaster(**{"past": 4, "horizon": 2, **options}).fit(WAVES)
    with pytest.raises(UsageError, match="takes no exogenous columns"):
        DeepForecaster(4, 2).fit(WAVES, np.zeros((150, 1)))


def test_nobody_else_loads_pytorch() -> None:
    stage = "gpupipe.Forecast(gpupipe.forecasts.DeepForecaster(3, 2), time='t', target='y')"
    code = f"import sys, gpupipe, gpupipe.forecasts; {stage}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_curriculum_comes_to_the_horizon() -> None:
    DeepForecaster(12, 6, epochs=7, curriculum=2, errors="ignore").fit(np.full((1, 1), np.nan))
    with pytest.raises(UsageError, match="6 epochs come to 4 of 6 steps: what comes after was never learnt"):
        DeepForecaster(12, 6, epochs=6, curriculum=2).fit(np.full((1, 1), np.nan))


def test_it_starts_from_another(fitted: DeepForecaster) -> None:
    """With a learning rate of next to nothing it says what the other said; a copy and what is kept of it hold no more than they need."""
    still = {**fitted.get_params(), "epochs": 1, "learning_rate": 1e-12}
    names, arrays = fitted._names, fitted._weights
    for start in (fitted, dict(zip(names, arrays, strict=True))):
        again = DeepForecaster(**{**still, "start": start}).fit(WAVES[:, :140])
        np.testing.assert_allclose(again.forecast(5).mean, fitted.forecast(5).mean, rtol=1e-5)
        assert DeepForecaster(**again.get_params()).start == again.start
        text, kept = to_arrays(again)
        assert from_arrays(text, kept, WAVES[:, :140]).start is None and len(kept) == len(to_arrays(fitted)[1])
    short = DeepForecaster(**{**still, "epochs": 3, "learning_rate": 0.01, "start": fitted}).fit(WAVES[:2, 60:])
    alone = DeepForecaster(**{**still, "epochs": 3, "learning_rate": 0.01}).fit(WAVES[:2, 60:])
    assert short.history_[0]["loss"] < alone.history_[-1]["loss"], "series that it knows, from the first epoch on"
    with pytest.raises(UsageError, match=r"DeepForecaster starts from weights that are those of the network"):
        DeepForecaster(**{**still, "hidden_size": 5, "start": fitted}).fit(np.full((1, 1), np.nan))
    for start, message in ((Naive().fit(WAVES), "got a Naive"), (DeepForecaster(3, 1), "Call fit"), (3, "got a int")):
        with pytest.raises(UsageError, match=message):
            DeepForecaster(12, 6, start=start)
