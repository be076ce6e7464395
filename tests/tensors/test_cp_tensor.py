from __future__ import annotations

import numpy as np
import pytest
import tensorly as tl

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from tests.tensors.examples import random_factors

WEIGHTS = np.array([1.0, -5.0, 2.0])


@pytest.mark.parametrize("shape", [(3, 4), (3, 1, 5), (2, 3, 4, 2)])
def test_as_tensorly(shape: tuple[int, ...]) -> None:
    factors = random_factors(shape, 3)
    for weights in (None, WEIGHTS):
        assert np.allclose(gt.cp_to_tensor((weights, factors)), tl.cp_to_tensor((weights, factors)))
        assert gt.cp_norm((weights, factors)) == pytest.approx(np.linalg.norm(tl.cp_to_tensor((weights, factors))))


def test_the_canonical_form() -> None:
    factors = random_factors((3, 4, 5), 3)
    found = gt.cp_canonical((WEIGHTS, factors))
    assert np.allclose(found.to_tensor(), tl.cp_to_tensor((WEIGHTS, factors)))
    assert np.all(np.diff(found.weights) <= 0)
    assert np.all(found.weights >= 0)
    for factor in found.factors:
        assert np.allclose(np.linalg.norm(factor, axis=0), 1)
    for factor in found.factors[:-1]:
        assert np.all(factor[np.abs(factor).argmax(axis=0), range(3)] > 0)
    assert (found.shape, found.rank) == ((3, 4, 5), 3)


def test_the_canonical_form_is_one_for_one_tensor() -> None:
    factors = random_factors((3, 4, 5), 3)
    signs = np.array([1.0, -1.0, -1.0])
    others = [factors[0] * signs, factors[1] * 2, factors[2] * signs / 2]
    one, other = gt.cp_canonical((WEIGHTS, factors)), gt.cp_canonical((WEIGHTS[[2, 0, 1]], [factor[:, [2, 0, 1]] for factor in others]))
    for left, right in zip([one.weights, *one.factors], [other.weights, *other.factors], strict=True):
        assert np.allclose(left, right)


def test_the_first_of_equal_entries_gives_the_sign() -> None:
    found = gt.cp_canonical((None, [np.array([[-1.0], [1.0]]), np.array([[1.0], [0.0]])]))
    assert found.factors[0][0, 0] > 0


def test_a_component_of_zeros() -> None:
    found = gt.cp_canonical((None, [np.zeros((2, 1)), np.ones((3, 1))]))
    assert found.weights.tolist() == [0.0]
    assert np.isfinite(found.factors[0]).all()


def test_tensorly_takes_results() -> None:
    found = gt.parafac(np.random.default_rng(0).normal(size=(3, 4, 5)), 2)
    assert np.allclose(tl.cp_to_tensor(found), found.to_tensor())


def test_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match=r"equal numbers of columns, got shapes \[\(2, 1\), \(2, 3\)\]"):
        gt.cp_to_tensor((None, [np.ones((2, 1)), np.ones((2, 3))]))
