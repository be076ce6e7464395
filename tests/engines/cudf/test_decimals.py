"""Decimals as the nearest floats, held against Python's own parser and, in single precision, against Polars'."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from gpupipe.engines.cudf.decimals import MOST_DIGITS, nearest_floats

POWERS = st.integers(-30, 25) | st.integers(-400, 400) | st.integers(-345, -300)
HALFWAY = st.integers(2**24, 2**25 - 1).map(lambda n: (2 * n + 1, 0)) | st.integers(2**53, 2**54 - 1).map(lambda n: (2 * n + 1, 0))
DECIMALS = st.tuples(st.integers(0, 10**MOST_DIGITS - 1) | st.integers(0, 10**6), POWERS) | HALFWAY


@given(st.lists(DECIMALS, min_size=1, max_size=50))
@settings(max_examples=200)
def test_they_are_rounded_as_by_a_parser(decimals: list[tuple[int, int]]) -> None:
    digits = np.array([number for number, _ in decimals], np.uint64)
    powers = np.array([power for _, power in decimals], np.int64)
    texts = [f"{number}e{power}" for number, power in decimals]
    double = nearest_floats(np, digits, powers, "float64")
    assert double.tolist() == [float(text) for text in texts]
    single = nearest_floats(np, digits, powers, "float32")
    assert single.tolist() == pl.Series(texts).cast(pl.Float32).to_list()


def test_the_edges() -> None:
    known = {
        (0, 400): 0.0,
        (1, 309): float("inf"),
        (17976931348623157, 292): 1.7976931348623157e308,
        (5, -324): 5e-324,
        (2, -324): 0.0,
        (22250738585072011, -324): 2.2250738585072011e-308,
        (9007199254740993, 0): 9007199254740992.0,
    }
    digits, powers = (np.array(values) for values in zip(*known, strict=True))
    assert nearest_floats(np, digits.astype(np.uint64), powers.astype(np.int64), "float64").tolist() == list(known.values())
