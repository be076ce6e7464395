"""Texts are read by a pattern as Polars reads them, whose parser it is."""

from __future__ import annotations

import itertools

import polars as pl
import pytest

from gpupipe.core.time_text import moment_of

DAYS = [
    "2020-02-29",
    "2021-02-29",
    "2020-2-9",
    " 2020-02-29",
    "2020-02-29 ",
    "220-2-9",
    "12020-02-09",
    "2020-13-01",
    "2020-00-10",
    "20200209",
]
CLOCKS = [
    "10:00:00",
    "1:2:3",
    "24:00:00",
    "23:59:60",
    "10:60:00",
    "10:00:00.5",
    "10:00:00.",
    "10:00:00.1234567",
    "10:00",
    "\N{FULLWIDTH DIGIT ONE}0:00:00",
]


def polars_reads(text: str, pattern: str) -> bool:
    try:
        pl.Series([text]).str.to_datetime(pattern.replace(".%f", "%.f"), time_unit="us", strict=True)
    except pl.exceptions.PolarsError:
        return False
    return True


def is_read(text: str, pattern: str) -> bool:
    try:
        moment_of(text, pattern)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("%Y-%m-%d", DAYS),
        ("%d.%m.%Y", ["1.2.2020", "03.02.20", "30.02.2020", "3.2.2020x", " 3. 2. 2020", "3,2,2020"]),
        ("%m/%Y", ["12/2007", "1/2007", "13/2007", "12/07"]),
        ("%Y-%m-%d %H:%M:%S.%f", [f"{day}{gap}{clock}" for day, gap, clock in itertools.product(DAYS[:3], ["", " ", "  ", "T"], CLOCKS)]),
        ("%Y-%m-%dT%H:%M%z", ["2020-01-01T10:00+0100", "2020-01-01T10:00 -01:30", "2020-01-01T10:00Z", "2020-01-01T10:00+24:00"]),
        ("%d %b %Y", ["03 Feb 2020", "03 Foo 2020", "31 Feb 2020"]),
    ],
)
def test_texts_are_read_as_polars_reads_them(pattern: str, texts: list[str]) -> None:
    assert [is_read(text, pattern) for text in texts] == [polars_reads(text, pattern) for text in texts]


def test_a_moment() -> None:
    assert moment_of("2020-01-01 23:59:60.25", "%Y-%m-%d %H:%M:%S.%f").isoformat() == "2020-01-02T00:00:00.250000"
    assert moment_of("2020-01-01T10:00-0130", "%Y-%m-%dT%H:%M%z").isoformat() == "2020-01-01T10:00:00-01:30"
    with pytest.raises(ValueError, match=r"^a day is one$"):
        moment_of("x", "%d", "a day is one")
