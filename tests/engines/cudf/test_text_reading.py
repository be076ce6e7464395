"""Delimited text read as the device reads it, on NumPy's arrays, held against the host's reader: the same values, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpupipe.datasets.mortgage import generate_mortgage
from gpupipe.engines.cudf.text_plan import NotPlainError
from gpupipe.engines.cudf.text_reading import DelimitedReader, block_bytes
from gpupipe.sources.read_csv import ReadCsv
from tests.text_on_host import HostColumns, agree, read_so

INTEGERS = ["0", "1", "-1", "+5", "007", "-0", "127", "-128", "128", "255", "256", "32767", "65536", "4294967296", "9223372036854775807"]
INTEGERS += ["9223372036854775808", "-9223372036854775808", "18446744073709551615", "12345678901234567890123", "1.0", " 1", "1 ", "x", "-"]
FLOATS = ["0", "-0", "-0.0", "1.", ".5", "-.5", "+1.5", "1e5", "1E-5", "5.e3", "1e400", "1e-400", "nan", "NaN", "-inf", "Infinity", "+inf"]
FLOATS += ["0.1", "3.14159", "2.2250738585072014e-308", "4.9e-324", "1.7976931348623157e308", "0.30000000000000004", "123456789.123456789"]
FLOATS += ["16777217", "1.00000005960464477539", "e5", "1e", "--1", "1.2.3", ".", "", "12345678901234567890", "0.000000000000000000001"]
BOOLEANS = ["true", "false", "True", "FALSE", "tRuE", "t", "1", "yes"]
DATES = [
    "2020-02-29",
    "1969-12-31",
    "1900-02-28",
    "2000-02-29",
    "0001-01-01",
    "9999-12-31",
    "2019-02-29",
    "2020-1-2",
    "2020-13-01",
    " 2020-01-01",
]
TIMES = [
    "2020-02-29 01:02:03",
    "2020-02-29T01:02:03",
    "2020-02-29",
    "1969-12-31 23:59:59.999",
    "2020-01-01 00:00:00.123456",
    "2020-01-01 24:00:00",
]
TEXTS = ["x", "", "é", "a b", " x ", "'", "NA", "null", "😀", "a\tb", '"', '""', "#", "\\N", "0", "a;b", "a,b"]
BY_DTYPE: list[tuple[Any, list[str]]] = [
    *((dtype, INTEGERS) for dtype in (nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64)),
    *((dtype, FLOATS) for dtype in (nw.Float32, nw.Float64)),
    (nw.Boolean, BOOLEANS),
    (nw.Date, DATES),
    *((nw.Datetime(unit), TIMES) for unit in ("ms", "us", "ns")),
    (nw.String, TEXTS),
]


@pytest.mark.parametrize(("dtype", "values"), BY_DTYPE, ids=lambda value: str(value) if not isinstance(value, list) else "")
def test_every_value_alone_is_read_as_on_the_host_or_not_at_all(dtype: Any, values: list[str], tmp_path: Path) -> None:
    plain = 0
    for number, value in enumerate(values):
        for field in (value, f'"{value}"'):
            path = tmp_path / f"{number}.csv"
            path.write_text(f"a,b\n{field},1\n,2\n")
            plain += agree(ReadCsv(path, schema={"a": dtype, "b": nw.Int64}, null_values=["NA"], nan_as_null=False), tmp_path)
    assert plain >= 4, "nothing was read on the device"


LINES = st.sampled_from(["\n", "\r\n"])
CELLS = st.sampled_from(
    ['""', '"x"', '"a""b"', '"a,b"', '"a\nb"', '"1"', "NA", '"NA"', "", "", "1", "-2", "x", "é", ' "x"', '"x" ', 'a"b', "#c", "\r", "\xa0"]
)
WIDTH = 3


@given(
    rows=st.lists(st.lists(CELLS, min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=8),
    line=LINES,
    ended=st.booleans(),
    mark=st.booleans(),
    header=st.booleans(),
    quote=st.sampled_from(['"', None]),
    nulls=st.sampled_from([[""], ["NA"], ["NA", ""], ["x", "NA"], []]),
    dtypes=st.lists(st.sampled_from([nw.String, nw.String, nw.Int64, nw.Float64]), min_size=WIDTH, max_size=WIDTH),
    n_block_bytes=st.sampled_from([12, 24, 40, 1 << 20]),
)
@settings(max_examples=400)
def test_awkward_texts_are_read_as_on_the_host_or_not_at_all(
    rows: list[list[str]],
    line: str,
    ended: bool,
    mark: bool,
    header: bool,
    quote: str | None,
    nulls: list[str],
    dtypes: list[Any],
    n_block_bytes: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("awkward")
    written = [["a", "b", "c"], *rows] if header else rows
    text = "\ufeff" * mark + line.join(",".join(row) for row in written) + line * ended
    (folder / "a.csv").write_bytes(text.encode())
    schema = dict(zip("abc", dtypes, strict=True))
    source = ReadCsv(folder / "a.csv", schema=schema, header=header, quote=quote, null_values=nulls)
    agree(source, folder, n_block_bytes)


@given(
    cells=st.lists(st.sampled_from(["1", "", '""', "x", '"a\nb"', " ", "-"]), min_size=1, max_size=6),
    n_block_bytes=st.sampled_from([8, 1 << 20]),
)
@settings(max_examples=100)
@pytest.mark.filterwarnings("ignore:.*blank lines of its one column")
def test_one_column(cells: list[str], n_block_bytes: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("narrow")
    (folder / "a.csv").write_text("\n".join(cells) + "\n")
    for dtype in (nw.String, nw.Int64):
        agree(ReadCsv(folder / "a.csv", schema={"a": dtype}, header=False), folder, n_block_bytes)


@given(
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20),
    form=st.sampled_from(["{!r}", "{:.3f}", "{:g}", "{:.17g}", "{:e}"]),
)
@settings(max_examples=150)
def test_floats_as_programs_write_them(numbers: list[float], form: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("floats")
    (folder / "a.csv").write_text("f,g\n" + "".join(f"{form.format(number)},{np.float32(number % 1e6)!s}\n" for number in numbers))
    plain = agree(ReadCsv(folder / "a.csv", schema={"f": nw.Float64, "g": nw.Float32}), folder)
    assert plain or form == "{:.3f}"  # which writes hundreds of digits of a large number


def test_clean_text_is_read_in_blocks_of_any_size(tmp_path: Path) -> None:
    rows = "".join(f'{n},{n / 7!r},"t ""{n}"", é",2020-01-{n % 28 + 1:02},{n % 12 + 1:02}/2007\n' for n in range(500))
    path = tmp_path / "a.csv"
    path.write_text("i,f,s,d,m\n" + rows)
    schema = {"i": nw.Int64, "f": nw.Float64, "s": nw.String, "d": nw.Date, "m": nw.Date}
    source = ReadCsv(path, schema=schema, date_format={"m": "%m/%Y"})
    for n_block_bytes in (64, 97, 1000, 1 << 20):
        assert agree(source, tmp_path, n_block_bytes)


def test_the_bytes_of_the_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    (tmp_path / "b.csv").write_text("a,b\n3,4\n5,6\n")
    scan = ReadCsv(tmp_path).scan(str(tmp_path))
    reader = DelimitedReader(scan, scan.schema, HostColumns(), 1 << 20)
    assert reader.read() == {"a": [[1], [3, 5]], "b": [[2], [4, 6]]}
    assert reader.n_bytes == 8 + 12


def test_a_form_of_times_holds_for_the_whole_source(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("t\n2020-01-02 03:04:05\n")
    (tmp_path / "b.csv").write_text("t\n2020-01-02T03:04:05\n")
    source = ReadCsv(tmp_path, schema={"t": nw.Datetime("us")})
    with pytest.raises(NotPlainError, match="in column 't', a value is no plain date or time"):
        read_so(source, tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a,b\n1,M\xfcnchen\n", "there are bytes that are no UTF-8"),
        ("a,b\nx,1\n", "in column 'a', a value is no plain int64"),
        ("a,b\n12345678901234567890123,1\n", "in column 'a', a value is 23 bytes long"),
    ],
)
def test_what_is_not_plain_is_left_to_the_host(text: str | bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(NotPlainError, match=said):
        read_so(ReadCsv(path, schema={"a": nw.Int64, "b": nw.String}), tmp_path)


@pytest.mark.parametrize("text", ['a,b"\n1,x"y"\n', "a,b\r1,x\r", "a,b\n\n1,x\n"])
def test_what_is_odd_is_read_on_the_device_from_its_plain_copy(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode())
    assert agree(ReadCsv(tmp_path / "a.csv"), tmp_path)


def test_the_mortgage_text_is_plain(tmp_path: Path) -> None:
    generate_mortgage(tmp_path / "text", 2_000, seed=1, text=True)
    paths = sorted(path for path in (tmp_path / "text").rglob("*") if path.is_file())
    assert paths
    for path in paths:
        n_fields = path.read_text().partition("\n")[0].count("|") + 1
        names = [f"c{number}" for number in range(n_fields)]
        source = ReadCsv(path, header=False, names=names, separator="|", quote=None)
        assert agree(source, tmp_path, 1 << 16)


def test_blocks_are_planned_from_the_free_memory() -> None:
    assert block_bytes(None) == block_bytes(80 << 30) == 128 << 20
    assert block_bytes(1 << 30) == (1 << 30) // 80 and block_bytes(1000) == 1 << 20
