"""Texts as values; what they are beside the host's reader is in test_text_reading.py."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.engines.cudf.text_plan import NotPlainError
from gpupipe.engines.cudf.text_values import Texts, equal_to, iso_form, parsed_booleans, parsed_floats, parsed_integers, parsed_times


def texts_of(values: Sequence[str | None]) -> Texts:
    """Return values as they stand one behind the other."""
    words = [(value or "").encode() for value in values]
    stops = np.cumsum([0, *map(len, words)])
    text = np.frombuffer(b"".join(words) + b"|", np.uint8)
    return Texts.of(np, text, stops[:-1], stops[1:], np.array([value is None for value in values], bool))


@given(st.lists(st.integers(-(2**63) + 1, 10**19 - 1).filter(lambda number: number < 2**63), min_size=1))
def test_integers(numbers: list[int]) -> None:
    assert parsed_integers(texts_of([*map(str, numbers), None]), "int64").tolist() == [*numbers, 0]


@pytest.mark.parametrize(
    ("value", "dtype"), [("-1", "uint8"), ("256", "uint8"), ("-129", "int8"), ("", "int8"), ("+", "int8"), ("1 ", "int8")]
)
def test_what_is_no_integer(value: str, dtype: str) -> None:
    with pytest.raises(NotPlainError, match=f"a value is no plain {dtype}"):
        parsed_integers(texts_of(["1", value]), dtype)


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_floats(numbers: list[float]) -> None:
    assert parsed_floats(texts_of([*map(repr, numbers), None]), "float64").tolist() == [*numbers, 0.0]


@pytest.mark.parametrize("value", ["", ".", "1e", "e1", "1.2.3", "-", "nan(1)", "0x1", "1e123456", "12345678901234567890"])
def test_what_is_no_float(value: str) -> None:
    with pytest.raises(NotPlainError, match="a value is no plain float64"):
        parsed_floats(texts_of(["1", value]), "float64")


def test_truth_values_and_words() -> None:
    assert parsed_booleans(texts_of(["true", "FALSE", None])).tolist() == [True, False, False]
    with pytest.raises(NotPlainError, match="no plain truth value"):
        parsed_booleans(texts_of(["yes"]))
    assert equal_to(texts_of(["NA", "N", "NAN", None]), b"NA").tolist() == [True, False, False, False]


@given(st.lists(st.datetimes(), min_size=1))
def test_times(times: list[dt.datetime]) -> None:
    texts = texts_of([time.isoformat(sep="T", timespec="microseconds") for time in times])
    form = iso_form(texts, "us")
    assert form is not None
    assert parsed_times(texts, form, "us").astype("datetime64[us]").tolist() == times


def test_forms_of_times() -> None:
    assert iso_form(texts_of([None, "2020-01-02"]), "ms") == ("%Y", "-", "%m", "-", "%d")
    assert iso_form(texts_of([None]), "ms") is None
    for value in ("2020-01-02 03:04", "2020-01-02_03:04:05", "2020-01-02 03:04:05.123456"):
        with pytest.raises(NotPlainError, match="no plain date or time"):
            iso_form(texts_of([value]), "ms")
    with pytest.raises(NotPlainError, match="no plain date or time"):
        parsed_times(texts_of(["2300-01-02"]), ("%Y", "-", "%m", "-", "%d"), "ns")
