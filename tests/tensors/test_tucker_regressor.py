from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from tensorly.regression import TuckerRegressor as Theirs

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError


def test_weights_are_found_as_tensorly_finds_them() -> None:
    rng = np.random.default_rng(0)
    weights = gt.tucker_to_tensor((rng.normal(size=(2, 3, 2)), [rng.normal(size=shape) for shape in ((6, 2), (7, 3), (5, 2))]))
    tensor = rng.normal(size=(600, 6, 7, 5)) + 0.5
    target = np.tensordot(tensor, weights, 3) + 3
    target += 0.05 * target.std() * rng.normal(size=600)
    model = clone(gt.TuckerRegressor((2, 3, 2), reg_W=0.1)).fit(tensor, target)
    assert np.linalg.norm(model.weight_tensor_ - weights) < 0.05 * np.linalg.norm(weights)
    assert model.intercept_ == pytest.approx(3, abs=0.5)
    assert np.allclose(model.tucker_weight_.to_tensor(), model.weight_tensor_)
    centred = tensor - tensor.mean(0)
    their = Theirs([2, 3, 2], verbose=0, random_state=0, reg_W=0.1, n_iter_max=100).fit(centred, target - target.mean())
    assert model.score(tensor, target) > 1 - 1.05 * np.mean((their.predict(centred) - target + target.mean()) ** 2) / target.var()
    single = gt.TuckerRegressor((2, 3, 2)).fit(tensor.astype(np.float32), target)
    assert single.weight_tensor_.dtype == np.float32
    assert single.score(tensor.astype(np.float32), target) > 0.99


def test_a_target_that_does_not_vary() -> None:
    model = gt.TuckerRegressor(1).fit(np.random.default_rng(0).normal(size=(50, 3, 4)), np.full(50, 7.0))
    assert model.intercept_ == pytest.approx(7)
    assert np.allclose(model.weight_tensor_, 0, atol=1e-6)


def test_a_rank_above_a_size() -> None:
    with pytest.raises(UsageError, match="rank 3 of mode 0 is above its size 2"):
        gt.TuckerRegressor((3, 3)).fit(np.ones((5, 2, 3)), np.ones(5))
