from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def test_plan_is_drawn_as_text(in_process: Command, flow: Path) -> None:
    ended = in_process("plan", "flow.py:narrow")
    assert ended.code == 0
    assert "reads 1 of 2 columns: x" in ended.out
    assert "Select · row stage" in ended.out
    assert "narrowed" not in ended.out


def test_plan_as_json_svg_and_page(in_process: Command, flow: Path, tmp_path: Path) -> None:
    ended = in_process("plan", "flow.py:fitted", "--json", "--svg", "plan.svg", "--html", "plan.html")
    assert ended.json["pipeline"] == "fitted"
    assert [stage["name"] for stage in ended.json["stages"]] == ["FromFrame", "Standardize", "Standardize.apply"]
    assert (tmp_path / "plan.svg").read_text().startswith("<svg")
    assert "<html" in (tmp_path / "plan.html").read_text()
    assert "wrote plan.svg" in ended.err
    assert not list(tmp_path.glob(".*tmp*"))


def test_plan_into_a_folder_that_is_not_there_fails(in_process: Command, flow: Path) -> None:
    ended = in_process("plan", "flow.py", "--svg", "nowhere/plan.svg")
    assert ended.code == 1
    assert "SinkError: Expected to write 'nowhere/plan.svg'" in ended.err
