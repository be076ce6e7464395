"""Rows that were put aside are in Parquet, each once, however often a file is read."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gpupipe.core.errors import SourceError
from gpupipe.sources.csv_bad_row import BadRow
from gpupipe.sources.csv_rejected import SCHEMA, rejected, rejected_path

BAD = BadRow(2, 3, "x", 2, 1, None, None, "expected 2 fields, got 1", "")


def test_rows_are_written_when_all_are_there(tmp_path: Path) -> None:
    for n_rows in (25_000, 3, 0):
        with rejected(str(tmp_path / "aside"), "data/a.csv") as take:
            for _ in range(n_rows):
                take(BAD, b"\xff\r\n")
        [path] = (tmp_path / "aside").iterdir()
        found = pq.read_table(path)
        assert path == rejected_path(str(tmp_path / "aside"), "data/a.csv") and found.num_rows == n_rows and found.schema == SCHEMA
        row = {"file": "data/a.csv", "line": 3, "row": 2, "reason": BAD.reason, "text": "\\xff"}
        assert found.slice(0, 1).to_pylist() == [row][:n_rows]
    assert rejected_path("aside", "b/a.csv") != rejected_path("aside", "a/a.csv")


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    with rejected(str(tmp_path), "a.csv") as take:
        take(BAD, b"x\n")
    with pytest.raises(KeyError), rejected(str(tmp_path), "a.csv"):
        raise KeyError
    [path] = tmp_path.iterdir()
    assert pq.read_table(path).num_rows == 1
    with pytest.raises(SourceError, match="a.csv: expected room for the rows that do not fit in"), rejected(str(path), "a.csv"):
        pass
