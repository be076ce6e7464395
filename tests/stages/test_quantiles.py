"""Quantiles of columns: exact whatever the sizes and ties, and near within the stated number of ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe as gp
from gpupipe.stages import _quantiles

LEVELS = (0.0, 0.01, 0.25, 0.5, 0.77, 1.0)


class _Quantiles(_quantiles.QuantilesFit):
    """The quantiles themselves."""

    columns = ("x",)
    levels = LEVELS

    def __init__(self, *, exact: bool) -> None:
        object.__setattr__(self, "exact", exact)

    def made(self, names: tuple[str, ...], values: Any) -> Any:
        return values[0]


@given(values=st.lists(st.integers(-5, 5) | st.floats(-1e6, 1e6), min_size=1, max_size=60), size=st.integers(1, 8))
def test_exact_ones_are_numpys(values: list[float], size: int) -> None:
    before = _quantiles.SIZE
    _quantiles.SIZE = size  # so that few values have intervals of many
    try:
        made = _Quantiles(exact=True).fit_plain(pl.DataFrame({"x": [*map(float, values), None]}))
    finally:
        _quantiles.SIZE = before
    np.testing.assert_array_equal(made, np.quantile(np.asarray(values, dtype=float), LEVELS))


@pytest.mark.parametrize("size", [7, 100])
def test_near_ones_are_within_the_stated_ranks(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_quantiles, "SIZE", size)
    values = np.round(np.random.default_rng(0).lognormal(0, 2, 3000), 1)
    made = _Quantiles(exact=False).fit_plain(pl.DataFrame({"x": values}))
    ordered = np.sort(values)
    for level, found in zip(LEVELS, made, strict=True):
        wanted = np.floor(level * (len(values) - 1))
        low, high = np.searchsorted(ordered, found, "left"), np.searchsorted(ordered, found, "right") - 1
        off = 0 if low <= wanted <= high else min(abs(low - wanted), abs(high - wanted))
        assert off < len(values) / size + 1


@pytest.mark.parametrize("exact", [True, False])
def test_blocks_on_a_cluster_give_what_one_gives(two_workers: str, exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpupipe.engines.dask.reading.LEAST_ROWS", 1)
    monkeypatch.setattr("gpupipe.engines.dask.reading.BLOCKS_A_THREAD", 2)
    frame = pl.DataFrame({"x": np.random.default_rng(0).normal(0, 1, 500).round(2)})
    fitted = gp.ClipOutliers("x", low=0.2, high=0.7, exact=exact).fit(gp.FromFrame(frame).node())
    made = gp.Pipeline("p", fitted=fitted).run("dask", options=gp.EngineOptions(cluster=two_workers))["fitted"]
    wanted = np.quantile(frame["x"].to_numpy(), [0.2, 0.7], method="linear" if exact else "lower")
    assert made.ends[0] == tuple(wanted)
