from __future__ import annotations

import numpy as np
import pytest

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError

ROWS = np.random.default_rng(0).gamma(2, size=(40_000, 4)) @ np.random.default_rng(1).normal(size=(4, 4)) + 1
VECTORS = np.random.default_rng(2).normal(size=(4, 3))


def contracted(tensor: np.ndarray, vector: np.ndarray) -> np.ndarray:
    while tensor.ndim > 1:
        tensor = tensor @ vector
    return tensor


@pytest.mark.parametrize("order", [2, 3, 4])
def test_as_the_whole_tensor_contracted(order: int) -> None:
    for central in (False, True):
        whole, found = gt.moment(ROWS, order, central=central), gt.moment_along(ROWS, VECTORS, order, central=central)
        for place, vector in enumerate(VECTORS.T):
            assert np.allclose(found[:, place], contracted(whole, vector))
    whole, found = gt.cumulant(ROWS, order), gt.cumulant_along(ROWS, VECTORS, order)
    for place, vector in enumerate(VECTORS.T):
        assert np.allclose(found[:, place], contracted(whole, vector))
    assert np.allclose(gt.cumulant_along(ROWS, VECTORS[:, 1], order), found[:, 1])
    basis = np.einsum("abc,ai,bj,ck->ijk", gt.moment(ROWS, 3), VECTORS, VECTORS, VECTORS)
    assert np.allclose(gt.moment(ROWS @ VECTORS, 3), basis)


def test_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match="order 2 to 4, got 1"):
        gt.moment_along(ROWS, VECTORS, 1)
    with pytest.raises(UsageError, match=r"got shapes \(40000, 4\) and \(3,\)"):
        gt.cumulant_along(ROWS, np.ones(3), 3)
