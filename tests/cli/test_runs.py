from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def written(in_process: Command) -> None:
    for number, rows in enumerate((3, 50)):
        assert in_process("run", "flow.py", "-p", f"rows={rows}", "--report", f"runs/{number}", "-q").code == 0
    assert in_process("run", "flow.py:fitted", "--report", "runs/other", "-q").code == 0


def test_runs_are_listed_and_compared(in_process: Command, flow: Path, tmp_path: Path) -> None:
    written(in_process)
    listed = in_process("runs", "list", "runs", "--json").json
    assert [run["pipeline"] for run in listed["runs"]] == ["scaled", "scaled", "fitted"]
    assert [run["scores"].get("n") for run in listed["runs"]] == [3.0, 50.0, None]
    told = in_process("runs", "list", "runs", "--pipeline", "fitted")
    assert (told.code, "other" in told.out, "scaled" in told.out) == (0, True, False)
    lines = in_process("runs", "compare", "runs", "--pipeline", "scaled", "--json").json["lines"]
    assert lines["-p rows"] == [3, 50]
    assert lines["n"] == [3.0, 50.0]
    assert "-p factor" not in lines  # which is the same in both
    assert lines["status"] == ["ok", "ok"]
    side_by_side = in_process("runs", "compare", "runs", "--pipeline", "scaled")
    assert "-p rows" in side_by_side.out


def test_what_is_no_report_is_passed_over(in_process: Command, flow: Path, tmp_path: Path) -> None:
    written(in_process)
    (tmp_path / "runs" / "0" / "report.json").write_text("{}")
    ended = in_process("runs", "list", "runs")
    assert ended.code == 0
    assert "is no report of gpupipe, and is passed over" in " ".join(ended.err.split())


def test_where_there_are_none(in_process: Command, flow: Path, tmp_path: Path) -> None:
    ended = in_process("runs", "list", "nowhere")
    assert (ended.code, "Expected a folder with reports of runs" in " ".join(ended.err.split())) == (2, True)
    (tmp_path / "empty").mkdir()
    assert "found none report.json in it" in " ".join(in_process("runs", "compare", "empty").err.split())
    written(in_process)
    ended = in_process("runs", "list", "runs", "--pipeline", "scale")
    assert "none of pipeline 'scale'; there are some of 'fitted', 'scaled'" in " ".join(ended.err.split())
