"""Networks that go on with rows of series; what a forecaster makes of them is in tests/forecasts/test_deep_forecaster.py."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")

from gpupipe.deep import Training  # noqa: E402
from gpupipe.deep.series import fit_series, go_on, network_of  # noqa: E402

OPTIONS = {"cell": "gru", "hidden_size": 4}


def test_what_is_learnt_from_gives_the_range() -> None:
    """The last tenth is for validation, and its values are no part of the range."""
    values = np.concatenate([np.linspace(0, 8, 90), np.linspace(50, 60, 30)])[None, :, None]
    made = fit_series(values, OPTIONS, 5, (3, 0, 0.0), 0.2, 1, Training(1, device="cpu"))
    assert made is not None
    assert made.low.tolist() == [[0.0]] and made.span[0, 0] == pytest.approx(8.0)
    assert made.spread.shape == (3, 1) and made.n_windows == 90 - 8 + 1 and "validation_loss" in made.history.names
    whole = fit_series(values, OPTIONS, 5, (3, 0, 0.0), 0.0, 4, Training(1, device="cpu", patience=1))
    assert whole is not None and whole.span[0, 0] == pytest.approx(60.0) and whole.n_windows == len(range(0, 113, 4))


def test_too_short() -> None:
    assert fit_series(np.ones((2, 6, 1)), OPTIONS, 5, (3, 0, 0.0), 0.2, 1, Training(1, device="cpu")) is None


def test_going_on_is_in_the_rows_own_units() -> None:
    network = network_of(OPTIONS, 2)
    held = network.make(0)
    weights = tuple(held.state_dict()), tuple(value.numpy() for value in held.state_dict().values())
    past = np.random.default_rng(0).normal(size=(3, 5, 2))
    low, span = np.array([[1.0, 2.0]] * 3), np.array([[10.0, 0.5]] * 3)
    made = go_on(network, weights, (low, span), past, 4, "cpu")
    with torch.no_grad():
        expected = held(torch.from_numpy((past - low[:, None]) / span[:, None]).float(), 4).double().numpy()
    np.testing.assert_allclose(made, expected * span[:, None] + low[:, None], rtol=1e-6)
