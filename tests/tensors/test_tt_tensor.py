from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import tensorly as tl

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError


def cores(*ranks: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(left, 3 + place, right)) for place, (left, right) in enumerate(pairwise(ranks))]


@pytest.mark.parametrize("ranks", [(1, 1), (1, 2, 1), (1, 3, 2, 1), (1, 2, 5, 2, 1)])
def test_trains_as_tensorly(ranks: tuple[int, ...]) -> None:
    assert np.allclose(gt.tt_to_tensor(cores(*ranks)), tl.tt_to_tensor(cores(*ranks)))


@pytest.mark.parametrize("ranks", [(2, 3, 2), (2, 1, 3, 2), (3, 2, 4, 2, 3)])
def test_rings_as_tensorly(ranks: tuple[int, ...]) -> None:
    assert np.allclose(gt.tr_to_tensor(cores(*ranks)), tl.tr_to_tensor(cores(*ranks)))
    assert gt.TTTensor(cores(*ranks)).rank == ranks


def test_a_ring_of_one_core_is_its_trace() -> None:
    (core,) = cores(2, 2)
    assert np.allclose(gt.tr_to_tensor([core]), np.trace(core, axis1=0, axis2=2))


def test_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match="first and last rank are 1, got 2 and 2"):
        gt.tt_to_tensor(cores(2, 3, 2))
    with pytest.raises(UsageError, match="share ranks with their neighbours"):
        gt.tr_to_tensor([np.ones((1, 2, 3)), np.ones((2, 2, 1))])
