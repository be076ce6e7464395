"""``gpupipe rounds``, as it is called."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from gpupipe.cli import app

FLOW = Path(__file__).parents[1] / "rounds" / "flow.py"


def test_what_tells_arms_apart_is_not_given_for_all(tmp_path: Path) -> None:
    call = ["rounds", str(FLOW), "--oracle", "digit", "--out", str(tmp_path), "-p", "seed=3"]
    ended = CliRunner().invoke(app, call)
    assert ended.exit_code == 2 and "Rounds give each arm a 'seed' of its own" in ended.output


def test_strategies_are_compared_with_chance(tmp_path: Path) -> None:
    call = ["rounds", str(FLOW), "--oracle", "digit", "--until", "rounds=3", "--seeds", "2", "--out", str(tmp_path), "-p", "n=200"]
    ended = CliRunner().invoke(app, call)
    assert ended.exit_code == 0, ended.output
    assert "margin-1: round 3" in ended.stderr and "stopped, rounds=3: 3 were answered" in ended.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    titles = [card["title"] for card in report["cards"]]
    assert titles == ["What labels were worth", "Why each arm stopped", "What was asked"]
    lines = report["cards"][0]["parts"][0]
    assert [one["label"] for one in lines["curves"]] == ["margin", "random"] and len(lines["bands"]) == 2
    stopped = report["cards"][1]["parts"][0]["rows"]
    assert [row[:2] for row in stopped] == [["margin", 0], ["random", 0], ["margin", 1], ["random", 1]]
    page = (tmp_path / "report.html").read_text()
    assert "What labels were worth" in page and "rounds=3: 3 were answered" in page
    assert json.loads((tmp_path / "curve.json").read_text())["full"] > 0.7
    before = {path: path.read_bytes() for path in tmp_path.rglob("course.json")}
    assert CliRunner().invoke(app, call).exit_code == 0  # nothing is left to do, and nothing is done
    assert {path: path.read_bytes() for path in tmp_path.rglob("course.json")} == before


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["rounds", str(FLOW), "--oracle", "digit", "--until", "bugdet=3", "--out", str(tmp_path)])
    assert ended.exit_code == 2 and "Did you mean 'budget'" in ended.stderr
    flow = tmp_path / "flow.py"
    flow.write_text("def pipeline(store: str): ...")
    ended = CliRunner().invoke(app, ["rounds", str(flow), "--oracle", "digit"])
    assert ended.exit_code == 2 and "there is no 'strategy', 'seed'" in ended.stderr
