"""The Khatri-Rao product: Kronecker products of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module


def khatri_rao(matrices: Sequence[Any], *, skip: int | None = None) -> Any:
    """Return the column-wise Kronecker product of matrices with as many columns, the rows of the first one slowest.

    Parameters
    ----------
    matrices
        Two-dimensional arrays with R columns each.
    skip
        The place of one that is left out.

    Raises
    ------
    UsageError
        There are none, or their columns are not as many.

    Notes
    -----
    As ``tensorly.tenalg.khatri_rao``; with it ``unfold(X, n)`` of a CP tensor is ``A_n @ khatri_rao(factors, skip=n).T``.

    Examples
    --------
    >>> import numpy as np
    >>> khatri_rao([np.array([[1, 2]]), np.array([[3, 4], [5, 6]])])
    array([[ 3,  8],
           [ 5, 12]])
    """
    kept = [matrix for place, matrix in enumerate(matrices) if place != skip]
    if not kept or any(matrix.ndim != 2 or matrix.shape[1] != kept[0].shape[1] for matrix in kept):
        shapes = [tuple(matrix.shape) for matrix in kept]
        raise UsageError(f"khatri_rao expected matrices with equal numbers of columns, got shapes {shapes}.")
    product = kept[0]
    for matrix in kept[1:]:
        product = (product[:, None, :] * matrix[None, :, :]).reshape(-1, product.shape[1])
    return product if len(kept) > 1 else array_module(product).array(product)


def khatri_rao_rows(rows: Sequence[Any]) -> Any:
    """Return the transposed Khatri-Rao product of transposed factors: (..., R, I) and (..., R, J) become (..., R, I * J).

    So kept, a column of a factor is contiguous and the product is written in one run; what stands before R is a batch.

    Examples
    --------
    >>> import numpy as np
    >>> khatri_rao_rows([np.array([[1], [2]]), np.array([[3, 5], [4, 6]])])
    array([[ 3,  5],
           [ 8, 12]])
    """
    product = rows[0]
    for row in rows[1:]:
        product = (product[..., :, None] * row[..., None, :]).reshape(*product.shape[:-1], -1)
    return product
