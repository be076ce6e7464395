"""What an engine cannot do, or does otherwise, is told in the plan."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import PlanError, UsageError
from gpupipe.plan import make_plan
from gpupipe.portability import ENGINES, differences_table, findings, limits_of

c = nw.col
FRAME = pl.DataFrame(
    {
        "k": [1, 2],
        "i": [5, 6],
        "x": [1.0, 2.5],
        "s": ["a.b", "c"],
        "b": [True, False],
        "d": [dt.date(2020, 1, 1), dt.date(2020, 1, 2)],
        "t": [dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 2)],
    }
)
MET: dict[str, Any] = {
    "% on Arrow columns": c("i") % 2,
    "floats as text": c("x").cast(nw.String),
    "comparisons and differences across dtypes": nw.when(c("d") == c("t")).then(1),
    "regular expressions and letters": c("s").str.contains(r"\w"),
    "fractions of seconds in dt.to_string": c("t").dt.to_string("%H:%M:%S%.f"),
    "what pandas cannot do with Arrow dtypes": c("t").dt.offset_by("1mo"),
    "large whole numbers beside floats": c("i") * c("x").cast(nw.Float32),
}
ALSO_MET = [c("s").str.replace("(a)", "$1"), c("s").str.replace("(a)", "${x}"), c("s").str.replace("(a)", r"\1")]
NOT_MET = [
    c("i") + 2,
    c("i").cast(nw.String),
    c("d") == c("d"),
    c("s").str.contains(".", literal=True),
    c("s").str.contains("a"),
    c("s").str.contains(r"\.b$"),
    c("s").str.replace_all(r"^a|\.$", ""),
    c("x") * c("i"),
    c("t").dt.offset_by("-2d"),
]


@pytest.mark.parametrize("what", MET)
@pytest.mark.parametrize("how", ["stage", "function", "aggregate"])
def test_an_operation_is_found_where_it_stands(what: str, how: str) -> None:
    table = gp.FromFrame(FRAME).node()

    @gp.whole_table
    def function(frame: nw.LazyFrame) -> nw.LazyFrame:
        return frame.filter(c("k") > 0).with_columns(r=MET[what])

    node = {
        "stage": lambda: gp.WithColumns(r=MET[what])(table),
        "function": lambda: function(table),
        "aggregate": lambda: gp.GroupBy("k", r=MET[what].max())(table),
    }[how]()
    plan = make_plan("p", {"out": node})
    assert [found.limit.what for found in findings(plan, "pandas")] == [what]
    assert findings(plan, "dask") == []
    assert findings(plan, "cpu") == []


@pytest.mark.parametrize("expression", NOT_MET, ids=str)
def test_what_is_alike_is_not_found(expression: Any) -> None:
    assert findings(make_plan("p", {"out": gp.WithColumns(r=expression)(gp.FromFrame(FRAME).node())}), "pandas") == []


@pytest.mark.parametrize("expression", ALSO_MET, ids=str)
def test_references_to_groups_are_found(expression: Any) -> None:
    found = findings(make_plan("p", {"out": gp.WithColumns(r=expression)(gp.FromFrame(FRAME).node())}), "pandas")
    assert [one.limit.what for one in found] == ["regular expressions and letters"]


def test_a_difference_is_refused_before_the_run_unless_it_is_allowed() -> None:
    pipeline = gp.Pipeline("p", out=gp.WithColumns(r=c("x").cast(nw.String))(gp.FromFrame(FRAME).node()))
    pipeline.check("cpu")
    for refused in (lambda: pipeline.check("pandas"), lambda: pipeline.run("pandas")):
        with pytest.raises(
            PlanError, match=r"^On engine 'pandas', cast\(\) comes out otherwise \(floats as text\): Arrow writes 1.0 as '1'"
        ) as caught:
            refused()
        assert "--allow-differences, EngineOptions(allow_differences=True)" in str(caught.value)
        assert any("In stage WithColumns, wired at" in text for text in caught.value.__notes__)
    pipeline.check("pandas", allow_differences=True)
    assert pipeline.run("pandas", options=gp.EngineOptions(allow_differences=True))["out"]["r"].to_list() == ["1", "2.5"]


def test_what_cannot_be_done_is_refused_whatever_is_allowed() -> None:
    pipeline = gp.Pipeline("p", out=gp.Filter(c("i") % 2 == 0)(gp.FromFrame(FRAME).node()))
    with pytest.raises(PlanError, match="mod\\(\\) cannot be done"):
        pipeline.run("pandas", options=gp.EngineOptions(allow_differences=True))
    assert len(pipeline.run("cpu")["out"]) == 1


def test_an_unknown_engine_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="There is no engine 'panda'. Did you mean 'pandas'"):
        gp.Pipeline("p", out=gp.FromFrame(FRAME).node()).check("panda")


def test_limits_are_whole() -> None:
    for engine in ENGINES:
        for limit in limits_of(engine):
            assert (limit.effect in ("refused", "differs")) == bool(limit.uses), f"{engine}: {limit.what}"


def test_the_table_in_the_docs_is_that_of_the_limits() -> None:
    assert differences_table() in Path(__file__).parents[1].joinpath("docs/engines.md").read_text(encoding="utf-8")
