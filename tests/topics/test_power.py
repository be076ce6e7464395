"""The power method finds the components of tensors that were made of known ones."""

from __future__ import annotations

import numpy as np
import pytest

from gpupipe.core.errors import UsageError
from gpupipe.topics import power_method
from gpupipe.topics.power import come_to_rest
from tests.topics.examples import Array


def cubes(weights: Array, vectors: Array) -> Array:
    return np.einsum("r,ir,jr,kr->ijk", weights, vectors, vectors, vectors, optimize=True)


def made(size: int, seed: int = 0) -> tuple[Array, Array]:
    chance = np.random.default_rng(seed)
    return np.sort(chance.uniform(1, 5, size))[::-1], np.linalg.qr(chance.normal(size=(size, size)))[0]


@pytest.mark.parametrize("size", [1, 2, 7, 40])
@pytest.mark.parametrize("seed", [0, 1])
def test_exact_tensors(size: int, seed: int) -> None:
    weights, vectors = made(size)
    found = power_method(cubes(weights, vectors), seed)
    assert np.allclose(found.weights, weights, atol=1e-10)
    assert np.allclose(found.vectors, vectors, atol=1e-9)
    assert found.residual < 1e-10


def test_negative_weights_turn_their_vectors() -> None:
    weights, vectors = made(5)
    found = power_method(cubes(-weights, vectors))
    assert np.allclose(found.weights, weights, atol=1e-10)
    assert np.allclose(found.vectors, -vectors, atol=1e-9)


@pytest.mark.parametrize("equal", [1.0, 3.0])
def test_equal_weights(equal: float) -> None:
    vectors = made(12)[1]
    found = power_method(cubes(np.full(12, equal), vectors))
    overlaps = np.abs(found.vectors.T @ vectors)
    assert np.allclose(np.sort(overlaps.max(axis=0)), 1, atol=1e-9)
    assert np.allclose(found.weights, equal)


def test_noise_leaves_components_and_is_the_residual() -> None:
    weights, vectors = made(20)
    noise = np.random.default_rng(1).normal(size=(20, 20, 20))
    noise = sum(noise.transpose(turn) for turn in [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
    exact = cubes(weights, vectors)
    noisy = exact + 0.02 * np.linalg.norm(exact) / np.linalg.norm(noise) * noise
    found = power_method(noisy)
    assert np.abs((found.vectors * vectors).sum(axis=0)).min() > 0.99
    model = cubes(found.weights, found.vectors)
    assert found.residual == pytest.approx(np.linalg.norm(noisy - model) / np.linalg.norm(noisy), rel=1e-9)
    assert 0.01 < found.residual < 0.03


def test_what_a_round_keeps_is_at_rest_and_apart() -> None:
    weights, vectors = made(40)
    starts = np.random.default_rng(0).normal(size=(40, 30))
    kept = come_to_rest(cubes(weights, vectors), starts, 40)
    overlaps = np.abs(kept.T @ kept) - np.eye(kept.shape[1])
    assert 5 < kept.shape[1] < 30  # some starts lead to one component
    assert overlaps.max() < 0.3
    assert np.allclose(np.abs(vectors.T @ kept).max(axis=0), 1, atol=1e-6)
    assert come_to_rest(cubes(weights, vectors), starts, 3).shape == (40, 3)


def test_the_input_is_left_alone_and_a_seed_gives_the_same_bits() -> None:
    tensor = cubes(*made(6))
    before = tensor.copy()
    first, again = power_method(tensor, 3), power_method(tensor, 3)
    assert np.array_equal(tensor, before)
    assert np.array_equal(first.vectors, again.vectors)


def test_zeros() -> None:
    found = power_method(np.zeros((3, 3, 3)))
    assert not found.weights.any()
    assert found.residual == 0


@pytest.mark.parametrize("shape", [(2, 2, 3), (2, 2), (0, 0, 0)])
def test_what_is_no_cube(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"Expected a tensor of three equal sizes, got shape \("):
        power_method(np.zeros(shape))
