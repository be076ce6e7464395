from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstat

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from gpupipe.tensors.moments import pairings

ROWS = np.random.default_rng(0).gamma(2, size=(400, 4)) @ np.random.default_rng(1).normal(size=(4, 4)) + 3


def by_definition(rows: np.ndarray, order: int) -> np.ndarray:
    """Return the mean of outer products, by einsum."""
    labels = "abcd"[:order]
    return np.einsum(f"{','.join('z' + label for label in labels)}->{labels}", *[rows] * order) / len(rows)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_as_defined(order: int) -> None:
    assert np.allclose(gt.moment(ROWS, order), by_definition(ROWS, order), rtol=1e-12)
    centred = ROWS - ROWS.mean(0)
    scale = np.abs(by_definition(centred, order)).max()
    assert np.allclose(gt.moment(ROWS, order, central=True), by_definition(centred, order), atol=1e-12 * max(scale, 1))


def test_cumulants_of_one_column_are_k_statistics() -> None:
    column = np.random.default_rng(0).gamma(2, size=(30, 1))
    for order in (1, 2, 3, 4):
        found = gt.cumulant(column, order, bias=False).item()
        assert found == pytest.approx(kstat(column[:, 0], order)), order


def test_unbiased_cumulants_of_a_projection_are_its_k_statistics() -> None:
    """Polarised: the tensor contracted with one direction is the k-statistic of the rows along it."""
    rows, direction = ROWS[:20], np.array([0.3, -1.0, 0.5, 2.0])
    for order in (2, 3, 4):
        found = gt.cumulant(rows, order, bias=False)
        for _ in range(order):
            found = found @ direction
        assert found == pytest.approx(kstat(rows @ direction, order)), order


def test_cumulants_of_sums_of_independent_columns_add() -> None:
    rows = ROWS.copy()
    fourth = gt.cumulant(rows, 4)
    covariance = np.cov(rows.T, bias=True)
    assert np.allclose(fourth, gt.moment(rows, 4, central=True) - pairings(covariance))
    assert np.allclose(gt.cumulant(2 * rows + 5, 4), 16 * fourth)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=4), st.booleans())
def test_blocks_merged_are_the_whole(sizes: list[int], common_origin: bool) -> None:
    rows = ROWS[: sum(sizes)]
    if not len(rows):
        return
    origin = np.array([3.0, 2.0, 4.0, 3.0]) if common_origin else None
    parts = [gt.Moments(4, origin).update(part) for part in np.split(rows, np.cumsum(sizes)[:-1])]
    whole = gt.Moments(4, origin).update(rows)
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    assert merged.n_rows == len(rows)
    assert np.allclose(merged.mean, rows.mean(0))
    for order in (1, 2, 3, 4):
        assert np.allclose(merged.raw(order), whole.raw(order))
        assert np.allclose(merged.central(order), whole.central(order), atol=1e-9)


def test_updates_are_one_block_after_the_other() -> None:
    sums = gt.Moments(3)
    for part in np.array_split(ROWS, 7):
        sums.update(part)
    assert np.allclose(sums.cumulant(3), gt.cumulant(ROWS, 3))


def test_far_from_zero_no_digit_is_lost() -> None:
    near = np.random.default_rng(0).gamma(2, size=(1000, 2))
    assert np.allclose(gt.cumulant(near + 1e6, 3), gt.cumulant(near, 3), rtol=1e-6)


def test_float32_stays_and_is_summed_in_double_precision() -> None:
    rows = np.random.default_rng(0).gamma(2, size=(100_000, 3)).astype(np.float32)
    found = gt.cumulant(rows, 3)
    assert found.dtype == np.float32
    assert np.abs(found - gt.cumulant(rows.astype(float), 3)).max() < 2e-6 * np.abs(found).max()


def test_nothing_of_rows_times_columns_cubed_is_held() -> None:
    rows = np.random.default_rng(0).normal(size=(4000, 30))
    tracemalloc.start()
    gt.moment(rows, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.01 * 8 * 4000 * 30**3


def test_the_rows_are_left_alone() -> None:
    rows = ROWS.copy()
    gt.cumulant(rows, 4)
    assert np.array_equal(rows, ROWS)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: gt.moment(ROWS, 5), "order 1 to 4, got 5"),
        (lambda: gt.moment(ROWS[:0], 2), "There are no rows"),
        (lambda: gt.moment(ROWS[0], 2), "expected a matrix with rows and columns"),
        (lambda: gt.moment(np.array([[np.nan, 1.0]]), 2), "1 of 2 values are NaN. Leave the rows out"),
        (lambda: gt.cumulant(ROWS[:3], 4, bias=False), "needs at least 4 rows, there are 3"),
        (lambda: gt.Moments(2).update(ROWS).central(3), "order 1 to 2, asked for 3"),
        (lambda: gt.Moments(2).update(ROWS).update(ROWS[:, :2]), "a matrix with 4 columns"),
        (lambda: gt.Moments(2).merge(gt.Moments(3)), "the same order"),
    ],
)
def test_what_has_no_moment(call: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        call()  # type: ignore[operator]
