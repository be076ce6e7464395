from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.kernels.rolling import reduce_ranges, roll_arrays, window_ranges

ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 5), st.one_of(st.none(), st.integers(-9, 9))), max_size=15)


@given(ROWS, st.integers(-6, 6), st.integers(1, 6))
def test_ranges_hold_the_rows_of_the_window(rows: list[tuple[int, int, int | None]], start: int, width: int) -> None:
    key, index = (np.array([row[place] for row in rows], dtype=np.int64) for place in (0, 1))
    order, first, last = window_ranges(key, index, start, start + width)
    order = np.arange(len(rows))[order]
    for place, row in enumerate(order):
        wanted = {n for n in range(len(rows)) if key[n] == key[row] and index[row] + start <= index[n] < index[row] + start + width}
        assert set(order[first[place] : last[place]].tolist()) == wanted


EDGES = st.sampled_from([-(2**63), -(2**62), -(2**61), 0, 2**61, 2**62, 2**63 - 1])
FAR = st.one_of(EDGES, st.builds(lambda edge, step: min(max(edge + step, -(2**63)), 2**63 - 1), EDGES, st.integers(-2, 2)))
ENDS = st.one_of(st.integers(-3, 3), st.sampled_from([-(2**64), -(2**63), 2**63, 2**64, 2**70]), FAR)


@given(st.lists(st.tuples(st.integers(0, 2), FAR), max_size=12), ENDS, ENDS)
def test_ranges_of_numbers_that_64_bits_hardly_hold(rows: list[tuple[int, int]], start: int, stop: int) -> None:
    key, index = (np.array([row[place] for row in rows], dtype=np.int64) for place in (0, 1))
    start, stop = min(start, stop), max(start, stop) + 1
    order, first, last = window_ranges(key, index, start, stop)
    order = np.arange(len(rows))[order]
    for place, row in enumerate(order):
        wanted = {n for n in range(len(rows)) if key[n] == key[row] and start <= int(index[n]) - int(index[row]) < stop}
        assert set(order[first[place] : last[place]].tolist()) == wanted


@pytest.mark.parametrize("function", ["min", "max", "sum", "mean", "count"])
@pytest.mark.parametrize("dtype", [np.int32, np.float64])
@given(rows=ROWS, data=st.data())
def test_reductions_of_ranges(function: str, dtype: type, rows: list[tuple[int, int, int | None]], data: st.DataObject) -> None:
    values = np.array([row[2] or 0 for row in rows], dtype=dtype)
    there = np.array([row[2] is not None for row in rows], dtype=bool)
    first = np.array([data.draw(st.integers(0, len(rows))) for _ in rows], dtype=np.int64)
    last = np.array([data.draw(st.integers(low, len(rows))) for low in first], dtype=np.int64)
    reduced, valid = reduce_ranges(values, there, first, last, function)
    plain = {"min": min, "max": max, "sum": sum, "count": len, "mean": lambda held: sum(held) / len(held)}[function]
    for place, (low, high) in enumerate(zip(first, last, strict=True)):
        held = [row[2] for row in rows[low:high] if row[2] is not None]
        if valid[place]:
            assert reduced[place] == pytest.approx(plain(held))
        else:
            assert not held
            assert function in ("min", "max", "mean")


def test_nan_is_passed_over_unless_alone() -> None:
    values = np.array([1.0, np.nan, np.nan])
    reduced, valid = reduce_ranges(values, np.ones(3, dtype=bool), np.array([0, 1]), np.array([2, 3]), "max")
    assert reduced[0] == 1.0
    assert np.isnan(reduced[1])
    assert valid.all()


def test_rows_keep_their_order() -> None:
    key, index = np.array([1, 0, 1, 0]), np.array([2, 5, 1, 4])
    values, there = np.array([10, 1, 20, 2]), np.array([True, True, True, False])
    (sums, known), (lows, any_low) = roll_arrays(key, index, [(values, there, "sum"), (values, there, "min")], -1, 1)
    assert sums.tolist() == [30, 1, 20, 0]
    assert known.all()
    assert lows[:3].tolist() == [10, 1, 20]
    assert any_low.tolist() == [True, True, True, False]


def test_long_windows_are_reduced_exactly() -> None:
    values = np.random.default_rng(0).integers(-(2**40), 2**40, 5000)
    first, last = np.arange(5000) // 3, np.arange(5000) + 1
    reduced, _ = reduce_ranges(values, np.ones(5000, dtype=bool), first, last, "sum")
    assert reduced.tolist() == [int(values[low:high].sum()) for low, high in zip(first, last, strict=True)]


@pytest.mark.parametrize("dtype", [np.int8, np.bool_, np.float32])
def test_sums_do_not_overflow(dtype: type) -> None:
    values = np.ones(1000, dtype=dtype)
    reduced, _ = reduce_ranges(values, values.astype(bool), np.array([0]), np.array([1000]), "sum")
    assert reduced.tolist() == [1000]
    assert reduced.dtype.itemsize == 8


def test_mean_of_large_integers_does_not_wrap() -> None:
    values = np.array([1 << 62, 1 << 62])
    reduced, _ = reduce_ranges(values, np.ones(2, dtype=bool), np.array([0]), np.array([2]), "mean")
    assert reduced.tolist() == [2.0**62]


def test_sums_of_infinities() -> None:
    values = np.array([np.inf, -np.inf, 1e308, 1e308])
    reduced, _ = reduce_ranges(values, np.ones(4, dtype=bool), np.array([0, 0, 2]), np.array([1, 2, 4]), "sum")
    assert repr(reduced.tolist()) == "[inf, nan, inf]"


def test_a_deviation_beside_infinity_is_no_number_wherever_it_stands() -> None:
    for length in range(2, 9):
        for place in range(length):
            values = np.arange(length, dtype=np.float64)
            values[place] = np.inf
            made, there = reduce_ranges(values, np.ones(length, bool), np.array([0]), np.array([length]), "std")
            assert there.all() and np.isnan(made).all()


def test_deviations_lose_no_digits_far_from_zero_with_values_missing() -> None:
    chance = np.random.default_rng(1)
    values, valid = 1e9 + chance.normal(size=90), chance.random(90) < 0.7
    first = chance.integers(0, 60, 50)
    last = first + chance.integers(0, 30, 50)
    made, there = reduce_ranges(values, valid, first, last, "var")
    for one, known, begin, end in zip(made, there, first, last, strict=True):
        inside = values[begin:end][valid[begin:end]].tolist()
        assert known == (len(inside) > 1)
        if known:
            assert one == pytest.approx(statistics.variance(inside), rel=1e-6)  # which reckons with fractions
