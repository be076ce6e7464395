from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gpupipe import load

Command = Callable[..., Any]
KEYS = {"pipeline", "engine", "status", "seconds", "outputs", "stages", "crossings", "report"}


@pytest.mark.parametrize("engine", ["cpu", "pandas"])
def test_json_is_the_only_thing_on_stdout(gpupipe: Command, flow: Path, engine: str) -> None:
    ended = gpupipe("run", flow, "--json", "--engine", engine, "-p", "rows=20", "-p", "method=max")
    assert ended.code == 0, ended.err
    answer = ended.json  # raises where anything else is on stdout
    assert set(answer) == KEYS
    assert (answer["pipeline"], answer["engine"], answer["status"]) == ("scaled", engine, "ok")
    assert answer["outputs"]["n"] == 20
    assert answer["outputs"]["table"] == {"rows": 20, "columns": 3, "path": None}
    assert answer["outputs"]["nothing"] is None  # infinite
    assert [stage["rows_out"] for stage in answer["stages"]][:2] == [20, 20]
    assert answer["crossings"]["host_to_device_bytes"] == 0
    assert "built in max" in ended.err


def test_progress_and_summary_go_to_stderr_and_quiet_leaves_them_out(gpupipe: Command, flow: Path) -> None:
    told, silent = gpupipe("run", flow), gpupipe("run", flow, "--quiet", "-p", "method=max")
    assert (told.code, told.out, silent.code, silent.out) == (0, "", 0, "")
    assert "WithColumns" in told.err
    assert "as one query" in told.err
    assert "--report DIR" in told.err
    assert sorted(silent.err.splitlines()) == ["built in max", "from below Python"]
    assert "\x1b" not in told.err


def test_report_is_written_whole_with_what_the_run_was_called_with(gpupipe: Command, flow: Path, tmp_path: Path) -> None:
    ended = gpupipe("run", flow, "--report", "made/report", "--json", "-p", "rows=5")
    folder = tmp_path / "made" / "report"
    assert ended.json["report"] == "made/report/report.html"
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json"]
    report = json.loads((folder / "report.json").read_text(), parse_constant=pytest.fail)
    assert report["parameters"] == {"rows": 5, "factor": 2.0, "method": "mean", "out": None}
    assert report["file"].endswith("flow.py")
    assert "<svg" in (folder / "report.html").read_text()


def test_fitted_outputs_are_saved_beside_the_report(gpupipe: Command, flow: Path, tmp_path: Path) -> None:
    ended = gpupipe("run", f"{flow}:fitted", "--report", "out", "--json")
    assert ended.code == 0, ended.err
    path = ended.json["outputs"]["scaler"]["path"]
    again = load(tmp_path / path)
    made = again.apply(pl.DataFrame({"k": [0], "x": [4.5]}))
    assert math.isclose(made["x"][0], 0.0, abs_tol=1e-12)


def test_outputs_are_written_where_the_parameter_says(gpupipe: Command, flow: Path, tmp_path: Path) -> None:
    ended = gpupipe("run", flow, "-p", "out=rows.parquet", "-p", "rows=7", "--json")
    assert ended.json["outputs"]["written"]["rows"] == 7
    assert pl.read_parquet(tmp_path / "rows.parquet").height == 7


def test_crossings_are_held_to_a_budget(gpupipe: Command, flow: Path) -> None:
    ended = gpupipe("run", flow, "--engine", "pandas", "--json", "--crossings", "raise", "--crossings-budget", "0.5kB")
    assert ended.code == 0, ended.err
    assert (ended.json["crossings"]["policy"], ended.json["crossings"]["budget_bytes"]) == ("raise", 500)
    assert "within the budget of 500 B" in ended.err
    over = gpupipe("run", f"{flow}:fitted", "--engine", "pandas", "--crossings", "raise")
    assert over.code == 1
    assert "CrossingError: Expected at most 0 bytes to cross between ingest and sinks" in over.err


def test_policies_that_are_none(gpupipe: Command, flow: Path) -> None:
    ended = gpupipe("run", flow, "--crossings", "rise")
    assert ended.code == 2
    assert "--crossings takes one of 'allow', 'warn', 'raise', got 'rise'. Did you mean 'raise'?" in ended.err
    ended = gpupipe("run", flow, "--crossings-budget", "10MX")
    assert ended.code == 2
    assert "expected a number of bytes such as 10MB" in ended.err
