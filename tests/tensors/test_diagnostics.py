from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from tests.tensors.examples import noisy_cp, random_factors


def test_core_consistency_as_defined() -> None:
    """The least-squares core, by the pseudo-inverse of the Kronecker product of the factors."""
    tensor, factors = noisy_cp((5, 6, 7), 3, 0.2), random_factors((5, 6, 7), 2, seed=8)
    weights = np.array([2.0, -0.5])
    scaled = [factors[0] * weights, *factors[1:]]
    core = np.linalg.pinv(gt.kronecker(scaled)) @ tensor.reshape(-1)
    diagonal = np.zeros((2, 2, 2))
    diagonal[[0, 1], [0, 1], [0, 1]] = 1
    wanted = 100 * (1 - ((core.reshape(2, 2, 2) - diagonal) ** 2).sum() / 2)
    assert gt.core_consistency(tensor, (weights, factors)) == pytest.approx(wanted)


def test_amino_acids_have_three_components(real_tensor: Callable[..., Any]) -> None:
    curve = gt.rank_curve(real_tensor("amino_acid_fluorescence", "X"), range(1, 5))
    assert [point.rank for point in curve] == [1, 2, 3, 4]
    assert curve[2].error < 0.1 * curve[1].error
    assert curve[2].core_consistency is not None
    assert curve[2].core_consistency > 99
    assert curve[3].core_consistency is not None
    assert curve[3].core_consistency < 60


def test_with_a_mask_there_is_no_core() -> None:
    tensor = noisy_cp((8, 9, 10), 2, 0.01)
    curve = gt.rank_curve(tensor, (1, 2), mask=np.random.default_rng(0).uniform(size=tensor.shape) > 0.2, n_starts=2)
    assert curve[1].error < 0.02 < curve[0].error
    assert [point.core_consistency for point in curve] == [None, None]


def test_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match="at least one rank"):
        gt.rank_curve(np.ones((2, 2)), [])
    with pytest.raises(UsageError, match="do not fit a tensor of shape"):
        gt.core_consistency(np.ones((2, 2)), (None, [np.ones((3, 1)), np.ones((2, 1))]))
