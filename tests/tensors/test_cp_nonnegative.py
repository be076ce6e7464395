from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import NMF
from tensorly.decomposition import non_negative_parafac_hals as theirs

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from gpupipe.tensors._hals import revived
from tests.tensors.examples import distance, match_score, noisy, noisy_cp, random_factors


def sparse_factors(shape: tuple[int, ...], rank: int) -> list[Any]:
    """Return factors with many zeros, so that the bound matters."""
    rng = np.random.default_rng(0)
    return [factor * (rng.uniform(size=factor.shape) > 0.4) for factor in random_factors(shape, rank, positive=True)]


@pytest.mark.parametrize("shape", [(40, 45, 50), (9, 10, 11, 6)])
def test_as_good_as_tensorly(shape: tuple[int, ...]) -> None:
    factors = sparse_factors(shape, 3)
    tensor = noisy(gt.cp_to_tensor((None, factors)), 0.05)
    found, errors = gt.non_negative_parafac_hals(tensor, 3, return_errors=True)
    their = theirs(tensor, 3, n_iter_max=300, tol=1e-9, init="random", random_state=0, return_errors=True)[1]
    assert errors[-1] <= their[-1] * (1 + 1e-4)
    assert errors[-1] == pytest.approx(distance(tensor, found.to_tensor()), rel=1e-7)
    assert min(float(factor.min()) for factor in found.factors) == 0.0
    assert found.weights.min() > 0
    assert match_score(found.factors, factors) > 0.99


def test_of_order_2_as_scikit_learn() -> None:
    matrix = gt.cp_to_tensor((None, sparse_factors((30, 25), 3)))
    model = NMF(3, init="random", random_state=0, max_iter=3000, tol=1e-9, solver="cd").fit(matrix)
    error = gt.non_negative_parafac_hals(matrix, 3, tol=1e-10, return_errors=True)[1][-1]
    assert error < model.reconstruction_err_ / np.linalg.norm(matrix) + 1e-4


def test_errors_never_rise() -> None:
    tensor = noisy_cp((12, 13, 14), 3, 0.3)
    for options in ({"compression": False}, {"init": (None, random_factors((12, 13, 14), 4, positive=True))}):
        errors = gt.non_negative_parafac_hals(tensor, 4, return_errors=True, **options)[1]
        assert max(np.diff(errors)) < 1e-9


def test_missing_cells_and_counts(real_tensor: Callable[..., Any]) -> None:
    trips = real_tensor("nyc_taxi_tensor")[:, :, :48].astype(float)
    observed = np.random.default_rng(0).uniform(size=trips.shape) > 0.3
    found, errors = gt.non_negative_parafac_hals(np.where(observed, trips, np.nan), 8, mask=observed, n_iter_max=60, return_errors=True)
    model = found.to_tensor()
    assert errors[-1] == pytest.approx(np.linalg.norm((trips - model)[observed]) / np.linalg.norm(trips[observed]), rel=1e-6)
    assert max(np.diff(errors)) < 1e-9
    mean = np.broadcast_to(trips.mean(axis=2, where=observed, keepdims=True), trips.shape)
    hidden = ~observed
    assert np.linalg.norm((trips - model)[hidden]) < 0.8 * np.linalg.norm((trips - mean)[hidden])
    assert model.min() >= 0


def test_sparse_is_dense() -> None:
    tensor = gt.cp_to_tensor((None, sparse_factors((12, 14, 16), 3)))
    start = random_factors((12, 14, 16), 3, seed=4, positive=True)
    options: dict[str, Any] = {"init": (None, start), "n_iter_max": 20, "tol": 0.0, "return_errors": True}
    found, errors = gt.non_negative_parafac_hals(gt.SparseTensor.from_dense(tensor), 3, **options)
    wanted, known = gt.non_negative_parafac_hals(tensor, 3, **options)
    assert np.allclose(errors, known, atol=1e-9)
    assert np.allclose(found.to_tensor(), wanted.to_tensor(), atol=1e-7)


def test_a_component_that_died_is_begun_anew() -> None:
    rows = [factor.T[None].copy() for factor in random_factors((4, 5, 6), 3, positive=True)]
    assert revived(rows, np.random.default_rng(0)) is None
    rows[1][:, 2] = 0
    fresh = revived(rows, np.random.default_rng(0))
    assert fresh is not None
    assert not fresh[2][:, 2].any()
    assert fresh[0][:, 2].all()
    assert np.array_equal(fresh[0][:, :2], rows[0][:, :2])
    dead = [row[0].T for row in rows]
    tensor = gt.cp_to_tensor((None, random_factors((4, 5, 6), 3, seed=3, positive=True)))
    assert gt.non_negative_parafac_hals(tensor, 3, init=(None, dead), return_errors=True)[1][-1] < 0.05


def test_the_estimator() -> None:
    tensor = gt.cp_to_tensor((None, random_factors((20, 12, 13), 2, positive=True)))
    model = clone(gt.NonNegativeCP(2)).fit(tensor)
    assert np.allclose(model.transform(tensor), model.factors_[0] * model.weights_, atol=0.02 * model.weights_[0])
    assert model.transform(-tensor).min() == model.transform(-tensor).max() == 0
    assert model.errors_[-1] == pytest.approx(distance(tensor, model.reconstruct()), abs=1e-7)


def test_options_that_cannot_be_meant() -> None:
    tensor = np.ones((3, 4, 5))
    with pytest.raises(UsageError, match="init has a negative entry"):
        gt.non_negative_parafac_hals(tensor, 1, init=(None, [-np.ones((size, 1)) for size in tensor.shape]))
    with pytest.raises(UsageError, match="init is 'svd'; expected 'random'"):
        gt.non_negative_parafac_hals(tensor, 1, init="svd")
    with pytest.raises(UsageError, match="takes no mask"):
        gt.non_negative_parafac_hals(gt.SparseTensor.from_dense(tensor), 1, mask=tensor)
