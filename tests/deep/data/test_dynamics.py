"""Series of dynamical systems against SciPy's integration and the maps' own formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

torch = pytest.importorskip("torch", reason="the extra deep is not installed")

from gpupipe.core.errors import UsageError  # noqa: E402
from gpupipe.deep.data.dynamics import GENZ, MOVING, GenzMap, LogisticMap, Lorenz  # noqa: E402


def test_by_number() -> None:
    for series in (Lorenz(9, 7), LogisticMap(9, 7), GenzMap(9, 7)):
        whole = series[:]
        some = torch.tensor([8, 3])
        assert torch.equal(series[some], whole[some]) and len(series) == 9 and whole.dtype == torch.float64
        assert not torch.equal(type(series)(9, 7, seed=1)[:], whole)
        with pytest.raises(IndexError, match="from 0 to 8"):
            series[torch.tensor([9])]


def test_the_starts_are_uniform() -> None:
    x = np.sort(LogisticMap(20000, 1)[:].numpy().ravel())
    assert np.abs(x - (np.arange(20000) + 0.5) / 20000).max() < 1.63 / math.sqrt(20000)  # Kolmogorov and Smirnov, 1 %


def test_lorenz_is_scipys() -> None:
    series = Lorenz(2, 20)[:].numpy()

    def moved(_: float, x: np.ndarray) -> list[float]:
        return [10 * (x[1] - x[0]), x[0] * (28 - x[2]) - x[1], x[0] * x[1] - 8 / 3 * x[2]]

    for one in series:
        theirs = solve_ivp(moved, (0, 0.95), one[0], t_eval=np.linspace(0, 0.95, 20), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(one, theirs.y.T, atol=2e-3)
    long = Lorenz(50, 400)[:]
    assert long[..., 2].mean().item() == pytest.approx(23.55, abs=0.3)  # of the attractor


def test_logistic_in_closed_form() -> None:
    """x_n = sin(2 ** n asin(sqrt(x_0))) ** 2."""
    x = LogisticMap(5, 12)[:].numpy()[:, :, 0]
    expected = np.sin(2.0 ** np.arange(12) * np.arcsin(np.sqrt(x[:, :1]))) ** 2
    np.testing.assert_allclose(x, expected, atol=1e-10)


def test_genz_families() -> None:
    def last(family: str, c: float) -> tuple[float, float]:
        a, b = GenzMap(1, 2, family=family, c=c)[:][0, :, 0].tolist()
        return a, b

    a, b = last("oscillatory", 2.0)
    assert b == pytest.approx(math.cos(math.pi + 2 * a))
    a, b = last("product peak", 2.0)
    assert b == pytest.approx(1 / (0.25 + (a - 0.5) ** 2))
    a, b = last("corner peak", 2.0)
    assert b == pytest.approx(1 / (1 + 2 * a) ** 2)
    a, b = last("gaussian", 2.0)
    assert b == pytest.approx(math.exp(-4 * (a - 0.5) ** 2))
    a, b = last("continuous", 2.0)
    assert b == pytest.approx(math.exp(-2 * abs(a - 0.5)))
    a, b = last("discontinuous", 2.0)
    assert b == (0 if a > 0.5 else pytest.approx(math.exp(2 * a)))


@pytest.mark.parametrize(("family", "c"), [(family, c) for family, constants in MOVING.items() for c in constants])
def test_they_do_not_settle(family: str, c: float) -> None:
    """What is far too little to be seen is as large as the attractor some time later."""
    x = GenzMap(20, 300, family=family, c=c)[:][:, -1]
    near, function, apart = x + 1e-9, GENZ[family], torch.zeros(20, 1)
    for _ in range(1000):
        x, near = function(x, c), function(near, c)
        apart = torch.maximum(apart, (x - near).abs().float())
    assert (apart > 1e-4).float().mean() > 0.9


def test_errors() -> None:
    with pytest.raises(UsageError, match="Did you mean 'gaussian'"):
        GenzMap(1, 1, family="gausian")
    with pytest.raises(UsageError, match="length must be a whole number from 1 on, got 0"):
        Lorenz(1, 0)
