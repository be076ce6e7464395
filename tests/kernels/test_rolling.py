from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.kernels.rolling import reduce_ranges, window_ranges

ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 5), st.one_of(st.none(), st.integers(-9, 9))), max_size=15)


@given(ROWS, st.integers(-6, 6), st.integers(1, 6))
def test_ranges_hold_the_rows_of_the_window(rows: list[tuple[int, int, int | None]], start: int, width: int) -> None:
    key, index = (np.array([row[place] for row in rows], dtype=np.int64) for place in (0, 1))
    order, first, last = window_ranges(key, index, start, start + width)
    for place, row in enumerate(order):
        wanted = {n for n in range(len(rows)) if key[n] == key[row] and index[row] + start <= index[n] < index[row] + start + width}
        assert set(order[first[place] : last[place]].tolist()) == wanted


@pytest.mark.parametrize("function", ["min", "max", "sum", "mean", "count"])
@pytest.mark.parametrize("dtype", [np.int32, np.float64])
@given(rows=ROWS, data=st.data())
def test_reductions_of_ranges(function: str, dtype: type, rows: list[tuple[int, int, int | None]], data: st.DataObject) -> None:
    values = np.ma.MaskedArray([row[2] or 0 for row in rows], mask=[row[2] is None for row in rows], dtype=dtype)
    first = np.array([data.draw(st.integers(0, len(rows))) for _ in rows], dtype=np.int64)
    last = np.array([data.draw(st.integers(low, len(rows))) for low in first], dtype=np.int64)
    reduced, valid = reduce_ranges(values, first, last, function)
    plain = {"min": min, "max": max, "sum": sum, "count": len, "mean": lambda held: sum(held) / len(held)}[function]
    for place, (low, high) in enumerate(zip(first, last, strict=True)):
        held = [row[2] for row in rows[low:high] if row[2] is not None]
        if valid[place]:
            assert reduced[place] == pytest.approx(plain(held))
        else:
            assert not held
            assert function in ("min", "max", "mean")


def test_nan_is_passed_over_unless_alone() -> None:
    values = np.ma.MaskedArray([1.0, np.nan, np.nan], mask=False)
    reduced, valid = reduce_ranges(values, np.array([0, 1]), np.array([2, 3]), "max")
    assert reduced[0] == 1.0
    assert np.isnan(reduced[1])
    assert valid.all()
