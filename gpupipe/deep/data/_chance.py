"""Chance by number: what is drawn for example i follows from the seed and i alone, on every device."""

from __future__ import annotations

import torch
from torch import Tensor

_GOLDEN, _FIRST, _SECOND = (value - 2**64 for value in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))  # as int64


def uniform(seed: int, numbers: Tensor, n: int) -> Tensor:
    """Return numbers from 0 to below 1, float64 [len(numbers), n], by the generator SplitMix64.

    Source: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), section 5.

    Examples
    --------
    >>> drawn = uniform(0, torch.tensor([3, 4, 3]), 2)
    >>> bool((drawn[0] == drawn[2]).all()), bool((drawn[0] == drawn[1]).any())
    (True, False)
    """
    state = torch.tensor([seed], dtype=torch.int64, device=numbers.device)
    state = _mixed(state + _GOLDEN) ^ numbers.to(torch.int64)[:, None]
    state = _mixed(state + _GOLDEN) + _GOLDEN * torch.arange(1, n + 1, device=numbers.device)[None, :]
    return _shifted(_mixed(state), 11).double() * 2.0**-53


def _mixed(value: Tensor) -> Tensor:
    """Return the finalizer of SplitMix64; products wrap."""
    value = (value ^ _shifted(value, 30)) * _FIRST
    value = (value ^ _shifted(value, 27)) * _SECOND
    return value ^ _shifted(value, 31)


def _shifted(value: Tensor, by: int) -> Tensor:
    """Return bits moved to the right, zeros from the left."""
    return (value >> by) & ((1 << (64 - by)) - 1)
