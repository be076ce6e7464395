from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

Command = Callable[..., Any]


def test_mortgage_rows_are_written_and_told_of_on_stderr(in_process: Command, tmp_path: Path) -> None:
    ended = in_process("data", "mortgage", "--rows", "500", "--out", "data", "--seed", "3")
    assert (ended.code, ended.out) == (0, ""), ended.err
    assert "wrote 500 rows of" in ended.err
    files = sorted((tmp_path / "data" / "performance").iterdir())
    assert sum(len(file.read_text().splitlines()) for file in files) == 500


def test_mortgage_as_parquet_replaces_only_when_told_to(in_process: Command, tmp_path: Path) -> None:
    call = ["data", "mortgage", "--rows", "300", "--out", "data", "--format", "parquet", "--quiet"]
    assert in_process(*call).err == ""
    assert pl.read_parquet(tmp_path / "data" / "performance" / "*.parquet").height == 300
    again = in_process(*call)
    assert again.code == 2
    assert "--overwrite replaces what was generated there" in again.err
    assert in_process(*call, "--overwrite").code == 0


def test_mortgage_rows_of_two_workers_are_those_of_one(in_process: Command, tmp_path: Path) -> None:
    for workers in ("1", "2"):
        ended = in_process("data", "mortgage", "--rows", "2000", "--out", workers, "--workers", workers, "--quiet")
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    one, two = (tmp_path / workers / "performance" / "Performance_2000Q1.txt" for workers in ("1", "2"))
    assert one.read_bytes() == two.read_bytes()
    ended = in_process("data", "mortgage", "--rows", "10", "--out", "data", "--workers", "0")
    assert ended.code == 2
    assert "--workers" in ended.err


def test_numbers_out_of_range_end_with_2(in_process: Command) -> None:
    ended = in_process("data", "mortgage", "--rows", "0", "--out", "data")
    assert ended.code == 2
    assert "--rows" in ended.err
