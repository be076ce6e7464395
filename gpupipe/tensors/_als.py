"""Alternating least squares on products with a tensor, whatever form it has: dense, compressed or sparse; several starts at once.

Small things (factors, Gram matrices, errors) are held in double precision, whatever the tensor's own: in single precision the error that
falls out of a sweep would be wrong in its third digit. Source of sweep and error: Kolda and Bader, SIAM Review 51 (2009), section 3.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, Protocol

import numpy as np

from gpupipe.tensors._arrays import array_module
from gpupipe.tensors.mttkrp import grams_of, hadamard

_RESOLUTION = 1e3  # times the dtype's step: below this squared relative error the difference of sums is mostly rounding
CRITERIA = ("abs_rec_error", "rec_error")


Listener = Callable[[int, int, float], None]  # number of the sweep, how many there are at most, relative error
_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """Have each sweep of the decompositions within told to a listener.

    Examples
    --------
    >>> from gpupipe.tensors import parafac
    >>> heard = []
    >>> with listening(lambda number, most, error: heard.append(number)):
    ...     _ = parafac(np.eye(3), 1, n_iter_max=4, tol=0.0, compression=False)
    >>> heard[-1] <= 4
    True
    """
    before = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(before)


class Products(Protocol):
    """A tensor that can be multiplied with the factors of a CP decomposition."""

    rows: list[Any]

    def set(self, mode: int, rows: Any) -> None:
        """Replace the factor of a mode, (S, R, I)."""

    def mttkrp(self, mode: int) -> Any:
        """Return the tensor's MTTKRP of a mode with the present factors, (S, R, I) in double precision."""

    def residual(self) -> float:
        """Return the squared distance of the tensor to what the first start's factors stand for, computed by itself."""


@dataclass(frozen=True)
class Measure:
    """What errors are relative to.

    Parameters
    ----------
    inside
        The squared norm of what the sweeps see: of the tensor, or of its compressed core.
    outside
        The squared norm of what they cannot reach: what compressing lost.
    step
        The rounding of the dtype that products with the tensor are made in.
    """

    inside: float
    outside: float = 0.0
    step: float = float(np.finfo(np.float64).eps)

    def relative(self, squares: Any) -> Any:
        """Return relative errors of squared distances on the inside."""
        return ((squares + self.outside) / (self.inside + self.outside)) ** 0.5


@dataclass(frozen=True)
class Stopping:
    """When sweeps end: at `n_iter_max`, or when an error differs by less than `tol` from the one before, after at least two sweeps."""

    tol: float
    n_iter_max: int
    criterion: str = "abs_rec_error"
    linesearch: bool = False

    def met(self, errors: Sequence[float]) -> bool:
        """Whether the last error is near enough to the one before; who listens is told of that sweep."""
        listener = _LISTENER.get()
        if listener is not None and errors:
            listener(len(errors), self.n_iter_max, float(errors[-1]))
        if len(errors) < 2:
            return False
        fallen = errors[-2] - errors[-1]
        return (abs(fallen) if self.criterion == "abs_rec_error" else fallen) < self.tol


Update = Callable[[Products, int, Any, Any], Any]  # products, mode, MTTKRP, the others' Gram matrix: the new rows of the mode


@dataclass
class Sweeper:
    """Sweeps over the modes, each brought to its best with the others held.

    Parameters
    ----------
    update
        Returns the new rows of a mode; least squares without bounds by default.
    """

    products: Products
    measure: Measure
    update: Update = field(default=lambda products, mode, product, gram: solve(gram, product))

    def __post_init__(self) -> None:
        self.grams = grams_of(self.products.rows)

    def sweep(self) -> Any:
        """Bring every mode to its best, and return the last mode's MTTKRP."""
        product = None
        last = len(self.grams) - 1
        for mode in range(last + 1):
            product = self.products.mttkrp(mode)
            rows = self.update(self.products, mode, product, hadamard(self.grams, skip=mode))
            self.replace(mode, rows if mode == last else normalized(rows))
        return product

    def replace(self, mode: int, rows: Any) -> None:
        """Take a factor in place of the one that is there."""
        self.products.set(mode, rows)
        self.grams[mode] = rows @ rows.swapaxes(-1, -2)

    def squares(self, product: Any) -> Any:
        """Return each start's squared distance to the tensor from the last mode's MTTKRP, no further product with the tensor needed.

        ``|X - Y|^2 = |X|^2 + |Y|^2 - 2 <X, Y>``; where rounding is most of that, the distance of a single start is computed itself.
        """
        rows = self.products.rows[-1]
        squares = self.measure.inside + hadamard(self.grams).sum((-2, -1)) - 2 * (product * rows).sum((-2, -1))
        if len(rows) == 1 and float(squares[0]) < _RESOLUTION * self.measure.step * self.measure.inside:
            squares[0] = self.products.residual()
        return squares.clip(0.0, None)

    def errors(self, product: Any) -> Any:
        """Return each start's relative error."""
        return self.measure.relative(self.squares(product))

    def run(self, stopping: Stopping, errors: list[float]) -> None:
        """Sweep until it is enough, and append the relative error after each sweep. One start."""
        mine: list[float] = []
        while len(mine) < stopping.n_iter_max and not stopping.met(mine):
            before = list(self.products.rows)
            mine.append(float(self.errors(self.sweep())[0]))
            if stopping.linesearch and len(mine) > 4:
                mine[-1] = self._leap(before, len(mine), mine[-1])
        errors += mine

    def _leap(self, before: Sequence[Any], n_done: int, error: float) -> float:
        """Go on in the direction of the last sweep, where that is nearer to the tensor (Bro's line search); return the error there."""
        here = list(self.products.rows)
        reach = n_done ** (1 / 3)
        for mode, (old, new) in enumerate(zip(before, here, strict=True)):
            self.replace(mode, old + reach * (new - old))
        there = float(self.errors(self.products.mttkrp(len(here) - 1))[0])
        if there < error:
            return there
        for mode, rows in enumerate(here):
            self.replace(mode, rows)
        return error


def solve(gram: Any, product: Any) -> Any:
    """Return the rows A with ``gram @ A = product``, for a batch of symmetric matrices without negative eigenvalues.

    A ridge of the size of rounding keeps collinear factors solvable; where they are not even so, the shortest least-squares solution is
    taken.
    """
    xp = array_module(gram)
    n_columns = gram.shape[-1]
    step = np.finfo(np.float64)
    ridge = (step.eps * xp.trace(gram, axis1=-2, axis2=-1) + step.tiny)[..., None, None] * xp.eye(n_columns)
    try:
        rows = xp.linalg.solve(gram + ridge, product)
    except np.linalg.LinAlgError:
        rows = None
    if rows is None or not bool(xp.isfinite(rows).all()):
        rows = _least(xp, gram) @ product
    return rows


def _least(xp: Any, gram: Any) -> Any:
    """Return the pseudo-inverses of symmetric matrices by their eigenvalues."""
    values, vectors = xp.linalg.eigh(gram)
    kept = values > 1e-14 * values[..., -1:]
    return (vectors * xp.where(kept, 1 / xp.where(kept, values, 1.0), 0.0)[..., None, :]) @ vectors.swapaxes(-1, -2)


def normalized(rows: Any) -> Any:
    """Return rows of norm 1; the last mode of a sweep carries the size. Rows of zeros stay."""
    xp = array_module(rows)
    norms = xp.sqrt((rows**2).sum(-1, keepdims=True))
    return rows / xp.where(norms == 0, 1.0, norms)


def chosen(rows: Sequence[Any], start: int) -> list[Any]:
    """Return the factors of one start, still as a batch."""
    return [one[start : start + 1] for one in rows]


def relative_error(square: float, norm_squared: float) -> float:
    """Return the relative error of a squared distance; of a zero tensor, 0 where it is met."""
    if norm_squared == 0:
        return 0.0 if square <= 0 else float("inf")
    return sqrt(max(square, 0.0) / norm_squared)
