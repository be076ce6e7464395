"""The triangle of a table: inner products of the centred rows, however they are cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.engines._mergeable.checks import CHUNK
from gpupipe.engines._mergeable.triangle import about_origin, merge_triangles, triangle_of


@given(data=st.data())
def test_its_square_is_the_scatter_of_the_rows(features: Any, weights: Any, cuts: Any, data: Any) -> None:
    places, _ = data.draw(cuts)
    rows = np.split(np.arange(len(features)), sorted(places))
    total = merge_triangles([triangle_of(features[own], weights[own]) for own in rows])
    mean = np.average(features, axis=0, weights=weights)
    np.testing.assert_allclose(total["mean"], mean, rtol=1e-12)
    scatter = (features - mean).T @ ((features - mean) * weights[:, None])
    np.testing.assert_allclose(total["triangle"].T @ total["triangle"], scatter, rtol=0, atol=1e-12 * np.abs(scatter).max())
    whole = features.T @ (features * weights[:, None])
    np.testing.assert_allclose(about_origin(total).T @ about_origin(total), whole, rtol=0, atol=1e-12 * np.abs(whole).max())
    assert (int(total["n_rows"]), float(total["weight"])) == (len(features), weights.sum())


def test_a_mean_of_1e9_leaves_nine_digits_of_the_deviations() -> None:
    deviations = np.random.default_rng(0).normal(size=(300, 3))
    parts = [triangle_of(block + 1e9, np.ones(len(block))) for block in np.split(deviations, [1, 1, 120])]
    expected = np.linalg.svd(deviations - deviations.mean(axis=0), compute_uv=False)
    # 1e9 in float64 has seven digits after the point: the rows themselves are no better
    np.testing.assert_allclose(np.linalg.svd(merge_triangles(parts)["triangle"], compute_uv=False), expected, rtol=1e-6)


def test_more_rows_than_one_chunk() -> None:
    rows = np.random.default_rng(0).normal(size=(2 * CHUNK + 3, 2)).astype(np.float32)
    part = triangle_of(rows[:, :1], np.ones(len(rows)), rows[:, 1])
    centred = rows.astype(np.float64) - rows.astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(part["triangle"].T @ part["triangle"], centred.T @ centred, rtol=1e-10, atol=1e-8)


def test_rows_of_no_weight_and_no_rows_measure_nothing() -> None:
    one = triangle_of(np.array([[5.0, 6.0]]), np.array([0.0]))
    none = triangle_of(np.zeros((0, 2)), np.zeros(0))
    total = merge_triangles([none, one, none])
    assert (total["weight"], total["n_rows"], total["triangle"].tolist()) == (0.0, 1, [[0.0, 0.0], [0.0, 0.0]])
