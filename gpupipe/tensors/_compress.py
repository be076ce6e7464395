"""A dense tensor seen through orthonormal bases of its modes: most of a decomposition's work is then done on a core that fits the cache.

The bases are found one mode after the other, the one with the largest reduction first, each on what the ones before have left (ST-HOSVD),
by a randomized range finder with power steps. Fitting on a compressed tensor is CANDELINC.

Source: Vannieuwenhoven, Vandebril, Meerbergen, SIAM J. Sci. Comput. 34 (2012); Halko, Martinsson, Tropp, SIAM Review 53 (2011); Carroll,
Pruzansky, Kruskal, Psychometrika 45 (1980).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from gpupipe.tensors._arrays import array_module, normals, sum_of_squares
from gpupipe.tensors.khatri_rao import khatri_rao_rows
from gpupipe.tensors.mode_dot import mode_dot
from gpupipe.tensors.mttkrp import DenseTree

_BLOCK_ELEMENTS, _DEVICE_BLOCK_ELEMENTS = 1 << 17, 1 << 24  # of partial products that are summed at a time


@dataclass(frozen=True, eq=False)
class Compressed:
    """A tensor's core and bases.

    Parameters
    ----------
    core
        The tensor with each mode multiplied by its transposed basis.
    bases
        (I_n, k_n) with orthonormal columns, or None where a mode is as it was.
    lost
        The squared norm of what the core does not have.
    """

    core: Any
    bases: tuple[Any, ...]
    lost: float

    def lift(self, mode: int, rows: Any) -> Any:
        """Return rows (..., R, k_n) of the core as rows (..., R, I_n) of the tensor, in double precision."""
        basis = self.bases[mode]
        return rows if basis is None else rows @ basis.T.astype(np.float64)


def widths(shape: Sequence[int], wanted: Sequence[int], *, worth: float = 1.5) -> tuple[int, ...]:
    """Return how wide each mode's basis is to be: what is wanted where the mode is `worth` times as large, else the mode itself.

    Examples
    --------
    >>> widths((100, 12, 100), (13, 13, 13))
    (13, 12, 13)
    """
    whole = prod(shape)
    limited = (min(width, size, whole // size) for width, size in zip(wanted, shape, strict=True))
    return tuple(width if worth * width <= size else size for width, size in zip(limited, shape, strict=True))


def compress(tensor: Any, sizes: Sequence[int], seed: np.random.Generator, *, power: int, norm_squared: float) -> Compressed:
    """Return the tensor compressed to a core of the given sizes; the tensor itself where none is smaller.

    Parameters
    ----------
    power
        How many power steps refine a basis; each reads the tensor twice.
    """
    bases: list[Any] = [None] * tensor.ndim
    core = tensor
    for mode in sorted(range(tensor.ndim), key=lambda mode: sizes[mode] / tensor.shape[mode]):
        if sizes[mode] < tensor.shape[mode]:
            bases[mode], core = range_finder(core, mode, sizes[mode], seed, power=power)
    lost = max(0.0, norm_squared - sum_of_squares(core)) if core is not tensor else 0.0
    return Compressed(core, tuple(bases), lost)


def range_finder(tensor: Any, mode: int, width: int, seed: np.random.Generator, *, power: int) -> tuple[Any, Any]:
    """Return an orthonormal basis of the leading directions of a mode, and the tensor multiplied by it."""
    qr = array_module(tensor).linalg.qr
    basis = qr(_sketch(tensor, mode, width, seed))[0]
    view = tensor.reshape(prod(tensor.shape[:mode]), tensor.shape[mode], -1)
    for _ in range(power):
        seen = mode_dot(tensor, basis, mode, transpose=True)
        basis = qr(times_transposed(view, seen.reshape(len(view), width, -1)))[0]
        del seen  # before the next one is made: the tensor may be most of the memory
    return basis, mode_dot(tensor, basis, mode, transpose=True)


def _sketch(tensor: Any, mode: int, width: int, seed: np.random.Generator) -> Any:
    """Return an unfolding times a random matrix, (I, width): a Khatri-Rao product, of which only the factors are drawn."""
    xp = array_module(tensor)
    before, size, after = prod(tensor.shape[:mode]), tensor.shape[mode], prod(tensor.shape[mode + 1 :])
    rows = [normals(xp, seed, (width, n), tensor.dtype) for place, n in enumerate(tensor.shape) if place != mode]
    one = [xp.ones((width, 1), tensor.dtype)]
    slow, fast = khatri_rao_rows(rows[:mode] or one), khatri_rao_rows(rows[mode:] or one)
    view = tensor.reshape(before, size, after)
    if before == 1:
        return view[0] @ fast.T
    if after == 1:
        return view[:, :, 0].T @ slow.T
    sketch = xp.zeros((size, width), tensor.dtype)
    step = max(1, _block_elements(xp) // max(size * width, after * width))
    for at in range(0, before, step):  # sum over b of X[b] @ (slow[:, b] * fast).T
        test = slow.T[at : at + step, :, None] * fast[None]
        sketch += xp.matmul(view[at : at + step], test.swapaxes(1, 2)).sum(0)
    return sketch


def _block_elements(xp: Any) -> int:
    return _BLOCK_ELEMENTS if xp is np else _DEVICE_BLOCK_ELEMENTS


def times_transposed(left: Any, right: Any) -> Any:
    """Return the sum over b of ``left[b] @ right[b].T``, in blocks of b."""
    xp = array_module(left)
    before, size, after = left.shape
    width = right.shape[1]
    if before == 1:
        return left[0] @ right[0].T
    if after == 1:
        return left.reshape(before, size).T @ right.reshape(before, width)
    total = xp.zeros((size, width), left.dtype)
    step = max(1, _block_elements(xp) // (size * width))
    for at in range(0, before, step):
        total += xp.matmul(left[at : at + step], right[at : at + step].swapaxes(1, 2)).sum(0)
    return total


class CompressedTree:
    """The MTTKRPs of a compressed tensor with factors of full length.

    For bounds such as non-negativity, which hold of the factors themselves and not of their coordinates in a basis.
    """

    def __init__(self, compressed: Compressed, rows: Sequence[Any]) -> None:
        self.compressed = compressed
        self.rows = list(rows)
        self.tree = DenseTree(compressed.core, [self._short(mode, one) for mode, one in enumerate(rows)])

    def set(self, mode: int, rows: Any) -> None:
        """Replace the factor of a mode."""
        self.rows[mode] = rows
        self.tree.set(mode, self._short(mode, rows))

    def mttkrp(self, mode: int) -> Any:
        """Return the MTTKRP of a mode, (S, R, I_mode)."""
        return self.compressed.lift(mode, self.tree.mttkrp(mode))

    def residual(self) -> float:
        """Return 0.0: what the sums lost in rounding is far below what compressing lost."""
        return 0.0

    def _short(self, mode: int, rows: Any) -> Any:
        basis = self.compressed.bases[mode]
        return rows if basis is None else rows @ basis.astype(np.float64)
