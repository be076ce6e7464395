from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from tensorly.decomposition import partial_tucker as their_partial_tucker
from tensorly.decomposition import tucker as theirs

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from tests.tensors.examples import distance, noisy_cp


@pytest.mark.parametrize("name", ["amino_acid_fluorescence", "il2_response", "covid19_serology"])
def test_the_reference_is_reached(name: str, real_tensor: Callable[..., Any], reference: dict[str, Any]) -> None:
    tensor = real_tensor(name, "X" if name.startswith("amino") else "tensor")
    assert {str(mode): np.linalg.svd(gt.unfold(tensor, mode), compute_uv=False)[:3].tolist() for mode in range(tensor.ndim)} == {
        mode: pytest.approx(values[:3]) for mode, values in reference[name]["unfolding_top5_singular_values"].items()
    }
    for ranks, error in reference[name]["tucker_hooi"].items():
        assert gt.tucker(tensor, [int(rank) for rank in ranks[1:-1].split(",")], return_errors=True)[1][-1] <= error * (1 + 1e-6)


@pytest.mark.parametrize(("shape", "ranks"), [((50, 52, 54), (5, 4, 5)), ((8, 9, 7, 12), (3, 3, 4, 2)), ((3000, 20, 20), (4, 4, 4))])
def test_as_tensorly(shape: tuple[int, ...], ranks: tuple[int, ...]) -> None:
    tensor = noisy_cp(shape, 5)
    found, errors = gt.tucker(tensor, ranks, return_errors=True)
    if shape[0] < 1000:  # its SVD of 3000 x 400 takes long
        their = theirs(tensor, ranks, n_iter_max=50, tol=1e-9, return_errors=True)[1]
        assert errors[-1] == pytest.approx(float(their[-1]), rel=2e-6)
    assert errors[-1] == pytest.approx(distance(tensor, found.to_tensor()), rel=1e-9)
    for factor in found.factors:
        assert np.allclose(factor.T @ factor, np.eye(factor.shape[1]), atol=1e-12)


def test_compression_changes_little() -> None:
    tensor = noisy_cp((50, 52, 54), 5)
    errors = [gt.tucker(tensor, 5, compression=compression, return_errors=True)[1][-1] for compression in (True, False)]
    assert errors[0] == pytest.approx(errors[1], rel=2e-6)


def test_partial_as_tensorly() -> None:
    tensor = noisy_cp((10, 12, 14), 4)
    found, errors = gt.partial_tucker(tensor, (3, 2), [2, 0], return_errors=True)
    (core, factors), _ = their_partial_tucker(tensor, (2, 3), modes=[0, 2], n_iter_max=200, tol=1e-10)
    assert found.core.shape == (2, 12, 3)
    model = gt.multi_mode_dot(found.core, found.factors, [2, 0])
    assert errors[-1] == pytest.approx(distance(tensor, model), rel=1e-9)
    assert distance(tensor, model) == pytest.approx(distance(tensor, gt.multi_mode_dot(core, factors, [0, 2])), rel=1e-5)


def test_missing_cells() -> None:
    tensor = noisy_cp((20, 18, 16), 2, 0.01)
    observed = np.random.default_rng(0).uniform(size=tensor.shape) > 0.4
    found, errors = gt.tucker(np.where(observed, tensor, np.nan), 2, mask=observed, return_errors=True)
    model = found.to_tensor()
    assert errors[-1] == pytest.approx(np.linalg.norm((tensor - model)[observed]) / np.linalg.norm(tensor[observed]), rel=1e-9)
    assert np.linalg.norm((tensor - model)[~observed]) < 0.015 * np.linalg.norm(tensor[~observed])


def test_the_estimator() -> None:
    tensor = noisy_cp((20, 12, 13), 3, 0.01)
    model = clone(gt.Tucker((3, 3, 2))).fit(tensor)
    assert np.allclose(model.transform(tensor), model.core_)
    assert model.errors_[-1] == pytest.approx(distance(tensor, model.reconstruct()), rel=1e-9)
    assert gt.Tucker(0.1).fit_transform(tensor).rank == gt.validate_tucker_rank(tensor.shape, 0.1)


def test_what_cannot_be_had() -> None:
    tensor = np.ones((3, 4, 5))
    with pytest.raises(UsageError, match="rank 6 of mode 2 is above its size 5"):
        gt.tucker(tensor, (3, 3, 6))
    with pytest.raises(UsageError, match="must be different ones among 0 to 2"):
        gt.partial_tucker(tensor, 1, [0, 0])
    with pytest.raises(UsageError, match="must be different ones among 0 to 2"):
        gt.partial_tucker(tensor, 1, [3])
    with pytest.raises(UsageError, match="n_iter_max must be at least 1"):
        gt.tucker(tensor, 1, n_iter_max=0)
