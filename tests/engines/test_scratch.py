"""A run's own folder goes with the run, or with the process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gpupipe as gp
from gpupipe.engines._scratch import Scratch


def test_closing_removes_it_and_another_is_made_when_asked_for() -> None:
    scratch = Scratch()
    first = Path(scratch.path)
    (first / "file").write_text("rows")
    assert scratch.path == str(first)
    scratch.close()
    scratch.close()
    assert not first.exists()
    second = Path(scratch.path)
    assert second.exists() and second != first
    scratch.close()


def test_it_goes_with_a_process_that_does_not_close_it() -> None:
    program = "from gpupipe.engines._scratch import Scratch; s = Scratch(); open(f'{s.path}/file', 'w').close(); print(s.path)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.strip() and not Path(done.stdout.strip()).exists()


def test_a_folder_that_nobody_asks_for_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"a": [1, 2, 3]}), tmp_path / "a.parquet")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nothing there"))
    table = gp.ReadParquet(tmp_path / "a.parquet").node()
    made = {engine: gp.Pipeline("sum", total=gp.Scalar(nw.col("a").sum())(table)).run(engine)["total"] for engine in ("cpu", "pandas")}
    assert made == {"cpu": 6, "pandas": 6}


def test_a_folder_is_made_when_its_path_is_asked_for() -> None:
    scratch = Scratch()
    with Path(scratch, "file").open("w") as file:
        file.write("here")
    assert Path(scratch.path, "file").read_text() == "here"
    scratch.close()
