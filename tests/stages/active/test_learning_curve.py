"""The comparison of strategies, with its figure."""

from __future__ import annotations

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.active.curve import area_under, cost_to
from gpupipe.core.errors import ColumnError, StageError, UsageError
from gpupipe.report.html import html_page
from gpupipe.testing.tasks import check_task

CURVES = {
    ("margin", 0): [(0, None), (10, 0.5), (20, 0.8), (30, 0.9)],
    ("margin", 1): [(0, None), (10, 0.4), (20, 0.9), (30, 0.95)],
    ("random", 0): [(0, None), (10, 0.5), (20, 0.6), (30, 0.7)],
    ("random", 1): [(0, None), (10, 0.4), (20, 0.5), (30, 0.8)],
}
ROWS = pl.DataFrame(
    [(who, seed, float(cost), metric) for (who, seed), points in CURVES.items() for cost, metric in points],
    schema={"strategy": pl.String, "seed": pl.Int64, "cost": pl.Float64, "metric": pl.Float64},
    orient="row",
)


def test_law_and_numbers(engine: str) -> None:
    made = check_task(gp.LearningCurve(full=0.95), ROWS, engines=("cpu", engine))
    found = {row["strategy"]: row for row in made.iter_rows(named=True)}
    for who, row in found.items():
        seeds = [list(zip(*points[1:], strict=True)) for (name, _), points in CURVES.items() if name == who]
        assert row["seeds"] == 2
        assert row["area"] == pytest.approx(sum(area_under(*seed) for seed in seeds) / 2)
        costs = [cost_to(*seed, 0.95 * 0.9) for seed in seeds]
        assert row["cost_to_90"] == (None if None in costs else pytest.approx(sum(costs) / 2))  # type: ignore[arg-type]
    assert found["random"]["cost_to_90"] is None and found["margin"]["cost_to_90"] < 30
    assert list(found) == ["margin", "random"]


def test_the_report_has_a_line_with_a_band_for_each(tmp_path: object) -> None:
    table = gp.FromFrame(ROWS).node()
    report = gp.Pipeline("p", made=gp.LearningCurve()(table)).run("cpu").report
    (card,) = report["cards"]
    drawn = card["parts"][0]
    assert drawn["kind"] == "lines"
    assert [line["label"] for line in drawn["curves"]] == ["margin", "random"]
    assert [band["label"] for band in drawn["bands"]] == ["margin, all seeds", "random, all seeds"]
    assert [band["of"] for band in drawn["bands"]] == ["margin", "random"]
    shown = html_page(report)
    assert [shown.count(f'class="band s{number}"') for number in range(3)] == [2, 2, 0]  # and in the legend
    for line, band in zip(drawn["curves"], drawn["bands"], strict=True):
        assert all(low <= middle <= high for low, middle, high in zip(band["low"], line["y"], band["high"], strict=True))
    assert "the best that was reached" in card["parts"][1]["text"]


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(StageError, match=r"the arm of chance, 'random', beside the others, got \['margin'\]"):
        gp.LearningCurve().apply(ROWS.filter(pl.col("strategy") == "margin"))
    with pytest.raises(StageError, match="a metric in one row or more"):
        gp.LearningCurve().apply(ROWS.filter(pl.col("metric").is_null()))
    with pytest.raises(ColumnError, match="'accuracy'"):
        gp.Pipeline("p", made=gp.LearningCurve(metric="accuracy")(gp.FromFrame(ROWS).node())).check()
    with pytest.raises(UsageError, match="as a number, got nan"):
        gp.LearningCurve(full=float("nan"))


@pytest.mark.parametrize("full", [0.0, None])
def test_of_what_all_labels_give_nothing_for_there_are_no_shares(full: float | None) -> None:
    """As F1 is 0 for a tagger that has learnt too little, or a metric that is below 0."""
    rows = ROWS if full is not None else ROWS.with_columns(metric=-pl.col("metric"))
    made = gp.Pipeline("p", made=gp.LearningCurve(full=full)(gp.FromFrame(rows).node())).run("cpu")
    assert made["made"]["cost_to_90"].to_list() == [None, None] and made["made"]["area"].null_count() == 0
    assert "Shares of what is not above 0 say nothing" in made.report["cards"][0]["parts"][1]["text"]
