from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def test_a_failed_run_leaves_its_report_and_the_old_output(gpupipe: Command, flow: Path, tmp_path: Path) -> None:
    ended = gpupipe("run", "flow.py:fails", "--report", "out")
    assert ended.code == 1
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["status"] == "failed"
    assert report["error"]["type"] == "StageError"
    assert "report: out/report.html" in ended.err


def test_an_interrupted_run_says_so_in_one_line(gpupipe: Command, flow: Path, tmp_path: Path) -> None:
    ended = gpupipe("run", "flow.py:interrupted", "--engine", "pandas", "--json", "--quiet", "--report", "out")
    assert ended.code == 130
    assert ended.err == "interrupted; outputs left as they were\n"
    assert ended.json["status"] == "interrupted"
    assert json.loads((tmp_path / "out" / "report.json").read_text())["status"] == "interrupted"


def test_ctrl_c_in_the_middle_of_a_query_leaves_the_old_output_and_no_other_file(flow: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"the old rows")
    before = sorted(path.name for path in tmp_path.iterdir())
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from gpupipe.cli import app\napp(['run', 'flow.py:slow', '--quiet'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as running:
        until = time.monotonic() + 60
        while time.monotonic() < until and not any(path.stat().st_size > 100_000 for path in tmp_path.glob(".rows.parquet*")):
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "interrupted; outputs left as they were\n")
    assert (tmp_path / "rows.parquet").read_bytes() == b"the old rows"
    assert sorted(path.name for path in tmp_path.iterdir()) == before
