from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from tensorly.regression import CPRegressor as Theirs

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from gpupipe.tensors.cp_regressor import _Features
from tests.tensors.examples import random_factors


def samples(shape: tuple[int, ...], rank: int, n: int = 500, noise: float = 0.05) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    weights = gt.cp_to_tensor((None, random_factors(shape, rank)))
    tensor = rng.normal(size=(n, *shape)) + 0.5
    target = np.tensordot(tensor, weights, len(shape)) + 3
    return tensor, target + noise * target.std() * rng.normal(size=n), weights


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 5), (4, 5, 3, 4)])
def test_weights_are_found_as_tensorly_finds_them(shape: tuple[int, ...]) -> None:
    tensor, target, weights = samples(shape, 2)
    model = clone(gt.CPRegressor(2, reg_W=0.1)).fit(tensor, target)
    assert model.intercept_ == pytest.approx(3, abs=0.5)
    assert np.linalg.norm(model.weight_tensor_ - weights) < 0.1 * np.linalg.norm(weights)
    assert np.allclose(model.cp_weight_.to_tensor(), model.weight_tensor_)
    centred = tensor - tensor.mean(0)
    their = Theirs(2, verbose=0, random_state=0, reg_W=0.1, n_iter_max=300).fit(centred, target - target.mean())
    assert model.score(tensor, target) > 1 - 1.02 * np.mean((their.predict(centred) - target + target.mean()) ** 2) / target.var()
    plain = gt.CPRegressor(2, reg_W=0.1, fit_intercept=False).fit(centred, target - target.mean())
    assert plain.intercept_ == 0
    assert np.allclose(plain.weight_tensor_, model.weight_tensor_, atol=1e-3)


def test_of_full_rank_it_is_the_linear_model() -> None:
    tensor, target, _ = samples((3, 4), 3)
    model = gt.CPRegressor(3, reg_W=0.0, tol=1e-12, n_iter_max=2000).fit(tensor, target)
    linear = Ridge(alpha=1e-10).fit(tensor.reshape(len(tensor), -1), target)
    assert np.allclose(model.predict(tensor), linear.predict(tensor.reshape(len(tensor), -1)), atol=1e-4 * target.std())


def test_features_follow_factors_that_change() -> None:
    tensor, _, _ = samples((4, 5, 3, 2), 2, n=20)
    factors = random_factors((4, 5, 3, 2), 3)
    features = _Features(tensor, [factor.T for factor in factors])
    for changed in (1, 3, 0, 2):
        factors[changed] = random_factors((4, 5, 3, 2), 3, seed=9)[changed]
        features.set(changed, factors[changed].T)
        for mode in range(4):
            others = [factor if place != mode else np.eye(len(factor)) for place, factor in enumerate(factors)]
            labels = ["abcd"[place] + ("r" if place != mode else "i") for place in range(4)]
            wanted = np.einsum(f"nabcd,{','.join(labels)}->nri", tensor, *others)
            assert np.allclose(features.of(mode), wanted.reshape(20, -1))


def test_float32_stays_and_samples_are_left_alone() -> None:
    tensor, target, weights = samples((6, 7, 5), 2)
    single, before = tensor.astype(np.float32), tensor.astype(np.float32)
    model = gt.CPRegressor(2).fit(single, target.astype(np.float32))
    assert model.weight_tensor_.dtype == model.predict(single).dtype == np.float32
    assert np.array_equal(single, before)
    assert np.linalg.norm(model.weight_tensor_ - weights) < 0.1 * np.linalg.norm(weights)


def test_a_target_that_does_not_vary() -> None:
    model = gt.CPRegressor(1).fit(samples((3, 4), 1)[0], np.full(500, 7.0))
    assert model.intercept_ == pytest.approx(7)
    assert np.allclose(model.weight_tensor_, 0, atol=1e-6)


X = np.ones((5, 2, 3))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda regressor: regressor.fit(X[:, 0], np.ones(5)), "X of order 3 or more"),
        (lambda regressor: regressor.fit(X, np.ones(4)), "one number for each of 5 samples"),
        (lambda regressor: regressor.fit(X * np.nan, np.ones(5)), "30 of 30 values are NaN. Fill missing values"),
        (lambda regressor: regressor.fit(X, np.full(5, np.inf)), "5 of 5 values are infinite"),
        (lambda regressor: regressor.set_params(n_iter_max=0).fit(X, np.ones(5)), "n_iter_max must be at least 1"),
        (lambda regressor: regressor.predict(X), "is not fitted yet"),
        (lambda regressor: regressor.fit(X, np.arange(5.0)).predict(X[:, :1]), "Samples of shape .1, 3. do not fit weights"),
    ],
)
@pytest.mark.parametrize("regressor", [gt.CPRegressor(1), gt.TuckerRegressor(1)])
def test_what_cannot_be_fitted(call: Any, said: str, regressor: Any) -> None:
    with pytest.raises(UsageError, match=said):
        call(clone(regressor))


def test_rank_0() -> None:
    with pytest.raises(UsageError, match="must be at least 1, got 0"):
        gt.CPRegressor(0).fit(X, np.ones(5))
