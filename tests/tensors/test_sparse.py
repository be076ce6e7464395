from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from gpupipe.tensors.sparse import SparseProducts
from tests.tensors.examples import random_factors


@given(st.lists(st.integers(1, 5), min_size=2, max_size=4), st.integers(0, 30), st.integers(0, 9))
def test_duplicates_add_and_products_are_those_of_the_dense_tensor(shape: list[int], n_values: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    coordinates = np.stack([rng.integers(0, size, n_values) for size in shape])
    values = rng.normal(size=n_values)
    dense = np.zeros(shape)
    np.add.at(dense, tuple(coordinates), values)
    sparse = gt.SparseTensor.of(coordinates, values, shape)
    assert np.allclose(sparse.to_dense(), dense)
    assert len(sparse.values) == len({tuple(place) for place in coordinates.T.tolist()})
    factors, weights = random_factors(shape, 3), np.array([1.0, -2.0, 0.5])
    for mode in range(len(shape)):
        found = gt.sparse_mttkrp(sparse, (weights, factors), mode)
        assert np.allclose(found, gt.unfolding_dot_khatri_rao(dense, (weights, factors), mode))
    products = SparseProducts(sparse, [factor.T[None] for factor in factors])
    assert products.residual() == pytest.approx(np.linalg.norm(dense - gt.cp_to_tensor((None, factors))) ** 2)


def test_blocks_of_values_are_one_sum() -> None:
    rng = np.random.default_rng(0)
    shape, n_values = (3, 300, 200), 150_000
    sparse = gt.SparseTensor.of(np.stack([rng.integers(0, size, n_values) for size in shape]), rng.normal(size=n_values), shape)
    assert len(sparse.values) > 1 << 16
    factors, dense = random_factors(shape, 2), sparse.to_dense()
    for mode in range(3):
        found = gt.sparse_mttkrp(sparse, (None, factors), mode)
        assert np.allclose(found, gt.unfolding_dot_khatri_rao(dense, (None, factors), mode))
        assert np.array_equal(found, gt.sparse_mttkrp(sparse, (None, factors), mode))


def test_from_dense_and_back() -> None:
    dense = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    dense[dense < 0.5] = 0
    sparse = gt.SparseTensor.from_dense(dense)
    assert np.array_equal(sparse.to_dense(), dense)
    assert sparse.values.dtype == np.float32
    assert sparse.density == pytest.approx(np.count_nonzero(dense) / dense.size)
    assert gt.parafac(sparse, 2).weights.dtype == np.float32


def test_nothing_held_is_zero() -> None:
    empty = gt.SparseTensor.of(np.zeros((3, 0), int), np.zeros(0), (2, 3, 4))
    for decompose in (gt.parafac, gt.non_negative_parafac_hals):
        found, errors = decompose(empty, 2, return_errors=True)
        assert errors == [0.0]
        assert not found.to_tensor().any()


def test_more_cells_than_memory() -> None:
    """Nothing is made dense: the tensor has 1e16 cells."""
    rng = np.random.default_rng(0)
    shape = (10_000, 10_000, 10_000, 10_000)
    sparse = gt.SparseTensor.of(np.stack([rng.integers(0, size, 2000) for size in shape]), rng.uniform(size=2000), shape)
    found = gt.parafac(sparse, 1, n_iter_max=3)
    assert found.factors[0].shape == (10_000, 1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda of: of(np.array([[0], [3]]), np.ones(1), (2, 3)), "outside the tensor's shape"),
        (lambda of: of(np.array([[0], [-1]]), np.ones(1), (2, 3)), "outside the tensor's shape"),
        (lambda of: of(np.array([[0.0], [1.0]]), np.ones(1), (2, 3)), "whole numbers of shape .2, 1. as coordinates, got float64"),
        (lambda of: of(np.zeros((2, 2), int), np.ones(1), (2, 3)), "got int64 of shape .2, 2."),
        (lambda of: of(np.zeros((2, 1), int), np.array([np.nan]), (2, 3)), "1 of 1 values are NaN. Leave missing values out"),
        (lambda of: of(np.zeros((2, 1), int), np.ones(1), (2, 0)), "none of them is empty"),
        (lambda of: of(np.zeros((4, 1), int), np.ones(1), (2**20,) * 4), "more cells than 64 bits can number"),
    ],
)
def test_what_is_no_tensor(call: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        call(gt.SparseTensor.of)
