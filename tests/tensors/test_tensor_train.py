from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from tensorly.decomposition import tensor_train as theirs

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from tests.tensors.examples import distance, noisy_cp


@pytest.mark.parametrize("name", ["amino_acid_fluorescence", "il2_response", "covid19_serology"])
def test_the_reference_is_reached(name: str, real_tensor: Callable[..., Any], reference: dict[str, Any]) -> None:
    tensor = real_tensor(name, "X" if name.startswith("amino") else "tensor")
    for ranks, error in reference[name]["tensor_train_svd"].items():
        found = gt.tensor_train(tensor, [int(rank) for rank in ranks[1:-1].split(",")], return_errors=True)[1]
        assert found[-1] == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize(("shape", "rank"), [((30, 35, 40), 4), ((270, 120, 5), (1, 3, 2, 1)), ((8, 9, 7, 10, 6), 5), ((3, 110, 290), 3)])
def test_as_tensorly(shape: tuple[int, ...], rank: Any) -> None:
    tensor = noisy_cp(shape, 3)
    found, errors = gt.tensor_train(tensor, rank, return_errors=True)
    assert errors[-1] == pytest.approx(distance(tensor, gt.tt_to_tensor(theirs(tensor, rank))), rel=1e-5)
    for core in found[:-1]:
        flat = core.reshape(-1, core.shape[2])
        assert np.allclose(flat.T @ flat, np.eye(core.shape[2]), atol=1e-12)
    exact = gt.tensor_train(tensor, rank, svd="truncated_svd", return_errors=True)[1][-1]
    assert errors[-1] == pytest.approx(exact, rel=1e-5)


@given(st.lists(st.integers(1, 6), min_size=2, max_size=5), st.sampled_from([0.0, 1e-9, 1e-3, 0.1, 0.5, 0.9]), st.booleans())
def test_the_error_is_what_was_allowed(shape: list[int], eps: float, single: bool) -> None:
    tensor = np.random.default_rng(0).normal(size=shape).astype(np.float32 if single else np.float64)
    found, errors = gt.tensor_train(tensor, eps=eps, return_errors=True)
    rounding = 3e-6 if single else 1e-13
    assert distance(tensor, found.to_tensor()) <= eps + rounding
    assert errors[-1] <= eps + rounding**0.5


def test_the_ranks_of_an_exact_train_are_found() -> None:
    rng = np.random.default_rng(0)
    tensor = gt.tt_to_tensor([rng.normal(size=shape) for shape in ((1, 20, 3), (3, 25, 4), (4, 30, 2), (2, 5, 1))])
    for eps in (1e-10, 1e-4):
        assert gt.tensor_train(tensor, eps=eps).rank == (1, 3, 4, 2, 1)
    assert distance(tensor, gt.tensor_train(tensor, (1, 3, 4, 2, 1)).to_tensor()) < 1e-13
    assert gt.tensor_train(tensor.astype(np.float32), eps=1e-4).rank == (1, 3, 4, 2, 1)


def test_the_estimator() -> None:
    tensor = noisy_cp((10, 12, 13), 3, 0.01)
    model = clone(gt.TensorTrain(eps=0.05)).fit(tensor)
    assert model.errors_[-1] == pytest.approx(distance(tensor, model.reconstruct()), rel=1e-9)
    assert model.errors_[-1] <= 0.05
    assert gt.TensorTrain(2).fit_transform(tensor).rank == (1, 2, 2, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "either rank or eps"),
        ({"rank": 2, "eps": 0.1}, "either rank or eps"),
        ({"eps": 1.0}, "from 0 up to 1, got 1.0"),
        ({"rank": 2, "svd": "full"}, "expected 'randomized_svd' or 'truncated_svd'"),
    ],
)
def test_options_that_cannot_be_meant(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        gt.tensor_train(np.ones((3, 4, 5)), **options)
