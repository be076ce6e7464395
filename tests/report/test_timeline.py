"""The line of time: bars where stages were at work, those of one query together, the short ones of a long run summed up."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
from sklearn.linear_model import Ridge

import gpupipe as gp
from gpupipe.report import html_page
from gpupipe.report.timeline import timeline


def _stage(number: int, spans: list[list[float]], stretch: int | None = None) -> dict[str, Any]:
    return {"id": number, "name": f"S{number}", "kind": "row", "inputs": [], "stretch": stretch, "spans": spans}


def test_bars_stand_where_the_work_was() -> None:
    stages = [_stage(0, [], 0), _stage(1, [], 0), _stage(2, [[5.0, 2.5], [8.0, 2.0]]), _stage(3, [[4.0, 4.0]])]
    stretches = [{"id": 0, "stages": [0, 1], "seconds": 4.0, "peak_bytes": 1, "spans": [[0.0, 4.0]]}]
    (part,) = timeline({"seconds": 10.0, "stages": stages, "stretches": stretches})
    assert [[(bar["left"], bar["width"]) for bar in row["bars"]] for row in part["rows"]] == [[(0, 40)], [(40, 40)], [(50, 25), (80, 20)]]
    assert [row["told"] for row in part["rows"]] == ["as one query", "row stage", "row stage"]
    assert [link["stage"] for link in part["rows"][0]["links"]] == [0, 1]
    assert [row["seconds"] for row in part["rows"]] == ["4.0 s", "4.0 s", "4.5 s"]


def test_a_report_that_knows_no_times_has_no_line() -> None:
    assert timeline({"seconds": 10.0, "stages": [{"id": 0, "name": "S", "kind": "row", "stretch": None}], "stretches": []}) == []


def test_a_run_enters_when_its_stages_were_at_work() -> None:
    table = gp.FromFrame(pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]})).node() >> gp.Filter(nw.col("x") > 0)
    model = gp.Learn(Ridge(), features=["x"], target="y").fit(table)
    report = gp.Pipeline("p", model=model, scored=model(table)).run("cpu").report
    spans = [span for entry in (*report["stages"], *report["stretches"]) for span in entry["spans"]]
    assert spans and all(start >= 0 and start + seconds <= report["seconds"] for start, seconds in spans)
    learner = next(stage for stage in report["stages"] if stage["kind"] == "learner")
    assert sum(seconds for _, seconds in learner["spans"]) <= learner["seconds"] + 0.001 > 0.001
    assert '<table class="bars times">' in html_page(report)
