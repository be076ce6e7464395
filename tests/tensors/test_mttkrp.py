from __future__ import annotations

import numpy as np
import pytest
from tensorly.tenalg import unfolding_dot_khatri_rao as theirs

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from gpupipe.tensors.mttkrp import DenseTree
from tests.tensors.examples import random_factors


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5), (30, 2, 2), (2, 2, 30), (3, 4, 2, 3), (2, 3, 2, 4, 2), (2, 1, 3, 2, 2, 3)])
def test_as_tensorly(shape: tuple[int, ...]) -> None:
    tensor, factors = np.random.default_rng(1).normal(size=shape), random_factors(shape, 3)
    weights = np.array([1.0, 2.0, -1.0])
    for mode in range(len(shape)):
        for given in (None, weights) if len(shape) > 2 else (None,):  # of a matrix, TensorLy forgets the weights
            assert np.allclose(gt.unfolding_dot_khatri_rao(tensor, (given, factors), mode), theirs(tensor, (given, factors), mode))


def test_a_tree_follows_factors_that_change() -> None:
    shape = (3, 4, 2, 5)
    tensor, old, new = np.random.default_rng(1).normal(size=shape), random_factors(shape, 3), random_factors(shape, 3, seed=5)
    tree = DenseTree(tensor, [factor.T[None] for factor in old])
    for mode in (2, 0, 3, 1, 1, 0):
        tree.set(mode, new[mode].T[None])
        old[mode] = new[mode]
        for asked in range(4):
            assert np.allclose(tree.mttkrp(asked)[0].T, theirs(tensor, (None, old), asked))


def test_a_batch_of_starts_is_each_by_itself() -> None:
    shape = (3, 4, 5)
    tensor, starts = np.random.default_rng(1).normal(size=shape), [random_factors(shape, 2, seed) for seed in range(3)]
    tree = DenseTree(tensor, [np.stack([start[mode].T for start in starts]) for mode in range(3)])
    for mode in range(3):
        for place, start in enumerate(starts):
            assert np.allclose(tree.mttkrp(mode)[place].T, theirs(tensor, (None, start), mode))


def test_the_residual_is_the_distance() -> None:
    tensor, factors = np.random.default_rng(1).normal(size=(7, 300, 400)), random_factors((7, 300, 400), 2)
    tree = DenseTree(tensor, [factor.T[None] for factor in factors])
    assert tree.residual() == pytest.approx(np.linalg.norm(tensor - gt.cp_to_tensor((None, factors))) ** 2)


def test_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match="do not fit a tensor of shape"):
        gt.unfolding_dot_khatri_rao(np.zeros((2, 3)), (None, [np.ones((2, 1)), np.ones((4, 1))]), 0)
