"""The text is that of the real files, and holds what the parquet files hold."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from gpupipe.datasets.mortgage import MortgageFiles, generate_mortgage
from gpupipe.datasets.mortgage_columns import ACQUISITION, PERFORMANCE
from gpupipe.datasets.mortgage_text import text_bytes, text_rows

MONTHS = {"maturity_date", "zero_balance_effective_date", "orig_date", "first_pay_date"}
N_ROWS = 60_000


@pytest.fixture(scope="module")
def text_files(tmp_path_factory: pytest.TempPathFactory) -> MortgageFiles:
    return generate_mortgage(tmp_path_factory.mktemp("text") / "out", N_ROWS)


@pytest.fixture(scope="module")
def parquet_files(tmp_path_factory: pytest.TempPathFactory) -> MortgageFiles:
    return generate_mortgage(tmp_path_factory.mktemp("parquet") / "out", N_ROWS, text=False)


def read_text(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a file the plain way: dates as strings first, then parsed."""
    types = {field.name: pa.string() if pa.types.is_date32(field.type) else field.type for field in schema}
    table = pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(column_names=schema.names),
        parse_options=pa.csv.ParseOptions(delimiter="|", quote_char=False),
        convert_options=pa.csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True),
    )
    for number, field in enumerate(schema):
        if pa.types.is_date32(field.type):
            days = table[field.name]
            if field.name in MONTHS:
                days = pc.replace_substring(days, "/", "/01/")
            table = table.set_column(number, field.name, pc.strptime(days, format="%m/%d/%Y", unit="s").cast(pa.date32()))
    return table


def test_text_and_parquet_hold_the_same_rows(text_files: MortgageFiles, parquet_files: MortgageFiles) -> None:
    for kind, schema in (("performance", PERFORMANCE), ("acquisition", ACQUISITION)):
        (text_path,), (parquet_path,) = getattr(text_files, kind), getattr(parquet_files, kind)
        assert read_text(text_path, schema).equals(pq.read_table(parquet_path))


def shapes(lines: list[str]) -> list[set[str]]:
    """Return, for each column, the shapes of its values: a run of digits is 9, a run of decimals is .9, letters are A."""
    columns = zip(*(line.split("|") for line in lines), strict=True)
    patterns = ((r"\d+", "9"), (r"[A-Za-z][A-Za-z0-9&,./ -]*", "A"))
    found: list[set[str]] = []
    for column in columns:
        values = set(column)
        for pattern, replacement in patterns:
            values = {re.sub(pattern, replacement, value) for value in values}
        found.append(values)
    return found


@pytest.mark.parametrize(("kind", "real"), [("performance", "Performance_2007Q3.txt_0.gz"), ("acquisition", "Acquisition_2007Q3.txt.gz")])
def test_values_are_written_as_in_the_real_sample(text_files: MortgageFiles, shared_data: Path, kind: str, real: str) -> None:
    with gzip.open(shared_data / "mortgage" / real, "rt") as file:
        expected = shapes(file.read().splitlines())
    (path,) = getattr(text_files, kind)
    got = shapes(path.read_text().splitlines())
    columns = json.loads((shared_data / "mortgage" / "columns.json").read_text())[kind][: len(expected)]
    schema = PERFORMANCE if kind == "performance" else ACQUISITION
    assert schema.names == columns
    assert {name: kinds - known for name, kinds, known in zip(columns, got, expected, strict=True) if kinds - known} == {}


def test_sellers_are_those_of_the_real_sample(text_files: MortgageFiles, shared_data: Path) -> None:
    with gzip.open(shared_data / "mortgage" / "Acquisition_2007Q3.txt.gz", "rt") as file:
        expected = {line.split("|")[2] for line in file}
    assert {line.split("|")[2] for line in text_files.acquisition[0].read_text().splitlines()} <= expected


def test_numbers_keep_their_leading_and_trailing_digits(text_files: MortgageFiles) -> None:
    performance = [line.split("|") for line in text_files.performance[0].read_text().splitlines()]
    acquisition = [line.split("|") for line in text_files.acquisition[0].read_text().splitlines()]
    assert all(re.fullmatch(r"\d{3}", row[19]) for row in acquisition)
    assert {len(row[0]) for row in performance + acquisition} == {12}
    for column in (3, 5, 6):
        assert all(re.fullmatch(r"-?\d+\.(0|\d*[1-9])", row[column]) for row in performance)
    assert all(re.fullmatch(r"(\d+\.(0|\d?[1-9]))?", row[4]) for row in performance)
    assert all(re.fullmatch(r"\d(\.\d*[1-9])?", row[3]) for row in acquisition)


def test_the_last_column_ends_the_line_whatever_its_kind() -> None:
    plain = pa.table({"a": [1, None], "b": ["x", None]})
    folded = plain.set_column(1, "b", plain["b"].dictionary_encode())
    for table in (plain, folded):
        assert bytes(text_bytes(text_rows(table, whole_as_float=True))) == b"1|x\n|\n"


def test_rare_columns_are_written_in_their_rows() -> None:
    rare: list[float | None] = [None] * 99
    table = pa.table({"a": range(100), "b": [*rare, 2.5], "c": pa.nulls(100, pa.string()), "d": [7.0, *rare], "e": ["N"] * 100})
    lines = text_rows(table, whole_as_float=True).to_pylist()
    assert (lines[0], lines[1], lines[99]) == ("0|||7.0|N\n", "1||||N\n", "99|2.5|||N\n")
