"""A block of rows is looked at as each row by itself, and that as the reader does."""

from __future__ import annotations

import csv
import io
import random
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest

from gpupipe.core.ends import FileScan
from gpupipe.core.number_text import NumberText
from gpupipe.core.schema import as_schema
from gpupipe.engines._scan import scan_files
from gpupipe.sources.csv_refused import ValueChecks
from gpupipe.sources.csv_text import Dialect

GERMAN = NumberText(",", ".")
NUMBERS = [
    "1",
    "-1",
    "+1",
    " 1",
    "1 ",
    "\u00a01",
    "1_0",
    "0x1F",
    "1e5",
    "1e",
    "1.",
    ".5",
    "-",
    "  ",
    "nan",
    "nan(1)",
    "inf",
    "-0",
    "007",
    "1,5",
    "1.5",
]
NUMBERS += [
    "127",
    "128",
    "-129",
    "999.994",
    "999.995",
    "1e2",
    "1e3",
    "9223372036854775808",
    "18446744073709551615",
    "\N{ARABIC-INDIC DIGIT ONE}",
    "0e9",
]
TIMES = [
    "2020-02-29",
    "2021-02-29",
    "2020-2-9",
    " 2020-01-01",
    "2020-01-01 ",
    "2020-01-01 10:00:60",
    "2020-12-31T23:59",
    "2020-01-01T10:00Z",
    "23:59:60",
]
TIMES += [
    "10:00:00",
    "1:2:3",
    "10:00:00.1234567",
    "2020-01-01 10:00:00.1234567",
    "1600-01-01",
    "3.2.2020",
    "2020-01-01T10:00:00+25:00",
    "31.06.2020",
]
WORDS = ["\n4", "\v4", "\t4", "\n", "\f", "", "NA", "true", "TRUE", "yes", 'say "x"', "a\nb", "é"]
TEXTS = [*NUMBERS, *TIMES, *WORDS]
DTYPES: list[tuple[Any, str | None, NumberText]] = [
    (nw.Int8(), None, NumberText()),
    (nw.UInt64(), None, NumberText()),
    (nw.Float32(), None, NumberText()),
    (nw.Float64(), None, GERMAN),
    (nw.Int16(), None, GERMAN),
    (nw.Decimal(5, 2), None, NumberText()),
    (nw.Boolean(), None, NumberText()),
    (nw.Date(), None, NumberText()),
    (nw.Date(), "%d.%m.%Y", NumberText()),
    (nw.Time(), None, NumberText()),
    (nw.Datetime("us"), None, NumberText()),
    (nw.Datetime("ns", "UTC"), None, NumberText()),
]


def written(rows: list[list[str]], *, quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    made = io.StringIO(newline="")
    csv.writer(made, lineterminator="\n", quoting=quoting).writerows(rows)
    return made.getvalue().encode()


def is_read(text: str, dtype: Any, pattern: str | None, numbers: NumberText) -> bool:
    """Whether the reader takes a text, in a file of its own."""
    options: dict[str, Any] = {"names": ("k", "a"), "header": False, "separator": ",", "quote": '"', "null_values": ("NA",)}
    options |= {"formats": {"a": pattern} if pattern else {}} | ({} if numbers.is_plain else {"numbers": numbers})
    try:
        scan_files(FileScan("csv", (written([["x", text]]),), as_schema({"k": nw.String(), "a": dtype}), options)).collect()
    except (pl.exceptions.PolarsError, ValueError):
        return False
    return True


@pytest.mark.parametrize(("dtype", "pattern", "numbers"), DTYPES)
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_what_is_refused_is_what_the_reader_refuses(dtype: Any, pattern: str | None, numbers: NumberText, quoting: int) -> None:
    checks = ValueChecks(
        Dialect(), ("k", "a"), as_schema({"a": dtype, "k": nw.String()}), {"a": pattern} if pattern else {}, numbers, ("NA",)
    )
    found = checks.refused(written([[f"{place}", text] for place, text in enumerate(TEXTS)], quoting=quoting))
    assert [TEXTS[place] for place in found] == [text for text in TEXTS if not is_read(text, dtype, pattern, numbers)]
    assert all(f"expected {dtype} in 'a', got {TEXTS[place]!r} (" in reason for place, reason in found.items())


def test_a_block_and_its_rows() -> None:
    schema = as_schema({"a": nw.Int8(), "b": nw.Float64(), "c": nw.Date(), "d": nw.String(), "e": nw.Boolean()})
    good = {"a": ["1", "-7", ""], "b": ["1.5", "2", "NA"], "c": ["2020-01-01", "2020-02-29"], "d": ["x", '"', "0x", "a \n"], "e": ["true"]}
    draw = random.Random(7)
    checks = ValueChecks(Dialect(), tuple(schema), schema, {}, NumberText(), ("NA",))
    for number in range(30):
        share = (0.0, 0.02, 0.5)[number % 3]
        rows = [[draw.choice(TEXTS if draw.random() < share else good[name]) for name in schema] for _ in range(50)]
        alone = {place: reason for place, row in enumerate(rows) if (reason := checks.of_record(row, row)) is not None}
        assert checks.refused(written(rows)) == alone and (bool(alone) or share < 0.5)


def test_nothing_to_look_at() -> None:
    assert not ValueChecks(Dialect(), ("a",), as_schema({"a": nw.String()}), {}, NumberText(), ()).refused(b"x\n")
    assert not ValueChecks(Dialect(), ("a",), as_schema({"a": nw.Int8()}), {}, NumberText(), ()).refused(b"")


def test_what_is_known_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpupipe.sources.csv_refused._MOST_KNOWN", 3)
    checks = ValueChecks(Dialect(), ("a",), as_schema({"a": nw.Int8()}), {}, NumberText(), ())
    assert list(checks.refused(b"".join(b"x%d\n" % number for number in range(10)))) == list(range(10))
