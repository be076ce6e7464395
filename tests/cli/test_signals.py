"""Signals that end a run, and one that it cannot see."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.mark.parametrize(("sent", "shell"), [("SIGINT", "default_int_handler"), ("SIGTERM", "default_int_handler"), ("SIGTERM", "SIG_IGN")])
def test_a_signal_in_the_middle_of_a_query_leaves_the_old_output_and_no_other_file(
    sent: str, shell: str, flow: Path, tmp_path: Path
) -> None:
    """A shell script's background process ignores SIGINT; SIGTERM ends it all the same."""
    (tmp_path / "rows.parquet").write_bytes(b"the old rows")
    (tmp_path / "scratch").mkdir()
    before = sorted(path.name for path in tmp_path.iterdir())
    program = (
        f"import signal, sys; signal.signal(signal.SIGINT, signal.{shell})\n"
        "from gpupipe.cli import main\nsys.argv = ['gpupipe', 'run', 'flow.py:slow', '--quiet']\nmain()"
    )
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(tmp_path / "scratch")}
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as running:
        until = time.monotonic() + 300
        while time.monotonic() < until and not any(path.stat().st_size > 100_000 for path in tmp_path.glob(".rows.parquet*/new")):
            time.sleep(0.02)
        running.send_signal(getattr(signal, sent))
        _, err = running.communicate(timeout=300)
    assert (running.returncode, err) == (130, "interrupted; outputs left as they were\n")
    assert (tmp_path / "rows.parquet").read_bytes() == b"the old rows"
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert not list((tmp_path / "scratch").iterdir())


def test_the_next_run_sweeps_what_a_killed_one_left_and_not_what_a_running_one_has(flow: Path, gpupipe: Command, tmp_path: Path) -> None:
    program = "from gpupipe.cli import main\nimport sys\nsys.argv = ['gpupipe', 'run', 'flow.py:slow', '--quiet']\nmain()"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "TMPDIR": str(tmp_path)}

    def left() -> set[Path]:
        return {path for path in (*tmp_path.glob(".rows.parquet.tmp-*"), *tmp_path.glob("gpupipe-*")) if (path / "lock").exists()}

    runs = []
    for number in (1, 2):
        runs.append(subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=environment))
        until = time.monotonic() + 300
        while time.monotonic() < until and len(list(tmp_path.glob(".rows.parquet.tmp-*/new"))) < number:
            time.sleep(0.02)
    both = left()
    runs[0].kill()
    runs[0].wait()
    assert left() == both, "a process that is killed cleans up nothing"
    ended = gpupipe("run", "flow.py", "-p", "out=rows.parquet", "--quiet", TMPDIR=str(tmp_path))
    assert ended.code == 0, ended.err
    assert len([path for path in left() if path.name.startswith(".rows")]) == 1, "that of the run that is at work"
    runs[1].send_signal(signal.SIGTERM)
    runs[1].wait(timeout=300)
    assert not left() and (tmp_path / "rows.parquet").stat().st_size > 0
