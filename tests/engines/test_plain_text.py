"""Arrow's reader says of plain text what Polars' says, or leaves it to it: spelling by spelling, and on random files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gpupipe as gp
from gpupipe.core.ends import Reading
from gpupipe.core.errors import GpupipeError, UsageError
from gpupipe.core.schema import Schema
from gpupipe.engines import _scan
from gpupipe.engines._arrow import conform_arrow
from gpupipe.engines._plain_text import read_plain
from gpupipe.sources.read_csv import ReadCsv

NUMBERS = [
    "1", " 1", "1 ", "1  ", "1\t", "\t1", "+1", "-1", "0x1F", "0X1f", "-0x1", "1_0", "1e5", "1E5", "1e+5", "1.", ".5", "-.5", "+.5", "inf",
    "-inf", "Inf", "INF", "infinity", "nan", "NaN", "-nan", "nan(1)", "NAN(x)", "1d5", "1f", "1e400", "1e-400", "007", "-0", "--1", "1,0",
    "1 2", "", "NULL", " ", "null", "255", "256", "-128", "4294967296", "9223372036854775808", "-9223372036854775809", "3.0", "0.1",
    "16777217", "1e38", "3.4028236e38", "1e-46", "0x1p3", "١", "1\x00", "5.0e-324", "1" * 30, "0." + "1" * 800, "-", "+", ".", "e5", "1e",
    "- 1", "1\u00a0", "1\v", "1\f", "2007-01-02", "true",
]  # fmt: skip
WORDS = [
    "a",
    "",
    "NULL",
    " ",
    "a b",
    "b ",
    "é",
    "\N{GRINNING FACE}",
    "x" * 300,
    "'",
    "0x",
    "nan(",
]
DAYS = ["2007-01-02", "2007-02-30", "2007-1-2", " 2007-01-02", "2007-01-02 ", "0001-01-01", "", "NULL", "2007-01-02x", "2007/01/02", "x"]
DTYPES = [nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64, nw.Float32, nw.Float64, nw.String, nw.Date]


def source_of(text: str | bytes, folder: Path, **options: Any) -> ReadCsv:
    """Return the source of a file with this text."""
    path = folder / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return ReadCsv(path, **options)


def by_polars(source: ReadCsv, columns: list[str], scratch: Path, predicate: Any = None) -> pa.Table | str:
    """Return what Polars' reader makes of a source, or its error."""
    try:
        rows = _scan.read_lazy(source, Reading(tuple(columns), predicate), source.schema(), str(scratch)).collect(engine="streaming")
    except (pl.exceptions.PolarsError, GpupipeError) as error:
        return f"{type(error).__name__}: {error}"
    return conform_arrow(rows.to_arrow(), Schema(tuple((name, source.schema()[name]) for name in columns)))


def by_arrow(source: ReadCsv, columns: list[str], piece: Any = None) -> pa.Table | None:
    """Return what Arrow's reader makes of a source, or None."""
    scan = source.unchecked(piece)
    return None if scan is None else read_plain(scan, columns)


def same(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables are the same, NaN and the sign of zero included."""
    return (
        one.schema.types == other.schema.types
        and one.num_rows == other.num_rows
        and all(repr(one[name].to_pylist()) == repr(other[name].to_pylist()) for name in one.column_names)
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_spelling_is_read_alike_or_left_alone(tmp_path: Path, dtype: Any) -> None:
    n_read = 0
    for spelling in [*NUMBERS, *WORDS, *DAYS]:
        for ending in ("\n", "", "|z\n"):
            names = {"k": nw.String, "v": dtype} | ({"w": nw.String} if ending.startswith("|") else {})
            options: dict[str, Any] = {"schema": names, "separator": "|", "quote": None, "header": False, "null_values": ("", "NULL")}
            source = source_of(f"k|{spelling}{ending}", tmp_path, nan_as_null=False, **options)
            made, expected = by_arrow(source, list(names)), by_polars(source, list(names), tmp_path)
            if made is not None:
                n_read += 1
                assert isinstance(expected, pa.Table), (spelling, made, expected)
                assert same(made, expected), (spelling, made, expected)
    assert n_read > 20, "the other reader was asked for nearly all of it"


FIELDS = st.one_of(
    st.sampled_from([*NUMBERS, *WORDS, *DAYS]),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(width=64).map(repr),
    st.floats(width=32).map(str),
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=4),
)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.lists(FIELDS, min_size=1, max_size=4), max_size=6),
    dtypes=st.lists(st.sampled_from(DTYPES), min_size=2, max_size=3),
    ending=st.sampled_from(["", "\n", "\n\n", "\r\n", " \n"]),
    header=st.booleans(),
    quote=st.sampled_from([None, '"']),
    nulls=st.sampled_from([("",), ("", "NULL"), ("NULL",), ("", "1")]),
)
def test_random_files_are_read_alike_or_left_alone(rows: Any, dtypes: Any, ending: str, header: bool, quote: Any, nulls: Any) -> None:
    names = {f"c{number}": dtype for number, dtype in enumerate(dtypes)}
    lines = [",".join(names)] if header else []
    text = "\n".join([*lines, *(",".join(row) for row in rows)]) + ending
    with tempfile.TemporaryDirectory() as folder:
        source = source_of(text, Path(folder), schema=names, header=header, quote=quote, null_values=nulls, nan_as_null=False)
        try:
            made = by_arrow(source, list(names))
        except GpupipeError:
            made = None
        if made is not None:
            expected = by_polars(source, list(names), Path(folder))
            assert isinstance(expected, pa.Table), (text, made, expected)
            assert same(made, expected), (text, made, expected)


def test_whole_rows_only_and_errors_in_the_same_words(tmp_path: Path) -> None:
    for text in ("1,a\n2\n3,c\n", "1,a\n2,b,c\n", "1,a\nx,b\n", "1,a\n2,\xff\n".encode("latin-1"), '1,"a\n2,b\n', "1 ,a\n", "0x1,a\n"):
        source = source_of(text, tmp_path, schema={"n": nw.Int64, "t": nw.String}, header=False)
        assert by_arrow(source, ["n", "t"]) is None, text
        with pytest.raises(GpupipeError) as caught:
            gp.Pipeline("p", out=source.node()).run("pandas")
        with pytest.raises(GpupipeError) as other:
            gp.Pipeline("p", out=source.node()).run("cpu")
        assert str(caught.value) == str(other.value)


def test_columns_quotes_and_parts(tmp_path: Path) -> None:
    days = [f"2007-{1 + number % 12:02}-{1 + number % 28:02}" for number in range(5000)]
    text = "id,day,word,x\n" + "".join(f"{number},{days[number]},w{number % 7},{number / 8}\n" for number in range(5000))
    source = source_of(text, tmp_path, schema={"id": nw.Int64, "day": nw.Date, "word": nw.String, "x": nw.Float32})
    whole = by_polars(source, ["x", "day", "word", "id"], tmp_path)
    assert isinstance(whole, pa.Table)
    made = by_arrow(source, ["x", "day", "word", "id"])
    assert made is not None
    assert made.column_names == ["x", "day", "word", "id"]
    assert same(made, whole.select(made.column_names))
    parts = [by_arrow(source, ["id"], piece) for piece in source.pieces(0, 700)]
    assert len(parts) > 3
    assert all(part is not None for part in parts)
    assert pa.concat_tables(parts)["id"].to_pylist() == list(range(5000))  # type: ignore[arg-type]
    quoted = source_of(text.replace("w3", '"w3"'), tmp_path, schema={"id": nw.Int64, "day": nw.Date, "word": nw.String, "x": nw.Float32})
    assert by_arrow(quoted, ["id"]) is None


@pytest.mark.parametrize("wanted", ["n", "t"])
def test_what_is_not_utf8_is_refused_wherever_it_stands(tmp_path: Path, wanted: str) -> None:
    for text in (b"1,a\n2,\xff\n", b"1,a\n2,\xc3", b"1,\xc3\xa9\n2,b\n"):
        source = source_of(text, tmp_path, schema={"n": nw.Int64, "t": nw.String}, header=False)
        made = by_arrow(source, [wanted])
        assert (made is None) == (b"\xc3\xa9" not in text)
        assert made is None or same(made, by_polars(source, [wanted], tmp_path))  # type: ignore[arg-type]


def test_what_a_source_declares_is_held(tmp_path: Path) -> None:
    text = "1,1.5\n2,nan\n3,\n"
    source = source_of(text, tmp_path, schema={"n": nw.Int64, "x": nw.Float64}, header=False)
    made = gp.Pipeline("p", out=source.node() >> gp.Filter(nw.col("n") > 1)).run("pandas")["out"].to_polars()
    assert made.to_dicts() == [{"n": 2, "x": None}, {"n": 3, "x": None}]
    sure = source_of(text, tmp_path, schema={"n": nw.Int64, "x": gp.Field(nw.Float64(), nullable=False)}, header=False)
    with pytest.raises(GpupipeError, match="column 'x': expected no missing value, as declared"):
        gp.Pipeline("p", out=sure.node()).run("pandas")


def told(source: ReadCsv, engine: str) -> str:
    """Return what an engine says of a source: its rows, or its error."""
    try:
        return str(gp.Pipeline("p", out=source.node()).run(engine)["out"].to_polars().rows())  # type: ignore[arg-type]
    except GpupipeError as error:
        return str(error)


def test_of_several_things_that_are_wrong_the_same_one_is_told(tmp_path: Path) -> None:
    names = {"n": nw.Int64, "t": nw.String}
    for first, second in (("n,t\n1,a\n2\n", "m,t\n1,a\n"), ("n,t\n1,a\n2,b,c\n", ""), ("n,t\n1,a\n2\n", "n,n\n1,a\n")):
        (tmp_path / "0.csv").write_text(first)
        (tmp_path / "1.csv").write_text(second)
        source = ReadCsv(tmp_path, schema=names)
        assert told(source, "pandas") == told(source, "cpu")
        assert "0.csv, line 3 (row 2): expected 2 fields" in told(source, "pandas")
    unknown = source_of("n,t\n1,a\n2\n", tmp_path, schema=names, date_format={"zzz": "%Y"})
    assert told(unknown, "pandas") == told(unknown, "cpu")


def test_texts_that_mean_missing_may_be_many(tmp_path: Path) -> None:
    many = ["", *(f"k{number:05}" for number in range(40_000))]  # of which Arrow's reader would end the process
    source = source_of("n,t\n1,a\n2,k00077\n", tmp_path, schema={"n": nw.Int64, "t": nw.String}, null_values=many)
    assert told(source, "pandas") == told(source, "cpu") == "[(1, 'a'), (2, None)]"


def test_separators_and_beginnings_that_one_reader_takes_otherwise_are_left_to_it(tmp_path: Path) -> None:
    source = source_of(b"x^y\n1^b\n", tmp_path, schema={"y": nw.String}, separator="^", quote=None)
    assert by_arrow(source, ["y"]) is None
    with pytest.raises(UsageError, match="without newlines or NUL"):
        source_of(b"k\0t\n5\0b\n", tmp_path, schema={"t": nw.String}, separator="\0", quote=None)


def test_a_predicate_over_several_pieces(tmp_path: Path) -> None:
    source = source_of("n,x\n" + "".join(f"{number},{number / 4}\n" for number in range(3000)), tmp_path)
    reading = Reading(("n", "x"), pl.col("n") >= 2500)
    pieces = source.pieces(0, 500)
    made = _scan.read_table(source, reading, source.schema(), str(tmp_path), pieces)
    assert len(pieces) > 3
    assert made["n"].to_pylist() == list(range(2500, 3000))
