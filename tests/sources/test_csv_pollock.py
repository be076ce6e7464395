"""The Pollock corpus of messy files (Vitagliano et al., "Pollock: A Data Loading Benchmark", PVLDB 16 (2023)).

Each file ends right, or refused by an error that names the option that reads it; what then is read is right.
"""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow.parquet as pq
import pytest

from gpupipe.core.ends import Reading, SourceWarning
from gpupipe.core.errors import GpupipeError, SourceError
from gpupipe.engines._scan import explained, read_lazy
from gpupipe.sources.read_csv import ReadCsv

Rows = list[list[str]]
OPTION = re.compile("(pass|With|and|or) (ragged|inner_quotes|quote|separator|escape|header|encoding|quarantine)=")


@pytest.fixture
def corpus(shared_data: Path) -> Iterator[zipfile.ZipFile]:
    path = shared_data / "csv_pollock" / "pollock_shared.zip"
    if not path.exists():
        pytest.skip("the Pollock corpus is not beside the clone: shared/data/csv_pollock")
    with zipfile.ZipFile(path) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", SourceWarning)
        yield archive


def files(archive: zipfile.ZipFile, kind: str) -> list[str]:
    return sorted(name for name in archive.namelist() if name.startswith(f"{kind}/csv/") and not name.endswith("/"))


def csv_rows(content: bytes, **options: Any) -> Rows:
    return [row for row in csv.reader(io.StringIO(content.decode(), newline=""), **options) if row]


def read(path: Path, **options: Any) -> Rows:
    """Return all rows as texts, as the source gives them."""
    source = ReadCsv(path, **options)
    source = ReadCsv(path, **options, dtypes=dict.fromkeys(source.schema(), nw.String))
    schema = source.schema()
    try:
        frame = read_lazy(source, Reading(tuple(schema)), schema, str(path.parent)).collect()
    except GpupipeError:
        raise
    except Exception as error:
        raise explained(source, error) from error
    assert source.known_rows() == len(frame)
    return [[cell or "" for cell in row] for row in frame.rows()]


def alike(rows: Rows) -> Rows:
    """Return rows without empty ones and empty fields at their ends, which the clean versions leave out or add.

    Three of those were decoded as cp1252 where the files say latin-1.
    """
    texts = [
        [re.sub("[\\x80-\\x9f]", lambda sign: sign[0].encode("latin-1").decode("cp1252", "replace"), cell) for cell in row] for row in rows
    ]
    cut = [row[: max((number for number, cell in enumerate(row, 1) if cell), default=0)] for row in texts]
    return [row for row in cut if row]


def dialect_of(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the options that a person would choose who has looked into the file."""
    skipped, n_header = int(parameters["preamble_lines"]), int(parameters["header_lines"])
    return {
        "separator": parameters["delimiter"] or ",",
        "quote": parameters["quotechar"] or '"',
        "header": n_header == 1,
        "skip_rows": skipped if n_header == 1 else skipped + n_header,
    }


def rows_or_error(path: Path, **options: Any) -> Rows | str:
    try:
        return read(path, **options)
    except SourceError as error:
        return str(error)


def as_advised(path: Path, options: dict[str, Any]) -> Rows:
    """Return the rows, after following the errors: short rows are filled, and where rows are longer than the header, it is replaced."""
    found = rows_or_error(path, **options)
    if isinstance(found, str):
        assert OPTION.search(found), found
        found = rows_or_error(path, **options, ragged="fill")
    if isinstance(found, str):
        assert "as many names as the longest row has fields" in found, found
        names = [f"c{number}" for number in range(max(map(len, csv_rows(path.read_bytes(), delimiter=options["separator"]))))]
        skipped = options["skip_rows"] + options["header"]
        found = read(path, **{**options, "header": False, "skip_rows": skipped}, names=names, ragged="fill")
    return found


def test_files_of_the_survey_are_read_as_a_person_would(corpus: zipfile.ZipFile, tmp_path: Path) -> None:
    wrong = []
    for number, name in enumerate(files(corpus, "survey_sample")):
        base = name.rpartition("/")[2]
        parameters = json.loads(corpus.read(f"survey_sample/parameters/{base}_parameters.json"))
        path = tmp_path / f"{number}.csv"
        path.write_bytes(corpus.read(name))
        expected = csv_rows(corpus.read(f"survey_sample/clean/{base}"))[1:]
        if alike(as_advised(path, dialect_of(parameters))) != alike(expected):
            wrong.append(base)
    assert number + 1 == 40
    assert len(wrong) <= 3, wrong  # several tables in a file, of which the clean version leaves the titles out


def test_every_polluted_file_is_right_or_refused(corpus: zipfile.ZipFile, tmp_path: Path) -> None:
    ends = {"right": 0, "refused": 0}
    for number, name in enumerate(files(corpus, "polluted_files")):
        content = corpus.read(name)
        path = tmp_path / f"{number}.csv"
        path.write_bytes(content)
        expected = csv_rows(content)
        found = rows_or_error(path)
        if not isinstance(found, str):
            assert found == expected[1:], name  # the reading of the csv module
            ends["right"] += 1
            continue
        assert not content or OPTION.search(found), found
        ends["refused"] += 1
        if content:
            kept = read(path, quarantine=tmp_path / f"aside{number}")
            [aside] = (tmp_path / f"aside{number}").iterdir()
            lost = pq.read_table(aside)
            assert len(kept) + lost.num_rows == len(expected) - 1, name
            assert all(row in expected for row in kept), name
    assert ends["right"] >= 12 and sum(ends.values()) == 118, ends


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("file_field_delimiter_0x9", {"separator": "\t"}),
        ("file_field_delimiter_0x3B", {"separator": ";"}),
        ("file_field_delimiter_0x2C_0x20", {"separator": ", "}),
        ("file_quotation_char_0x27", {"quote": "'", "escape": '"', "inner_quotes": "keep"}),
        ("file_record_delimiter_0xD", {}),
        ("file_record_delimiter_0xA", {}),
        ("file_preamble", {"skip_rows": 2}),
        ("file_header_multirow_2", {"skip_rows": 1}),
        ("file_header_multirow_3", {"skip_rows": 2}),
        ("file_no_trailing_newline", {}),
        ("file_double_trailing_newline", {}),
        ("file_header_only", {}),
        ("file_one_data_row", {}),
        ("source", {}),
    ],
)
def test_polluted_files_with_the_option_they_need(name: str, options: dict[str, Any], corpus: zipfile.ZipFile, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(corpus.read(f"polluted_files/csv/{name}.csv"))
    expected = csv_rows(corpus.read(f"polluted_files/clean/{name}.csv"))
    assert alike(read(tmp_path / "a.csv", **options)) == alike(expected[1:])
