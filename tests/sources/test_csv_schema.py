"""The beginning of a file tells its columns."""

from __future__ import annotations

import gzip
from pathlib import Path

import fsspec
import narwhals.stable.v2 as nw
import pytest

from gpupipe.core.errors import SourceError
from gpupipe.core.files import Place, place
from gpupipe.sources.csv_schema import first_record, header_of, inferred, timed
from gpupipe.sources.csv_text import Dialect


def test_only_the_first_megabyte_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a\n" + "1\n" * 700_000 + "x\n")
    assert inferred(Place(str(path)), Dialect(), ["a"], (), None).dtypes == {"a": nw.Int64()}
    path.write_text("a\n" + "1\n" * 1000 + "x\n")
    assert inferred(Place(str(path)), Dialect(), ["a"], (), None).dtypes == {"a": nw.String()}


def test_rows_of_another_length_are_left_to_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n3\n")
    assert inferred(Place(str(path)), Dialect(), ["a", "b"], (), None).dtypes == {"a": nw.Int64(), "b": nw.Int64()}


@pytest.mark.parametrize("packed", [False, True])
def test_a_remote_file_is_known_by_its_beginning(packed: bool) -> None:
    content = b"a,b\n" + b'1,"x\ny"\n' * 400_000
    fsspec.filesystem("memory").pipe({"/schema/a.csv": gzip.compress(content, 1) if packed else content})
    file = place("memory://schema/a.csv")
    assert header_of(file, Dialect()) == ("a", "b")
    assert inferred(file, Dialect(), ["a", "b"], (), None).dtypes == {"a": nw.Int64(), "b": nw.String()}


def test_headers_are_text_and_distinct(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xe4,b\n1,2\n")
    with pytest.raises(SourceError, match=r"a\.csv: expected a header in UTF-8"):
        header_of(Place(str(path)), Dialect())
    path.write_bytes(b"# c\n\na,b\n1,2\n")
    assert first_record(Place(str(path)), Dialect(comment="#")).line_number == 3


def test_patterns_with_a_time_of_day_make_datetimes() -> None:
    assert timed("%d/%m/%y") == nw.Date and timed("%m/%Y") == nw.Date
    assert timed("%d/%m/%y %I%p") == nw.Datetime("us")
