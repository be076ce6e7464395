"""Tensors that tests of decompositions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

import gpupipe.tensors as gt

Array = npt.NDArray[Any]


def random_factors(shape: Sequence[int], rank: int, seed: int = 0, *, positive: bool = False) -> list[Array]:
    """Return random factors, normal or uniform."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(size=(size, rank)) if positive else rng.normal(size=(size, rank)) for size in shape]


def noisy(tensor: Array, share: float, seed: int = 1) -> Array:
    """Return the tensor with noise of a share of its norm."""
    noise = np.random.default_rng(seed).normal(size=tensor.shape)
    return tensor + share * np.linalg.norm(tensor) / np.linalg.norm(noise) * noise


def noisy_cp(shape: Sequence[int], rank: int, share: float = 0.1, seed: int = 0, *, positive: bool = False) -> Array:
    """Return a tensor of a CP rank with noise."""
    return noisy(gt.cp_to_tensor((None, random_factors(shape, rank, seed, positive=positive))), share, seed + 1)


def distance(tensor: Array, model: Array) -> float:
    """Return the relative error of a model, in double precision, by its definition."""
    return float(np.linalg.norm(tensor.astype(float) - model.astype(float)) / np.linalg.norm(tensor.astype(float)))


def match_score(first: Sequence[Array], second: Sequence[Array]) -> float:
    """Return the mean over the best pairs of components of the product over modes of the absolute cosines of their columns."""
    score = np.ones((first[0].shape[1], second[0].shape[1]))
    for left, right in zip(first, second, strict=True):
        score = score * np.abs((left / np.linalg.norm(left, axis=0)).T @ (right / np.linalg.norm(right, axis=0)))
    rows, columns = linear_sum_assignment(-score)
    return float(score[rows, columns].mean())
