"""What holds of every decomposition: dtypes, seeds, inputs left alone, memory, edge cases, and what cannot be decomposed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gpupipe.tensors as gt
from gpupipe.core.errors import DtypeError, UsageError
from tests.tensors.examples import distance, noisy_cp

Decompose = Callable[[Any, int], tuple[Any, list[float]]]
DECOMPOSITIONS: dict[str, Decompose] = {
    "cp": lambda tensor, rank: gt.parafac(tensor, rank, return_errors=True),
    "cp without compression": lambda tensor, rank: gt.parafac(
        tensor, rank, compression=False, n_starts=1, n_iter_max=50, return_errors=True
    ),
    "non-negative cp": lambda tensor, rank: gt.non_negative_parafac_hals(tensor, rank, n_iter_max=30, return_errors=True),
    "tucker": lambda tensor, rank: gt.tucker(tensor, rank, return_errors=True),
    "non-negative tucker": lambda tensor, rank: gt.non_negative_tucker_hals(tensor, rank, n_iter_max=15, return_errors=True),
    "train": lambda tensor, rank: gt.tensor_train(tensor, rank, return_errors=True),
    "train by error": lambda tensor, _: gt.tensor_train(tensor, eps=0.5, return_errors=True),
    "ring": lambda tensor, rank: gt.tensor_ring(tensor, (1, *[rank] * (tensor.ndim - 1), 1), return_errors=True),
}


@pytest.fixture(params=DECOMPOSITIONS)
def decompose(request: pytest.FixtureRequest) -> Decompose:
    return DECOMPOSITIONS[request.param]


def parts(found: Any) -> list[Any]:
    """Return all arrays of a decomposition."""
    if isinstance(found, gt.TTTensor):
        return list(found)
    return [found[0], *found[1]]


def test_the_error_is_the_distance(decompose: Decompose) -> None:
    tensor = noisy_cp((30, 25, 28), 3, positive=True)
    found, errors = decompose(tensor, 3)
    assert errors[-1] == pytest.approx(distance(tensor, found.to_tensor()), rel=1e-7)
    assert errors[-1] < 0.3


def test_float32_stays(decompose: Decompose) -> None:
    tensor = noisy_cp((30, 25, 28), 3, positive=True)
    found, errors = decompose(tensor.astype(np.float32), 3)
    assert {part.dtype for part in parts(found)} == {np.dtype(np.float32)}
    assert errors[-1] == pytest.approx(decompose(tensor, 3)[1][-1], rel=1e-3)


def test_whole_numbers_are_taken(decompose: Decompose) -> None:
    tensor = np.random.default_rng(0).integers(0, 200, size=(6, 7, 8)).astype(np.uint16)
    assert decompose(tensor, 2)[1] == decompose(tensor.astype(float), 2)[1]


def test_one_seed_gives_the_same_bits_and_the_input_is_left_alone(decompose: Decompose) -> None:
    tensor = noisy_cp((30, 25, 28), 3, positive=True)
    before = tensor.copy()
    first, again = decompose(tensor, 3)[0], decompose(tensor, 3)[0]
    assert all(np.array_equal(one, other) for one, other in zip(parts(first), parts(again), strict=True))
    assert np.array_equal(tensor, before)


def test_memory_is_the_tensor_and_a_fifth(decompose: Decompose) -> None:
    tensor = noisy_cp((120, 110, 100), 4)
    tracemalloc.start()
    decompose(tensor, 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert tensor.nbytes + peak <= 1.2 * tensor.nbytes


def test_scaling_scales_the_size_alone(decompose: Decompose) -> None:
    tensor = noisy_cp((12, 13, 14), 2, positive=True)
    found, larger = decompose(tensor, 2)[0], decompose(2.0**30 * tensor, 2)[0]
    assert np.allclose(larger.to_tensor() / 2.0**30, found.to_tensor(), rtol=1e-4, atol=1e-4 * np.abs(tensor).max())


@pytest.mark.parametrize("name", ["cp", "tucker"])
def test_permuting_modes_permutes_factors(name: str) -> None:
    tensor, turn = noisy_cp((12, 13, 14), 2, 0.01), (2, 0, 1)
    found, turned = DECOMPOSITIONS[name](tensor, 2)[0], DECOMPOSITIONS[name](tensor.transpose(turn), 2)[0]
    for place, mode in enumerate(turn):
        cosines = np.abs((found.factors[mode] * turned.factors[place]).sum(axis=0))  # the sign is the last mode's, whichever that is
        assert np.allclose(cosines, 1, atol=1e-5)


def test_a_tensor_of_zeros(decompose: Decompose) -> None:
    found, errors = decompose(np.zeros((4, 5, 6)), 2)
    assert errors[-1] == 0.0
    assert not found.to_tensor().any()
    assert all(np.isfinite(part).all() for part in parts(found))


@pytest.mark.parametrize("shape", [(6, 1, 7), (1, 1, 1), (1, 9, 1)])
def test_modes_of_size_one(decompose: Decompose, shape: tuple[int, ...]) -> None:
    tensor = np.random.default_rng(0).uniform(size=shape)
    found, errors = decompose(tensor, 1)
    assert found.to_tensor().shape == shape
    assert errors[-1] == pytest.approx(distance(tensor, found.to_tensor()), abs=1e-7)


def test_of_order_2_they_are_the_svd() -> None:
    tensor = np.random.default_rng(0).normal(size=(30, 20))
    values = np.linalg.svd(tensor)[1] ** 2
    for rank in (1, 3):
        best = np.sqrt(values[rank:].sum() / values.sum())
        for name in ("cp", "tucker", "train", "ring"):
            assert DECOMPOSITIONS[name](tensor, rank)[1][-1] == pytest.approx(best, rel=1e-6), name


def test_order_6(decompose: Decompose) -> None:
    tensor = noisy_cp((3, 4, 2, 3, 4, 3), 2, 0.01, positive=True)
    found, errors = decompose(tensor, 2)
    assert errors[-1] == pytest.approx(distance(tensor, found.to_tensor()), rel=1e-6)
    assert errors[-1] < 0.25


@pytest.mark.parametrize("name", ["cp", "tucker", "train", "ring"])
@pytest.mark.parametrize(("dtype", "rounding"), [(np.float32, 2e-6), (np.float64, 1e-13)])
def test_an_exact_model_has_the_error_of_rounding(name: str, dtype: type, rounding: float) -> None:
    tensor = noisy_cp((60, 50, 55), 3, 0.0).astype(dtype)
    assert 0 <= DECOMPOSITIONS[name](tensor, 3)[1][-1] < rounding


def test_a_rank_above_every_size() -> None:
    tensor = np.random.default_rng(0).normal(size=(3, 4, 5))
    found, errors = gt.parafac(tensor, 12, return_errors=True)
    assert errors[-1] < 1e-6
    assert found.rank == 12
    assert gt.tucker(tensor, 9).rank == (3, 4, 5)
    assert gt.tensor_train(tensor, 99).rank == (1, 3, 5, 1)


def holes(value: float) -> Any:
    tensor = np.ones((3, 4, 5))
    tensor[1, 2, 3] = value
    return tensor


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (holes(np.nan), r"1 of 60 values are NaN\. Pass mask=~isnan\(tensor\)"),
        (holes(np.inf), "1 of 60 values are infinite"),
        (holes(-np.inf), "1 of 60 values are infinite"),
        (holes(1e200), "do not fit into double precision"),
        (np.ones(3), r"of order 1 \(shape \(3,\)\)"),
        (np.ones((3, 0, 2)), r"Dimension 1 of the tensor is empty \(shape \(3, 0, 2\)\)"),
        ([[1.0]], "got list"),
    ],
)
def test_tensors_that_cannot_be_decomposed(decompose: Decompose, tensor: Any, said: str) -> None:
    if isinstance(tensor, np.ndarray) or decompose is not DECOMPOSITIONS["ring"]:
        with pytest.raises(UsageError, match=said):
            decompose(tensor, 1)


def test_numbers_that_are_not_real(decompose: Decompose) -> None:
    with pytest.raises(DtypeError, match="dtype complex128; expected real numbers"):
        decompose(np.ones((2, 3), complex), 1)


@pytest.mark.parametrize("name", sorted(set(DECOMPOSITIONS) - {"train by error"}))
def test_rank_0(name: str) -> None:
    with pytest.raises(UsageError, match="must be at least 1, got 0"):
        DECOMPOSITIONS[name](np.ones((2, 3, 4)), 0)
