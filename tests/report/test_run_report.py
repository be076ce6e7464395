"""The report of a run as a value: written as two files, shown as its page by a notebook, with nothing of the data taken for HTML."""

from __future__ import annotations

import html
import json
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import SinkError
from gpupipe.report.html import html_page

ROWS = pl.DataFrame({"a": [1, 2, None, 4, 5, 6, 7], "<b>": ["<script>", "y", "z", "u", "v", "w", "x" * 500]})


@pytest.fixture(scope="module")
def result() -> gp.pipeline.Result:
    table = gp.FromFrame(ROWS).node()
    return gp.Pipeline("p & q", rows=table, n=gp.Scalar(nw.len())(table)).run()


def test_a_call_writes_both_files_and_gives_the_report(result: gp.pipeline.Result, tmp_path: Path) -> None:
    assert result.report(tmp_path / "kept") is result.report
    assert json.loads((tmp_path / "kept" / "report.json").read_text())["pipeline"] == "p & q"
    assert (tmp_path / "kept" / "report.html").read_text() == html_page(result.report)
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="Expected a folder that can be written to"):
        result.report.save(tmp_path / "file")


def test_a_notebook_shows_the_whole_page_in_a_frame(result: gp.pipeline.Result) -> None:
    shown = result.report._repr_html_()
    page = shown.partition('srcdoc="')[2].rpartition('"')[0]
    assert html.unescape(page) == html_page(result.report)
    assert shown.startswith('<iframe title="Report of p &amp; q" sandbox=')


def test_a_notebook_shows_the_first_rows_of_a_table_as_text(result: gp.pipeline.Result) -> None:
    shown = result._repr_html_()
    assert "7 rows × 2 columns" in shown and "<code>n</code> 7" in shown
    assert "&lt;script&gt;" in shown and "&lt;b&gt;" in shown and "<script>" not in shown and "<b>&" not in shown
    assert shown.count("<tr>") == 1 + 5, "the names, and five rows"
    assert "<td></td>" in shown, "what is missing is nothing"


def test_a_plan_draws_itself(result: gp.pipeline.Result) -> None:
    plan = gp.Pipeline("p", rows=gp.FromFrame(ROWS).node()).plan()
    assert plan._repr_svg_().startswith("<svg")
