"""Options that cannot be together are refused when the source is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import pytest

from gpupipe.core.errors import ColumnError, DtypeError, SourceError, UsageError
from gpupipe.sources.read_csv import ReadCsv


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ragged": "quarantine"}, "ragged expected 'error' or 'fill', got 'quarantine'. quarantine='some/folder' puts rows aside."),
        ({"schema": {"a": nw.Int8}, "dtypes": {"a": nw.Int8}}, "schema and dtypes are both given"),
        ({"names": ["a"]}, "names expected header=False, got header=True"),
        ({"names": "a", "header": False}, "names expected several column names, got the one text 'a'"),
        ({"decimal": ",", "thousands": ","}, "two different characters, got ',' for both"),
    ],
)
def test_options_that_say_different_things(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ReadCsv("a.csv", **options)


def test_names_and_dtypes_that_cannot_be() -> None:
    with pytest.raises(SourceError, match="names: expected distinct column names, got 'a' in columns 1, 2"):
        ReadCsv("a.csv", header=False, names=["a", "a"])
    with pytest.raises(DtypeError, match="expected a dtype that one field of text can hold"):
        ReadCsv("a.csv", dtypes={"a": nw.List(nw.Int8())})


@pytest.mark.parametrize("name", ["b", "a"])
def test_names_of_added_columns(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="file_column and line_column expected two names, got 'x' for both"):
        ReadCsv("a.csv", file_column="x", line_column="x")
    for options in ({"file_column": name}, {"line_column": name}):
        with pytest.raises(ColumnError, match=f"cannot be called '{name}', as a column of the files is"):
            ReadCsv(tmp_path / "a.csv", schema={"a": nw.Int8}, **options).schema()  # type: ignore[arg-type]


def test_a_file_whose_name_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a,b.csv").write_text("a,b\n1,2\n")
    source = ReadCsv(tmp_path / "a,b.csv", quote=None, file_column="file")
    with pytest.raises(SourceError, match="expected a name without the separator"):
        source.scan(str(tmp_path))
