from __future__ import annotations

import numpy as np
import pytest
from tensorly.tenalg import mode_dot as their_mode_dot
from tensorly.tenalg import multi_mode_dot as their_multi_mode_dot

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError

TENSOR = np.random.default_rng(0).normal(size=(3, 4, 2, 5))


@pytest.mark.parametrize("mode", range(4))
def test_as_tensorly(mode: int) -> None:
    matrix = np.random.default_rng(1).normal(size=(6, TENSOR.shape[mode]))
    assert np.allclose(gt.mode_dot(TENSOR, matrix, mode), their_mode_dot(TENSOR, matrix, mode))
    assert np.allclose(gt.mode_dot(TENSOR, matrix.T, mode - 4, transpose=True), their_mode_dot(TENSOR, matrix, mode))
    assert np.allclose(gt.mode_dot(TENSOR, matrix[0], mode), their_mode_dot(TENSOR, matrix[0], mode))


def test_several_modes_as_tensorly() -> None:
    rng = np.random.default_rng(1)
    matrices = [rng.normal(size=(width, size)) for width, size in zip((2, 9, 1, 4), TENSOR.shape, strict=True)]
    assert np.allclose(gt.multi_mode_dot(TENSOR, matrices), their_multi_mode_dot(TENSOR, matrices))
    assert np.allclose(gt.multi_mode_dot(TENSOR, matrices, skip=1), their_multi_mode_dot(TENSOR, matrices, skip=1))
    assert np.allclose(gt.multi_mode_dot(TENSOR, matrices[2:], [2, 3]), their_multi_mode_dot(TENSOR, matrices[2:], [2, 3]))
    assert gt.multi_mode_dot(TENSOR, [None, None, matrices[2]]).shape == (3, 4, 1, 5)


def test_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match=r"shape \(2, 5\) does not fit mode 1 of a tensor of shape \(3, 4, 2, 5\)"):
        gt.mode_dot(TENSOR, np.ones((2, 5)), 1)
    with pytest.raises(UsageError, match="take mode_dot for a vector"):
        gt.multi_mode_dot(TENSOR, [np.ones(3)])
