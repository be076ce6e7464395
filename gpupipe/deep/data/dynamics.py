"""Series of dynamical systems: the Lorenz system, the logistic map, and maps made of Genz' test functions.

A trajectory with Lyapunov exponent L cannot be told beyond about ``log(1 / error) / L`` steps: beyond, the best forecast is the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gpupipe.core.errors import UsageError, listing, nearest
from gpupipe.deep.data._chance import uniform

HALF = 0.5  # Genz' w
GENZ: Mapping[str, Callable[[Tensor, float], Tensor]] = {
    "oscillatory": lambda x, c: torch.cos(2 * math.pi * HALF + c * x),
    "product peak": lambda x, c: 1 / (c**-2 + (x - HALF) ** 2),
    "corner peak": lambda x, c: (1 + c * x) ** -2,
    "gaussian": lambda x, c: torch.exp(-(c**2) * (x - HALF) ** 2),
    "continuous": lambda x, c: torch.exp(-c * (x - HALF).abs()),
    "discontinuous": lambda x, c: torch.where(x > HALF, 0.0, torch.exp(c * x)),
}
# Constants whose maps are chaotic, their Lyapunov exponents from 0.04 (continuous, 1.5) to 1.5. Those with others reach a fixed point or a
# cycle, mostly within a few dozen steps, where any model forecasts well.
MOVING: Mapping[str, tuple[float, ...]] = {
    "oscillatory": (2.0, 2.5, 4.0, 4.5, 5.0, 5.5, 6.0, 7.0, 7.5, 8.0),
    "gaussian": (2.5, 3.0, 3.5),
    "continuous": (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0),
}


@dataclass(frozen=True)
class Dynamics:
    """Series by number: ``len(series)``, and ``series[numbers]``, float64 [len(numbers), length, n_columns].

    Parameters
    ----------
    n_series, length
        How many series there are, and of how many steps.
    seed
        Of where they start.
    device
        Where they are made.
    """

    n_series: int
    length: int
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("n_series", "length"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"{type(self).__name__}'s {name} must be a whole number from 1 on, got {value!r}.")

    def __len__(self) -> int:
        return self.n_series

    def __getitem__(self, numbers: Tensor | slice) -> Tensor:
        """Return the series of some numbers."""
        chosen = torch.arange(self.n_series)[numbers] if isinstance(numbers, slice) else torch.as_tensor(numbers)
        if len(chosen) and not 0 <= int(chosen.min()) <= int(chosen.max()) < self.n_series:
            raise IndexError(f"series are numbered from 0 to {self.n_series - 1}")
        return self.made(chosen.to(self.device))

    def made(self, numbers: Tensor) -> Tensor:
        """Return the series of numbers that are there."""
        raise NotImplementedError


@dataclass(frozen=True)
class MapSeries(Dynamics):
    """Series of a map from a number in [0, 1] to the next one."""

    def made(self, numbers: Tensor) -> Tensor:
        """Return the series, begun anywhere in [0, 1]."""
        x = uniform(self.seed, numbers, 1)
        steps = []
        for _ in range(self.length):
            steps.append(x)
            x = self.next(x)
        return torch.stack(steps, 1)

    def next(self, x: Tensor) -> Tensor:
        """Return the next step."""
        raise NotImplementedError


@dataclass(frozen=True)
class LogisticMap(MapSeries):
    """Series of ``x' = r x (1 - x)``; with r = 4 they never settle, and the Lyapunov exponent is log 2.

    Examples
    --------
    >>> x = LogisticMap(3, 5)[:2]
    >>> x.shape, bool(torch.allclose(x[:, 1], 4 * x[:, 0] * (1 - x[:, 0])))
    (torch.Size([2, 5, 1]), True)
    """

    r: float = 4.0

    def next(self, x: Tensor) -> Tensor:
        """Return the next step."""
        return self.r * x * (1 - x)


@dataclass(frozen=True)
class GenzMap(MapSeries):
    """Series of ``x' = f(x)`` with one of Genz' six test functions of one variable, w = 1/2.

    The forms are Genz' (1984); the constants that the paper on tensor-train networks printed could not be confirmed, so they are ours:
    ``MOVING`` has those whose maps do not settle.

    Parameters
    ----------
    family
        ``"oscillatory"`` cos(2 pi w + c x), ``"product peak"`` 1 / (c^-2 + (x - w)^2), ``"corner peak"`` (1 + c x)^-2, ``"gaussian"``
        exp(-c^2 (x - w)^2), ``"continuous"`` exp(-c |x - w|), ``"discontinuous"`` 0 above w, exp(c x) below.

    Examples
    --------
    >>> GenzMap(2, 4, family="gaussian", c=3.0)[:].shape
    torch.Size([2, 4, 1])
    """

    family: str = "continuous"
    c: float = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.family not in GENZ:
            raise UsageError(f"family must be one of {listing(GENZ)}, got {self.family!r}.{nearest(str(self.family), GENZ)}")

    def next(self, x: Tensor) -> Tensor:
        """Return the next step."""
        return GENZ[self.family](x, self.c)


@dataclass(frozen=True)
class Lorenz(Dynamics):
    """Series of the Lorenz system (sigma 10, rho 28, beta 8/3), by Runge and Kutta's fourth order, on the attractor from the first step on.

    The Lyapunov exponent is about 0.906 a unit of time.

    Parameters
    ----------
    every
        Time between steps; the integration has steps of 0.01.

    Examples
    --------
    >>> x = Lorenz(2, 100)[:]
    >>> x.shape, bool(x.abs().max() < 60), bool((x[0] == x[1]).any())
    (torch.Size([2, 100, 3]), True, False)
    """

    every: float = 0.05

    def made(self, numbers: Tensor) -> Tensor:
        """Return the series."""
        inner = max(round(self.every / 0.01), 1)
        x = uniform(self.seed, numbers, 3) * 20 - 10 + torch.tensor([0.0, 0.0, 25.0], dtype=torch.float64, device=numbers.device)
        for _ in range(1000):  # onto the attractor
            x = _runge_kutta(x, 0.01)
        steps = []
        for _ in range(self.length):
            steps.append(x)
            for _ in range(inner):
                x = _runge_kutta(x, self.every / inner)
        return torch.stack(steps, 1)


def _runge_kutta(x: Tensor, step: float) -> Tensor:
    """Return the Lorenz system a step later."""
    first = _lorenz(x)
    second = _lorenz(x + step / 2 * first)
    third = _lorenz(x + step / 2 * second)
    return x + step / 6 * (first + 2 * second + 2 * third + _lorenz(x + step * third))


def _lorenz(x: Tensor) -> Tensor:
    """Return how fast the Lorenz system moves."""
    a, b, c = x.unbind(-1)
    return torch.stack([10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c], -1)
