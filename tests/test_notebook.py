"""What a notebook shows of what has not run, of fitted things, and of a run as it goes on."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from sklearn.linear_model import Ridge

import gpupipe as gp
from gpupipe.notebook import NotebookTeller, ended, is_notebook, telling

ROWS = gp.FromFrame(pl.DataFrame({"x": [1.0, 2.0], "<b>": ["p", "q"]}))


class Shown:
    """Stands where a notebook shows: keeps what is shown last."""

    html = ""

    def __call__(self, data: dict[str, str], **_: Any) -> Shown:
        self.html = data["text/html"]
        return self

    update = __call__


def test_a_node_shows_its_columns_and_where_it_was_wired() -> None:
    html = (ROWS.node() >> gp.Filter(nw.col("x") > 1)).named("large")._repr_html_()
    assert "(large)</b> <span>table · row stage · 2 columns</span>" in html
    assert "test_notebook.py:" in html and '<th scope="row" style="text-align:left">x</th>' in html and "Float64" in html
    assert "&lt;b&gt;" in html and "<b>" not in html.replace("<p><b>", "") and "<svg" in html


def test_a_node_that_cannot_be_planned_says_why_instead_of_raising() -> None:
    html = (ROWS.node() >> gp.Select("y"))._repr_html_()
    assert "There is no column &#39;y&#39;" in html and "wired at" in html


def test_a_pipeline_shows_its_drawing_and_outputs() -> None:
    html = gp.Pipeline("small", rows=ROWS.node())._repr_html_()
    assert "<b>Pipeline small</b>" in html and "1 stage; outputs rows" in html and "<svg" in html


def test_fitted_things_show_what_they_hold() -> None:
    table = gp.FromFrame(pl.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]})).node()
    made = gp.Pipeline("fits", scaler=gp.Standardize("x").fit(table), model=gp.Learn(Ridge(), features=["x"], target="y").fit(table)).run()
    assert "(2.0,)" in made["scaler"]._repr_html_()
    assert "<b>Ridge</b>" in made["model"]._repr_html_() and "target" in made["model"]._repr_html_()
    graph = gp.Pipeline("g", graph=gp.ToGraph("a", "b", directed=True)(gp.FromFrame(pl.DataFrame({"a": [1], "b": [2]})).node())).run()[
        "graph"
    ]
    assert "<b>graph</b>" in graph._repr_html_() and ">2</td>" in graph._repr_html_()


def test_a_run_is_told_of_in_one_line_that_stays() -> None:
    shown = Shown()
    pipeline = gp.Pipeline("told", rows=ROWS.node())
    teller = NotebookTeller("told", shown)
    assert "<progress" in shown.html
    pipeline.run("cpu", tell=teller)
    assert "✓ told ran in" in shown.html
    teller("progress", pipeline.plan().steps[0], {"number": 3, "total": 4})
    teller.told_at = 0.0
    teller("progress", pipeline.plan().steps[0], {"number": 3, "total": 4})
    assert 'value="0.75"' in shown.html and "3 of 4" in shown.html
    with pytest.raises(ZeroDivisionError), ended(teller):
        1 / 0  # noqa: B018
    assert "✕ told ended with ZeroDivisionError after" in shown.html and "<progress" not in shown.html


def test_outside_of_a_notebook_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert not is_notebook()
    telling("x")("start", None, {})
    assert capsys.readouterr() == ("", "")
