from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

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
    assert silent.err == "built in max\n"
    assert "\x1b" not in told.err


def test_report_is_written_whole_with_what_the_run_was_called_with(gpupipe: Command, flow: Path, tmp_path: Path) -> None:
    ended = gpupipe("run", flow, "--report", "made/report", "--json", "-p", "rows=5")
    folder = tmp_path / "made" / "report"
    assert ended.json["report"] == "made/report/report.html"
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "report.json"]
    report = json.loads((folder / "report.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert report["parameters"] == {"rows": 5, "factor": 2.0, "method": "mean", "out": None}
    assert report["file"].endswith("flow.py")
    assert "<svg" in (folder / "report.html").read_text()


def test_fitted_outputs_are_saved_beside_the_report(gpupipe: Command, flow: Path, tmp_path: Path) -> None:
    pytest.importorskip("gpupipe.models.artefact", reason="saving fitted stages")
    ended = gpupipe("run", f"{flow}:fitted", "--report", "out", "--json")
    assert ended.code == 0, ended.err
    path = ended.json["outputs"]["scaler"]["path"]
    from gpupipe.models import artefact

    again = artefact.load(tmp_path / path)
    made = again.apply(pl.DataFrame({"k": [0], "x": [4.5]}))
    assert math.isclose(made["x"][0], 0.0, abs_tol=1e-12)


def test_outputs_are_written_where_the_parameter_says(gpupipe: Command, flow: Path, tmp_path: Path) -> None:
    ended = gpupipe("run", flow, "-p", "out=rows.parquet", "-p", "rows=7", "--json")
    assert ended.json["outputs"]["written"]["rows"] == 7
    assert pl.read_parquet(tmp_path / "rows.parquet").height == 7


@pytest.mark.parametrize(
    ("call", "code", "told"),
    [
        (["flow.py:wrong_column"], 2, "ColumnError: There is no column 'xx'. Did you mean 'x'?"),
        (["flow.py:wrong_column"], 2, "In stage Select, wired at flow.py:"),
        (["flow.py:fails"], 1, "on engine 'cpu', wired at flow.py:"),
        (["flow.py:missing_input"], 1, "SourceError: "),
        (["flow.py:required"], 2, "needs a value for 'data' (text). Add: -p data=..."),
        (
            ["flow.py", "-p", "row=3"],
            2,
            "There is no parameter 'row'. Did you mean 'rows'? The parameters are 'rows', 'factor', 'method', 'out'.",
        ),
        (["flow.py", "-p", "rows=many"], 2, "Parameter 'rows' expects a whole number, got 'many'."),
        (["flow.py", "-p", "method=median"], 2, "Parameter 'method' expects 'mean' or 'max', got 'median'."),
        (["flow.py", "--engine", "cpuu"], 2, "There is no engine 'cpuu'. Did you mean 'cpu'?"),
        (["flow.py", "--engine", "dask"], 1, "not in this release"),
        (["flow.py", "--report", "flow.py"], 1, "SinkError: Expected a folder that can be written to, got 'flow.py'"),
        (["floww.py"], 2, "There is no file 'floww.py'. Did you mean 'flow.py'?"),
        (["flow.py:raises"], 2, "raises() in flow.py raised ZeroDivisionError: division by zero\n  At flow.py:"),
    ],
)
def test_failures_are_one_block_on_stderr_and_one_object_on_stdout(
    in_process: Command, flow: Path, call: list[str], code: int, told: str
) -> None:
    ended = in_process("run", *call, "--json", "--quiet")
    assert ended.code == code, ended.err
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert set(ended.json) == KEYS | {"error"}
    assert ended.json["status"] == "failed"
    assert ended.json["error"]["exit_code"] == code
    assert " ".join(ended.json["error"]["message"].split()) in " ".join(ended.err.split())  # a terminal has no tabs


def test_traceback_is_shown_when_asked_for(in_process: Command, flow: Path) -> None:
    ended = in_process("run", "flow.py:raises", "--traceback")
    assert ended.code == 2
    assert "Traceback (most recent call last)" in ended.err
    assert "ZeroDivisionError" in ended.err


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


def test_help_of_a_file_lists_its_parameters(in_process: Command, flow: Path) -> None:
    ended = in_process("run", "flow.py", "--help")
    assert ended.code == 0, ended.err
    for told in (
        "--engine",
        "Parameters of flow.py",
        "How many rows are made. [default: 100]",
        "'mean' or 'max'",
        "path or none",
        "Scale x.",
    ):
        assert told in ended.out
    assert "More take longer" not in ended.out
    required = in_process("run", "flow.py:required", "--help")
    assert "[required]" in required.out
    assert "Example: gpupipe run flow.py:required -p data=..." in required.out
