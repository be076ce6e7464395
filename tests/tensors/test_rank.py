from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorly.cp_tensor import validate_cp_rank as their_cp
from tensorly.tr_tensor import validate_tr_rank as their_tr
from tensorly.tt_tensor import validate_tt_rank as their_tt
from tensorly.tucker_tensor import validate_tucker_rank as their_tucker

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError

SHAPES = st.lists(st.integers(2, 12), min_size=3, max_size=5).map(tuple)
SHARES = st.sampled_from([0.05, 0.1, 0.3, 0.5, 0.9, 1.0, "same"])


@given(SHAPES, SHARES)
def test_shares_as_tensorly(shape: tuple[int, ...], share: float | str) -> None:
    assert gt.validate_cp_rank(shape, share) == max(1, their_cp(shape, share))
    theirs = their_tucker(shape, share)
    assert gt.validate_tucker_rank(shape, share) == tuple(min(rank, size) for rank, size in zip(theirs, shape, strict=True))
    fixed = their_tucker(shape, share, fixed_modes=[1])
    assert gt.validate_tucker_rank(shape, share, fixed_modes=[1]) == tuple(min(*pair) for pair in zip(fixed, shape, strict=True))
    assert gt.validate_tr_rank(shape, share) == tuple(max(1, rank) for rank in their_tr(shape, share))


@given(SHAPES, SHARES)
def test_shares_of_trains_as_tensorly(shape: tuple[int, ...], share: float | str) -> None:
    ranks = gt.validate_tt_rank(shape, share)
    theirs = their_tt(shape, share)
    held = [1]
    for place in range(1, len(shape)):
        held.append(min(theirs[place], held[-1] * shape[place - 1], int(np.prod(shape[place:]))))
    assert ranks == (*held, 1)


def test_numbers() -> None:
    assert gt.validate_cp_rank((2, 2), 7) == 7
    assert gt.validate_tucker_rank((2, 9), np.int64(5)) == (2, 5)  # type: ignore[arg-type]
    assert gt.validate_tt_rank((2, 3, 9), (1, 9, 9, 1)) == (1, 2, 6, 1)
    assert gt.validate_tr_rank((4, 5, 6), 2) == (2, 2, 2, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # TensorLy warns of one number for all modes
        assert tuple(their_tucker((9, 9), 5)) == gt.validate_tucker_rank((9, 9), 5)


def test_a_small_share_is_one_component() -> None:
    assert gt.validate_cp_rank((4, 5, 6), 0.01) == 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: gt.validate_cp_rank((4, 5), 0), "CP's rank must be at least 1, got 0"),
        (lambda: gt.validate_cp_rank((4, 5), 0.0), "above 0, got 0.0"),
        (lambda: gt.validate_cp_rank((4, 5), True), "expected a whole number"),
        (lambda: gt.validate_cp_rank((4, 5), "most"), "'most'; expected a number"),
        (lambda: gt.validate_cp_rank((4, 5), (1, 2)), "expected a whole number"),
        (lambda: gt.validate_tucker_rank((4, 5), (5, 5)), "rank 5 of mode 0 is above its size 4"),
        (lambda: gt.validate_tucker_rank((4, 5), (5,)), "1 numbers for 2 modes"),
        (lambda: gt.validate_tt_rank((4, 5), (2, 2, 1)), "3 numbers for 2 modes, with 1 at both ends"),
        (lambda: gt.validate_tr_rank((4, 5), (2, 2, 1)), "the last equal to the first"),
        (lambda: gt.validate_tr_rank((4, 5), np.array([1.5, 2])), "expected a whole number"),
    ],
)
def test_what_no_rank_is(call: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        call()  # type: ignore[operator]


def parameters(shape: Sequence[int], ranks: Sequence[int]) -> int:
    return int(np.prod(ranks)) + sum(size * rank for size, rank in zip(shape, ranks, strict=True))


def test_half_of_the_parameters_is_about_half() -> None:
    shape = (20, 30, 40)
    assert parameters(shape, gt.validate_tucker_rank(shape, 0.5)) == pytest.approx(0.5 * np.prod(shape), rel=0.05)
