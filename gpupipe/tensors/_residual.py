"""The distance of a tensor to a model of it, some slices at a time: where it is too small to be had as a difference of norms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gpupipe.tensors._als import relative_error
from gpupipe.tensors._arrays import sum_of_squares

_SLAB_ELEMENTS = 1 << 16
_RESOLUTION = 1e3  # times the dtype's step: a squared relative error below it is mostly rounding


def squared_distance(tensor: Any, model_of: Callable[[slice], Any]) -> float:
    """Return the squared distance; `model_of` returns the model of a slice along mode 0.

    Examples
    --------
    >>> squared_distance(np.ones((3, 2)), lambda slab: np.zeros((3, 2))[slab])
    6.0
    """
    step = max(1, _SLAB_ELEMENTS * len(tensor) // tensor.size)
    slabs = (slice(at, at + step) for at in range(0, len(tensor), step))
    return sum(sum_of_squares(tensor[slab] - model_of(slab)) for slab in slabs)


def checked_error(tensor: Any, norm_squared: float, square: float, model_of: Callable[[slice], Any]) -> float:
    """Return the relative error of a difference of norms; where rounding is most of that, of the distance itself."""
    if square < _RESOLUTION * float(np.finfo(tensor.dtype).eps) * norm_squared:
        square = squared_distance(tensor, model_of)
    return relative_error(square, norm_squared)
