"""Moments of parts, merged: those of all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.engines._mergeable.moments import merge_moments, moments_of


@given(data=st.data())
def test_merged_they_are_those_of_the_whole(far: Any, weights: Any, cuts: Any, data: Any) -> None:
    holes = np.where(np.random.default_rng(0).random(far.shape) < 0.2, np.nan, far)
    places, _ = data.draw(cuts)
    blocks = [moments_of(holes[own], weights[own]) for own in np.split(np.arange(len(far)), sorted(places))]
    total, mean, scatter = merge_moments(*(np.stack(values) for values in zip(*blocks, strict=True)))
    for column in range(far.shape[1]):
        here = ~np.isnan(holes[:, column])
        values, own = holes[here, column], weights[here]
        assert total[column] == own.sum()
        np.testing.assert_allclose(mean[column], np.average(values, weights=own), rtol=1e-15)
        expected = np.average((values - mean[column]) ** 2, weights=own) * own.sum()
        np.testing.assert_allclose(scatter[column], expected, rtol=1e-9)


def test_no_rows_have_no_moments() -> None:
    assert [part.tolist() for part in moments_of(np.zeros((0, 2)), np.zeros(0))] == [[0.0, 0.0]] * 3
