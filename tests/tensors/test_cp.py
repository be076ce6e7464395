from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorly as tl
from sklearn.base import clone
from tensorly.decomposition import parafac as theirs

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from tests.tensors.examples import distance, match_score, noisy_cp, random_factors

NAMES = {"amino_acid_fluorescence": "X", "il2_response": "tensor", "covid19_serology": "tensor"}


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_reached(name: str, real_tensor: Callable[..., Any], reference: dict[str, Any]) -> None:
    tensor = real_tensor(name, NAMES[name])
    for rank, known in reference[name]["cp_als"].items():
        found, errors = gt.parafac(tensor, int(rank), return_errors=True)
        assert errors[-1] <= known["best_relative_error"] * (1 + 1e-6)
        assert errors[-1] == pytest.approx(distance(tensor, found.to_tensor()), rel=1e-7)


def test_amino_acids_are_found_from_every_start(real_tensor: Callable[..., Any]) -> None:
    tensor, known = real_tensor("amino_acid_fluorescence", "X"), real_tensor("amino_acid_fluorescence", "Y")
    for seed in range(8):
        for options in ({"random_state": seed}, {"random_state": seed, "n_starts": 1, "init": "random"}):
            found, errors = gt.parafac(tensor, 3, return_errors=True, **options)
            assert errors[-1] == pytest.approx(0.025049, abs=1e-6)
            correlations = np.abs(np.corrcoef(found.factors[0].T, known.T)[:3, 3:]).max(axis=0)
            assert np.all(correlations > 0.998), (seed, correlations)


def test_several_starts_pass_poor_minima(real_tensor: Callable[..., Any]) -> None:
    tensor = real_tensor("amino_acid_fluorescence", "X")
    for seed in range(4):
        assert gt.parafac(tensor, 4, return_errors=True, random_state=seed)[1][-1] <= 0.02247


@pytest.mark.parametrize(("shape", "rank"), [((40, 50, 60), 5), ((15, 20, 18, 12), 4), ((200, 12, 10), 3), ((6, 7, 8), 3)])
def test_as_tensorly(shape: tuple[int, ...], rank: int) -> None:
    tensor = noisy_cp(shape, rank)
    found, errors = gt.parafac(tensor, rank, return_errors=True)
    their = theirs(tensor, rank, init="svd", n_iter_max=500, tol=1e-10, return_errors=True)
    assert errors[-1] == pytest.approx(their[1][-1], rel=1e-5)
    assert match_score(found.factors, their[0].factors) > 0.999
    assert distance(tensor, tl.cp_to_tensor(found)) == pytest.approx(errors[-1], rel=1e-9)


def test_sweeps_are_tensorlys_from_the_same_start() -> None:
    tensor, start = noisy_cp((9, 10, 11), 3), random_factors((9, 10, 11), 3, seed=7)
    for n_sweeps in (1, 2, 6):
        ours = gt.parafac(tensor, 3, init=(None, start), n_iter_max=n_sweeps, tol=0.0).to_tensor()
        their = theirs(tensor, 3, init=(np.ones(3), [factor.copy() for factor in start]), n_iter_max=n_sweeps, tol=0)
        assert np.allclose(ours, tl.cp_to_tensor(their), atol=1e-8 * np.abs(tensor).max())


def test_collinear_factors() -> None:
    rng = np.random.default_rng(0)
    factors = []
    for size in (60, 70, 80):
        basis = np.linalg.qr(rng.normal(size=(size, 5)))[0]
        factors.append(np.sqrt(0.9) * basis[:, :1] + np.sqrt(0.1) * basis[:, 1:])
    tensor = gt.cp_to_tensor((None, factors))
    noise = rng.normal(size=tensor.shape)
    tensor += 0.01 * np.linalg.norm(tensor) / np.linalg.norm(noise) * noise
    assert match_score(gt.parafac(tensor, 4).factors, factors) > 0.99


def test_small_errors_are_those_of_float32_too() -> None:
    for share in (1e-1, 1e-3, 1e-4):
        tensor = noisy_cp((40, 30, 35), 4, share).astype(np.float32)
        found, errors = gt.parafac(tensor, 4, return_errors=True)
        assert found.weights.dtype == found.factors[0].dtype == np.float32
        exact = gt.cp_to_tensor((found.weights.astype(float), [factor.astype(float) for factor in found.factors]))
        assert errors[-1] == pytest.approx(distance(tensor, exact), rel=1e-3)


def test_errors_fall_and_line_search_keeps_their_meaning(real_tensor: Callable[..., Any]) -> None:
    tensor = real_tensor("covid19_serology")
    plain, errors = gt.parafac(tensor, 3, return_errors=True)
    searched, faster = gt.parafac(tensor, 3, return_errors=True, linesearch=True)
    assert max(np.diff(errors)) < 1e-9
    assert max(np.diff(faster)) < 1e-9
    assert len(faster) < len(errors)
    assert errors[-1] == pytest.approx(distance(tensor, plain.to_tensor()), rel=1e-8)
    assert faster[-1] == pytest.approx(distance(tensor, searched.to_tensor()), rel=1e-8)


@pytest.mark.parametrize("rank", [3, 32])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_missing_cells(rank: int, share: float) -> None:
    """Up to 30 components go one way, more another; both leave what is hidden alone and find it."""
    tensor = noisy_cp((20, 18, 16), 3, 0.02)
    observed = np.random.default_rng(5).uniform(size=tensor.shape) > share
    hidden = np.where(observed, tensor, np.nan)
    options: dict[str, Any] = {} if rank == 3 else {"n_iter_max": 5, "n_starts": 1}
    found, errors = gt.parafac(hidden, rank, mask=observed, return_errors=True, **options)
    model = found.to_tensor()
    assert errors[-1] == pytest.approx(np.linalg.norm((tensor - model)[observed]) / np.linalg.norm(tensor[observed]), rel=1e-6)
    assert max(np.diff(errors), default=0) < 1e-9
    if rank == 3:
        assert np.linalg.norm((tensor - model)[~observed]) < 0.03 * np.linalg.norm(tensor[~observed])
    other = np.where(observed, tensor, 1e6)
    again = gt.parafac(other, rank, mask=observed.astype(int), **options)
    assert np.array_equal(again.weights, found.weights)


def test_a_row_of_which_nothing_is_observed() -> None:
    tensor = noisy_cp((8, 9, 10), 2, 0.01)
    observed = np.ones(tensor.shape, bool)
    observed[3], observed[:, 4, 1:] = False, False
    found, errors = gt.parafac(tensor, 2, mask=observed, return_errors=True)
    assert errors[-1] < 0.011
    assert np.isfinite(found.to_tensor()).all()


def test_a_row_with_fewer_observed_cells_than_components_stays_small() -> None:
    tensor = noisy_cp((8, 9, 10), 4, 0.2)
    observed = np.ones(tensor.shape, bool)
    observed[3] = False
    observed[3, 0, :2] = True
    model = gt.parafac(tensor, 4, mask=observed).to_tensor()
    assert np.abs(model[3]).max() < 3 * np.abs(tensor).max()


def test_a_mask_of_all_cells_is_none() -> None:
    tensor = noisy_cp((8, 9, 10), 2)
    masked = gt.parafac(tensor, 2, mask=np.ones(tensor.shape, bool), tol=1e-12)
    assert np.allclose(masked.to_tensor(), gt.parafac(tensor, 2, tol=1e-12).to_tensor(), atol=1e-4)


def test_sparse_is_dense() -> None:
    tensor = gt.cp_to_tensor((None, random_factors((15, 20, 25), 3, positive=True)))
    tensor[np.random.default_rng(0).uniform(size=tensor.shape) > 0.15] = 0
    sparse, start = gt.SparseTensor.from_dense(tensor), random_factors((15, 20, 25), 3, seed=4)
    options: dict[str, Any] = {"init": (None, start), "n_iter_max": 30, "tol": 0.0, "return_errors": True}
    (found, errors), (wanted, known) = gt.parafac(sparse, 3, **options), gt.parafac(tensor, 3, **options)
    assert np.allclose(errors, known)
    assert np.allclose(found.to_tensor(), wanted.to_tensor(), atol=1e-8)
    best = gt.parafac(sparse, 3, return_errors=True)[1][-1]
    assert best == pytest.approx(gt.parafac(tensor, 3, return_errors=True)[1][-1], rel=1e-4)


def test_the_estimator() -> None:
    tensor = noisy_cp((30, 12, 13), 3, 0.01)
    model = clone(gt.CP(3, random_state=1)).fit(tensor)
    assert model.get_params()["random_state"] == 1
    assert model.set_params(rank=2).rank == 2
    assert model.errors_[-1] == pytest.approx(distance(tensor, model.reconstruct()), rel=1e-6)
    assert np.allclose(model.transform(tensor), model.factors_[0] * model.weights_, atol=1e-4 * model.weights_[0])
    assert np.array_equal(gt.CP(3, random_state=1).fit_transform(tensor).weights, model.weights_)
    with pytest.raises(UsageError, match="This CP is not fitted yet"):
        gt.CP(3).reconstruct()
    with pytest.raises(UsageError, match=r"no parameter 'tool'\. Did you mean 'tol'"):
        gt.CP(3).set_params(tool=1)


TENSOR = np.ones((3, 4, 5))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"init": "svdd"}, r"init is 'svdd'.* Did you mean 'svd'"),
        ({"init": (None, [np.ones((3, 1))] * 3)}, "do not fit a tensor of shape"),
        ({"cvg_criterion": "rel"}, "abs_rec_error, rec_error"),
        ({"n_iter_max": 0}, "n_iter_max must be at least 1"),
        ({"n_starts": 0}, "n_starts must be at least 1"),
        ({"mask": np.ones((3, 4))}, r"The mask has shape \(3, 4\), the tensor \(3, 4, 5\)"),
        ({"mask": np.full((3, 4, 5), 2)}, "True .1. where a cell is observed"),
        ({"mask": np.zeros((3, 4, 5), bool)}, "hides every cell"),
    ],
)
def test_options_that_cannot_be_meant(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        gt.parafac(TENSOR, 1, **options)


def test_a_mask_that_shows_what_is_missing() -> None:
    with pytest.raises(UsageError, match="1 of 60 values are NaN. The mask says that they are observed"):
        gt.parafac(np.where(np.arange(60).reshape(3, 4, 5) == 7, np.nan, 1.0), 1, mask=np.ones((3, 4, 5), bool))
