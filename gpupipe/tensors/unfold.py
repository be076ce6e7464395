"""Tensors as matrices and back, in TensorLy's convention: mode n becomes the rows, the others follow in order, the last one fastest."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, require_mode


def unfold(tensor: Any, mode: int = 0) -> Any:
    """Return the tensor as a matrix with one mode as its rows; mode 0 of a contiguous tensor is a view.

    Raises
    ------
    UsageError
        There is no such mode.

    Notes
    -----
    As ``tensorly.unfold``; Kolda and Bader (SIAM Review 51, 2009) let the first of the other modes run fastest.

    Examples
    --------
    >>> import numpy as np
    >>> unfold(np.arange(8).reshape(2, 2, 2), 1)
    array([[0, 1, 4, 5],
           [2, 3, 6, 7]])
    """
    xp = array_module(tensor)
    return xp.moveaxis(tensor, require_mode(tensor, mode), 0).reshape(tensor.shape[mode], -1)


def fold(unfolded: Any, mode: int, shape: Sequence[int]) -> Any:
    """Return the tensor of `shape` whose unfolding along `mode` this is.

    Raises
    ------
    UsageError
        The matrix is no such unfolding.

    Examples
    --------
    >>> import numpy as np
    >>> tensor = np.arange(8).reshape(2, 2, 2)
    >>> bool((fold(unfold(tensor, 1), 1, (2, 2, 2)) == tensor).all())
    True
    """
    xp = array_module(unfolded)
    shape = tuple(shape)
    if not -len(shape) <= mode < len(shape) or unfolded.shape != (shape[mode], prod(shape) // max(shape[mode], 1)):
        raise UsageError(f"A matrix of shape {unfolded.shape} is not the unfolding along mode {mode} of a tensor of shape {shape}.")
    mode %= len(shape)
    turned = (shape[mode], *shape[:mode], *shape[mode + 1 :])
    return xp.moveaxis(unfolded.reshape(turned), 0, mode)
