"""Pairs of values and intervals, against a comparison of each with each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpupipe.kernels.intervals import interval_pairs


@pytest.mark.parametrize("closed", ["left", "right", "both", "none"])
@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_each_with_each(closed: Any, dtype: Any) -> None:
    chance = np.random.default_rng(0)
    keys = chance.integers(0, 4, 60), chance.integers(0, 4, 25)
    value, start = chance.integers(0, 12, 60).astype(dtype), chance.integers(0, 12, 25).astype(dtype)
    end, is_open = start + chance.integers(-2, 6, 25).astype(dtype), chance.random(25) < 0.2
    at, low, high = value[:, None], start[None], end[None]
    above, below = at >= low if closed in ("left", "both") else at > low, at <= high if closed in ("right", "both") else at < high
    wanted = np.argwhere((keys[0][:, None] == keys[1][None]) & above & (below | is_open))
    made = np.stack(interval_pairs(keys, value, (start, end), is_open, closed), axis=1)
    assert sorted(map(tuple, made.tolist())) == sorted(map(tuple, wanted.tolist()))
