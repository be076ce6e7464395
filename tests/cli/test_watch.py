"""``gpupipe run --watch``: a changed file or input begins another run, a half-written one is waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpupipe.cli import watch
from gpupipe.cli.watch import changed, files_of, marks_of

FLOW = """
import gpupipe as gp
from beside import LIMIT

def pipeline(data: str = "in/rows*.csv"):
    rows = gp.ReadCsv(data).node() >> gp.Limit(LIMIT)
    return gp.Pipeline("flow", out=gp.WriteCsv("in/out.csv")(rows))
"""


def test_folders_and_patterns_are_looked_into_and_outputs_left_out(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "out/c.csv", ".git/d.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = files_of([str(tmp_path), f"{tmp_path}/*.csv", f"{tmp_path}/none.csv"], [f"{tmp_path}/out", f"{tmp_path}/b.csv"])
    assert {Path(path).name for path in found} == {"a.csv", "none.csv"} and len(marks_of(found)) == 1


def test_a_file_that_is_being_written_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("x\n")
    before, pieces = marks_of([str(file)]), ["1", "2\n", "3\n"]

    def sleep(_seconds: float) -> None:
        """Write the next piece; once there is none, nothing counts as just written."""
        if pieces:
            with file.open("a") as stream:
                stream.write(pieces.pop(0))
        else:
            monkeypatch.setattr(watch, "EVERY_SECONDS", 0.0)

    monkeypatch.setattr(watch, "EVERY_SECONDS", 600.0)
    monkeypatch.setattr(watch, "time", SimpleNamespace(sleep=sleep, time_ns=time.time_ns))
    assert watch.wait_for_change([str(file)], [], before) == [str(file)]
    assert file.read_text() == "x\n12\n3\n"  # the last piece was there before anybody was told


def test_a_file_that_another_takes_the_place_of_has_changed(tmp_path: Path) -> None:
    file, other = tmp_path / "rows.csv", tmp_path / "other.csv"
    file.write_text("x")
    other.write_text("y")
    told = file.stat()
    os.utime(other, ns=(told.st_atime_ns, told.st_mtime_ns))
    before = marks_of([str(file)])
    other.replace(file)
    assert changed(before, marks_of([str(file)])) == [str(file)]


def test_runs_follow_changes_of_the_code_beside_and_of_the_input_and_never_their_own_output(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "rows.csv").write_text("x\n1\n2\n3\n")
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "beside.py").write_text("LIMIT = 1\n")
    command = [sys.executable, "-m", "gpupipe", "run", "flow.py", "-q", "--watch"]
    out = tmp_path / "in" / "out.csv"

    def wait(text: str) -> None:
        until = time.monotonic() + 120
        while not (out.exists() and out.read_text() == text):
            assert time.monotonic() < until and watching.poll() is None, out.read_text() if out.exists() else "nothing"
            time.sleep(0.1)

    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True) as watching:
        assert watching.stderr is not None
        try:
            wait("x\n1\n")
            while "watching" not in watching.stderr.readline():
                pass
            (tmp_path / "beside.py").write_text("LIMIT = 2\n")
            wait("x\n1\n2\n")
            while "watching 3 files" not in watching.stderr.readline():
                pass
        finally:
            os.killpg(watching.pid, signal.SIGINT)
        rest = watching.stderr.read()
    assert watching.returncode == 130 and "changed" not in rest
