"""A plain file is read as it stands, also where rows could be put aside; a copy is made where some are."""

from __future__ import annotations

from pathlib import Path

import narwhals.stable.v2 as nw
import pyarrow.parquet as pq
import pytest

from gpupipe.core.number_text import NumberText
from gpupipe.core.schema import as_schema
from gpupipe.sources.csv_ready import CsvFile
from gpupipe.sources.csv_refused import ValueChecks
from gpupipe.sources.csv_rejected import told_of
from gpupipe.sources.csv_text import Dialect


def file_of(path: Path, text: bytes) -> CsvFile:
    path.write_bytes(text)
    dialect = Dialect(aside=True)
    values = ValueChecks(dialect, ("a", "b"), as_schema({"a": nw.Int64(), "b": nw.String()}), {}, NumberText(), ("",))
    return CsvFile("a.csv", str(path), dialect, 2, ("",), values, str(path.parent / "aside"))


@pytest.mark.parametrize("text", [b"a,b\n1,x\n2,y\n", b"a,b\n1,x\n2,y", b'a,b\r\n1,"x\r\n"\r\n,y\r\n'])
def test_a_file_whose_rows_all_fit_is_not_copied(text: bytes, tmp_path: Path) -> None:
    found = file_of(tmp_path / "a.csv", text).as_it_is(None)
    assert found is not None and found.n_rows == 2
    assert told_of(str(tmp_path / "aside"), ["a.csv"]) == {"read": 2, "kept": 2, "rejected": 0, "put into": str(tmp_path / "aside")}


@pytest.mark.parametrize("bad", [b"x,y\n", b"1\n", b"1,2,3\n", b"1,\xff\n", b'1,"x"y\n'])
def test_a_row_that_does_not_fit_is_left_out_of_a_copy(bad: bytes, tmp_path: Path) -> None:
    for text in (b"a,b\n1,x\n%b2,y\n" % bad, b"a,b\n1,x\n2,y\n%b" % bad.rstrip(), b"a,b\n%b1,x\n\n2,y\n" % bad):
        found = file_of(tmp_path / "a.csv", text)
        assert found.as_it_is(None) is None
        facts, told = found.copy_to(tmp_path / "copy.csv", str(tmp_path))
        assert (tmp_path / "copy.csv").read_bytes() == b"a,b\n1,x\n2,y\n" and facts.n_rows == 2 and "1 of its 3 rows do not fit" in told[0]
        [row] = pq.read_table(tmp_path / "aside").to_pylist()
        assert row["line"] == text.split(b"\n").index(bad.rstrip()) + 1 and row["file"] == "a.csv"
