"""A guessed dtype takes every text of the sample and keeps all its digits."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.core.number_text import NumberText
from gpupipe.sources.csv_guess import guessed


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["4 "], nw.String),
        (["0x10"], nw.String),
        (["1", "TRUE"], nw.String),
        (["TRUE", "false"], nw.Boolean),
        (["2020-01-01 "], nw.String),
        (["11898508762506083287", "11898508762506083288"], nw.UInt64),
        (["118985087625060832870"], nw.String),
        (["9007199254740993", "0.5"], nw.String),
        (["007"], nw.String),
        (["0", "-7"], nw.Int64),
        (["00.5"], nw.Float64),
        (["9" * 5000], nw.String),
        (["1." + "1" * 5000], nw.Float64),
        (["2015-01-27 13:08:24.0000002", "2015-01-27 13:08:24.0000003"], nw.Datetime("ns")),
        (["2015-01-27 13:08:24.0000000"], nw.Datetime("us")),
        (["1500-01-27 13:08:24.0000001"], nw.String),
        (["2020-01-01 10:00", "2020-01-01T10:00:00Z"], nw.String),
        (["2020-02-30"], nw.String),
    ],
)
def test_a_guessed_dtype_takes_its_sample_and_keeps_all_digits(values: list[str], dtype: Any) -> None:
    assert guessed(pa.chunked_array([[None, *values, None]]), NumberText()) == dtype


def test_missing_values_suggest_nothing() -> None:
    assert guessed(pa.chunked_array([[None, None]], pa.string()), NumberText()) == nw.String
    assert guessed(pa.chunked_array([], pa.string()), NumberText()) == nw.String


def test_numbers_are_guessed_as_they_are_written() -> None:
    german = NumberText(",", ".")
    found = [guessed(pa.chunked_array([[text]]), german) for text in ("1.234,5", "1.234", "12.34", "1,5", "1.5")]
    assert found == [nw.Float64, nw.Int64, nw.String, nw.Float64, nw.String]


TEXT = st.one_of(
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.from_regex(r"[+-]?0?[0-9]{0,17}[.]?[0-9]{0,3}(e[0-9])?", fullmatch=True),
)


@given(st.lists(st.one_of(st.none(), TEXT), max_size=5))
def test_a_few_usual_numbers_are_guessed_as_they_would_be_among_many(texts: list[str | None]) -> None:
    few = pa.chunked_array([texts], pa.string())
    there = [text for text in texts if text is not None]
    many = pa.chunked_array([there * 300], pa.string())  # more than Python looks at by itself
    assert guessed(few, NumberText()) == guessed(many, NumberText())
