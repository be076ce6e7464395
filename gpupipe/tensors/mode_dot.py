"""Mode products: a tensor times a matrix along one mode, or along several. None of them copies the tensor."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module, require_mode


def mode_dot(tensor: Any, matrix_or_vector: Any, mode: int, *, transpose: bool = False) -> Any:
    """Return the tensor with a mode's fibres multiplied by a matrix; by a vector, the mode is gone.

    Parameters
    ----------
    matrix_or_vector
        (R, I_mode), or (I_mode,).
    transpose
        The matrix is given as (I_mode, R).

    Raises
    ------
    UsageError
        The sizes do not fit.

    Notes
    -----
    As ``tensorly.tenalg.mode_dot``. A contiguous tensor is read where it lies: the last mode is one matrix product from the right, the
    first one from the left, one in between a batch of products (Shi, Niranjan, Anandkumar, Cecka, HiPC 2016).

    Examples
    --------
    >>> import numpy as np
    >>> mode_dot(np.ones((2, 3, 4)), np.ones((5, 3)), 1).shape
    (2, 5, 4)
    """
    xp = array_module(tensor)
    mode = require_mode(tensor, mode)
    if matrix_or_vector.ndim == 1:
        return mode_dot(tensor, matrix_or_vector[None, :], mode).reshape(*tensor.shape[:mode], *tensor.shape[mode + 1 :])
    matrix = matrix_or_vector.T if transpose else matrix_or_vector
    if matrix.ndim != 2 or matrix.shape[1] != tensor.shape[mode]:
        raise UsageError(
            f"A matrix of shape {tuple(matrix_or_vector.shape)} does not fit mode {mode} of a tensor of shape {tuple(tensor.shape)}."
        )
    before, after = prod(tensor.shape[:mode]), prod(tensor.shape[mode + 1 :])
    shape = (*tensor.shape[:mode], matrix.shape[0], *tensor.shape[mode + 1 :])
    if after == 1:
        return (tensor.reshape(before, -1) @ matrix.T).reshape(shape)
    if before == 1:
        return (matrix @ tensor.reshape(tensor.shape[mode], after)).reshape(shape)
    return xp.matmul(matrix, tensor.reshape(before, tensor.shape[mode], after)).reshape(shape)


def multi_mode_dot(
    tensor: Any, matrices: Sequence[Any], modes: Sequence[int] | None = None, *, skip: int | None = None, transpose: bool = False
) -> Any:
    """Return the tensor multiplied along several modes, the one that makes it smallest first.

    Parameters
    ----------
    matrices
        One for each mode; None leaves a mode as it is. Matrices alone, no vectors.
    modes
        Which mode each is for; the first ones by default.
    skip
        The place of one that is left out.
    transpose
        The matrices are given as (I, R).

    Raises
    ------
    UsageError
        The sizes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> multi_mode_dot(np.ones((2, 3, 4)), [np.ones((1, 2)), None, np.ones((9, 4))]).shape
    (1, 3, 9)
    """
    chosen = [
        (mode, matrix)
        for place, (mode, matrix) in enumerate(zip(modes or range(len(matrices)), matrices, strict=True))
        if place != skip and matrix is not None
    ]
    if any(matrix.ndim != 2 for _, matrix in chosen):
        raise UsageError("multi_mode_dot expected matrices; take mode_dot for a vector.")
    rows = 1 if transpose else 0
    for mode, matrix in sorted(chosen, key=lambda pair: pair[1].shape[rows] / pair[1].shape[1 - rows]):
        tensor = mode_dot(tensor, matrix, mode, transpose=transpose)
    return tensor
