from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from tensorly.decomposition import tensor_ring as theirs

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from tests.tensors.examples import distance


@pytest.mark.parametrize("mode", [0, 1, 2, -1])
def test_as_tensorly(mode: int) -> None:
    """From the first core on; TensorLy turns the ranks differently for others, so only the error's meaning is held there."""
    tensor = np.random.default_rng(0).normal(size=(9, 8, 10, 7))
    found, errors = gt.tensor_ring(tensor, (2, 3, 2, 2, 2), mode=mode, return_errors=True)
    assert found.rank == (2, 3, 2, 2, 2)
    assert found.shape == tensor.shape
    assert errors[-1] == pytest.approx(distance(tensor, found.to_tensor()), rel=1e-9)
    if mode == 0:
        assert errors[-1] == pytest.approx(distance(tensor, gt.tr_to_tensor(list(theirs(tensor, (2, 3, 2, 2, 2))))), rel=1e-9)


def test_full_ranks_are_exact() -> None:
    tensor = np.random.default_rng(0).normal(size=(6, 4, 5))
    assert distance(tensor, gt.tensor_ring(tensor, (2, 3, 10, 2)).to_tensor()) < 1e-12


def test_the_estimator() -> None:
    tensor = np.random.default_rng(0).normal(size=(6, 4, 5))
    model = clone(gt.TensorRing(2, mode=1)).fit(tensor)
    assert model.errors_[-1] == pytest.approx(distance(tensor, model.reconstruct()))
    assert gt.TensorRing(2).fit_transform(tensor).rank == model.rank_ == (2, 2, 2, 2)


def test_what_cannot_be_had() -> None:
    with pytest.raises(UsageError, match="of mode 1, has ranks 3 and 2, which multiply to 6; its unfolding of shape .4, 30. has 4 at most"):
        gt.tensor_ring(np.ones((6, 4, 5)), (2, 3, 2, 2), mode=1)
    with pytest.raises(UsageError, match="no mode 3"):
        gt.tensor_ring(np.ones((6, 4, 5)), 1, mode=3)
