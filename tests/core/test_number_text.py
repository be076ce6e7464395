"""Numbers as people write them become what a program reads, or nothing."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpupipe.core.errors import UsageError
from gpupipe.core.number_text import NumberText


@pytest.mark.parametrize(
    ("numbers", "good", "bad"),
    [
        (NumberText(), ["1", "-1.5", ".5", "1.", "1e-5", "+inf", "nan", " 7"], ["1,5", "7 ", "0x1", "", ".", "1e", "1 000", "-"]),
        (NumberText(","), ["1,5", ",5", "-1"], ["1.5", "1,5,5"]),
        (NumberText(",", "."), ["1.234,5", "1.234.567", "1234567,8", "12"], ["12.34", "1.2345", "1..234", ".123", "1.234.56"]),
        (NumberText(".", " "), ["1 234.5", "12 345 678"], ["1 23", "1  234"]),
        (NumberText(".", "'"), ["1'234.5"], ["1'2"]),
    ],
)
def test_numbers(numbers: NumberText, good: list[str], bad: list[str]) -> None:
    assert all(numbers.plain(text) is not None for text in good)
    assert [text for text in bad if numbers.plain(text) is not None] == []
    assert pl.Series([*good, *bad]).str.contains(numbers.pattern).to_list() == [True] * len(good) + [False] * len(bad), (
        "Rust reads it alike"
    )


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([",", "."]))
def test_a_number_comes_back(value: float, decimal: str) -> None:
    thousands = "." if decimal == "," else ","
    grouped = f"{value:,.3f}"
    written = grouped if decimal == "." else re.sub("[.,]", lambda sign: "," if sign[0] == "." else ".", grouped)
    assert float(NumberText(decimal, thousands).plain(written) or "x") == float(f"{value:.3f}")


@pytest.mark.parametrize(("decimal", "thousands"), [("1", None), ("", None), (".", "ab"), ("-", None), (",", ",")])
def test_characters_that_cannot_be(decimal: str, thousands: str | None) -> None:
    with pytest.raises(UsageError, match="expected (one character|two different characters)"):
        NumberText(decimal, thousands)
