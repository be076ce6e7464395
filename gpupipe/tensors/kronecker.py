"""The Kronecker product of several matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module


def kronecker(matrices: Sequence[Any], *, skip: int | None = None) -> Any:
    """Return the Kronecker product of matrices, the rows and columns of the first one slowest.

    Raises
    ------
    UsageError
        There are none, or one has not two dimensions.

    Notes
    -----
    As ``tensorly.tenalg.kronecker``.

    Examples
    --------
    >>> import numpy as np
    >>> kronecker([np.array([[1, 2]]), np.array([[3], [4]])])
    array([[3, 6],
           [4, 8]])
    """
    kept = [matrix for place, matrix in enumerate(matrices) if place != skip]
    if not kept or any(matrix.ndim != 2 for matrix in kept):
        raise UsageError(f"kronecker expected matrices, got shapes {[tuple(matrix.shape) for matrix in kept]}.")
    product = array_module(kept[0]).array(kept[0])
    for matrix in kept[1:]:
        n_rows, n_columns = product.shape[0] * matrix.shape[0], product.shape[1] * matrix.shape[1]
        product = (product[:, None, :, None] * matrix[None, :, None, :]).reshape(n_rows, n_columns)
    return product
