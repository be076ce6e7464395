from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

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


def test_runs_are_exported_to_mlflow_once(in_process: Command, flow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # by default MLflow takes databases alone, and making one takes it ten seconds
    written(in_process)
    store = (tmp_path / "store").as_uri()
    first = in_process("runs", "export", "runs", "--mlflow", store, "--json").json["runs"]
    assert [(run["run"], run["experiment"], run["new"]) for run in first] == [
        ("0", "scaled", True),
        ("1", "scaled", True),
        ("other", "fitted", True),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = MlflowClient(tracking_uri=store)
        made = client.get_run(first[1]["id"])
        report = json.loads((tmp_path / "runs" / "1" / "report.json").read_text())
        assert made.data.params == {name: str(value) for name, value in report["parameters"].items()}
        assert made.data.metrics["n"] == 50.0
        assert made.data.metrics["run.seconds"] == report["seconds"]
        assert (made.info.status, made.info.run_name, made.data.tags["gpupipe.engine"]) == ("FINISHED", "1", report["engine"])
        assert made.info.start_time == datetime.fromisoformat(report["started"]).timestamp() * 1000
        assert [file.path for file in client.list_artifacts(made.info.run_id)] == ["report.html", "report.json"]
        client.update_run(first[0]["id"], status="RUNNING")  # as an export leaves it that was killed
        again = in_process("runs", "export", "runs", "--mlflow", store, "--json").json["runs"]
        assert [run["new"] for run in again] == [True, False, False]
        assert [run["id"] for run in again[1:]] == [run["id"] for run in first[1:]]
        experiment = client.get_experiment_by_name("scaled")
        assert len(client.search_runs([experiment.experiment_id])) == 2
    refused = in_process("runs", "export", "runs", "--mlflow", "what://ever")
    assert refused.code == 1
    assert "MLflow's tracking store 'what://ever' could not be written" in " ".join(refused.err.split())
