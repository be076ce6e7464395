"""Windows over series with missing values, and parts of time that do not touch."""

from __future__ import annotations

import itertools
import math

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")

from gpupipe.core.errors import UsageError  # noqa: E402
from gpupipe.deep.data.windows import Windows, filled, parts_in_time  # noqa: E402

NAN = math.nan


def test_windows_are_numpys_sliding_ones() -> None:
    values = torch.randn(3, 20, 2)
    windows = Windows.over(values, 4, 3, begin=2, end=15)
    past, future, known = windows[torch.arange(len(windows))]
    theirs = np.lib.stride_tricks.sliding_window_view(values.numpy()[:, 2:15], 7, axis=1).transpose(0, 1, 3, 2).reshape(-1, 7, 2)
    np.testing.assert_array_equal(torch.cat([past, future], 1).numpy(), theirs)
    assert known.all() and len(Windows.over(values, 15, 6)) == 0 and len(Windows.over(values, 4, 3, every=5)) == 9


def test_missing_values() -> None:
    values = torch.tensor([[1.0, NAN, 3.0, NAN, NAN, NAN, NAN, NAN]])[..., None]
    windows = Windows.over(values, 2, 2)
    assert len(windows) == 0  # a window ends with its series
    values[0, 5] = 6.0
    windows = Windows.over(values, 2, 2)
    assert windows.starts.tolist() == [0, 2]
    past, future, known = windows[torch.tensor([0])]
    assert past.flatten().tolist() == [1, 1] and future.flatten().tolist() == [3, 0] and known.flatten().tolist() == [True, False]
    holes = torch.where(torch.rand(5, 9, 2, generator=torch.Generator().manual_seed(0)) < 0.5, NAN, torch.randn(5, 9, 2))
    for one, made in zip(holes.numpy(), filled(holes).numpy(), strict=True):
        theirs = pl.from_numpy(one).fill_nan(None).fill_null(strategy="forward").fill_null(strategy="backward").fill_null(0.0)
        np.testing.assert_array_equal(made, theirs.to_numpy())


def test_parts_do_not_touch() -> None:
    for n_times, gap, shares in ((100, 10, (0.8, 0.1, 0.1)), (57, 5, (2, 1)), (9, 0, (1, 1, 1))):
        parts = parts_in_time(n_times, gap, shares)
        assert parts[0][0] == 0 and parts[-1][1] == n_times
        assert all(later[0] - earlier[1] == gap for earlier, later in itertools.pairwise(parts))
        sizes = [end - begin for begin, end in parts]
        assert all(abs(size / sum(sizes) - share / sum(shares)) < 1 / sum(sizes) for size, share in zip(sizes, shares, strict=True))
    with pytest.raises(UsageError, match="Of 20 steps, 3 parts with gaps of 10"):
        parts_in_time(20, 10)
