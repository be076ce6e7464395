"""A run reads what it needs and gives what it would give on whole sources: names, order, dtypes, rows."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.node import Table
from gpupipe.plan import make_plan
from gpupipe.testing.laws import check_reading

c = nw.col


def table(**columns: Any) -> Table:
    return gp.FromFrame(pl.DataFrame(columns)).node()


LEFT, RIGHT = table(k=[1, 2, 2], y=[10, 20, 21], f=[1, 2, 3]), table(k=[1, 2, 4], y=[-1, -2, -4], z=[5, 6, 7], f=[8, 9, 0])
STAFF = table(id=[1, 2, 3], boss=[None, 1, 1], pay=[200, 90, 80])


@gp.whole_table
def width(frame: nw.LazyFrame) -> nw.LazyFrame:
    """Depends on how many columns there are."""
    return frame.select("k", n=nw.col("k") * 0 + len(frame.collect_schema()))


@gp.whole_table
def summed(frame: nw.LazyFrame) -> nw.LazyFrame:
    """Depends on all columns, by a selector."""
    return frame.with_columns(all=nw.sum_horizontal(nw.selectors.numeric()))


@gp.whole_table
def looked_up(frame: nw.LazyFrame, other: nw.LazyFrame) -> nw.LazyFrame:
    """Joins by itself, with names that collide."""
    return frame.join(other, on="k", how="left", suffix="_other").unique(["k", "y"]).select("k", "y_other", "z")


@gp.whole_table
def greatest(frame: nw.LazyFrame) -> nw.LazyFrame:
    """Depends on all columns, by a row that it collects."""
    return frame.select("k", top=nw.lit(max([v for v in frame.select(nw.all().max()).collect().row(0) if v is not None], default=0)))


PIPELINES: dict[str, Table] = {
    "the left value under the left name": LEFT >> gp.Select("k", "y"),
    "join, one name of two": gp.Select("k", "y")(gp.Join("k")(LEFT, RIGHT)),
    "join, the suffix alone": gp.Select("k", "y_right")(gp.Join("k")(LEFT, RIGHT)),
    "join, both suffixes": gp.Select("k", "y_l")(gp.Join("k", suffix=("_l", "_r"))(LEFT, RIGHT)),
    "join, then a filter on the right": gp.Filter(c("z") > 5)(gp.Join("k", how="left")(LEFT, RIGHT)),
    "three tables": gp.Select("k", "y_b", "f")(gp.Join("k", suffix="_b")(gp.Join("k", suffix="_a")(LEFT, RIGHT), gp.Drop("z", "f")(RIGHT))),
    "self join": gp.Filter(c("pay_right") > 100)(gp.Join(left_on="boss", right_on="id", how="left")(STAFF, STAFF)),
    "suffix after a drop": gp.Drop("y", "f")(gp.Join("k", how="left")(LEFT, RIGHT)),
    "order of columns": gp.WithColumns(z=c("k"), y=c("k") * 2)(LEFT),
    "whole rows": gp.Select("k")(gp.Deduplicate()(table(k=[1, 1, 1], y=[1, 1, 2]))),
    "first of a key, by the others": gp.Select("k")(gp.Deduplicate("k", order="f")(LEFT)),
    "split by row": gp.Select("k")(gp.Split((0.5, 0.5))(LEFT)[0]),
    "top rows": gp.Select("k")(gp.SortRows("k", limit=2)(LEFT)),
    "rows alone": gp.GroupBy("k", n=nw.len())(gp.Join("k", how="full")(LEFT, RIGHT)),
    "stacked": gp.Select("z")(gp.Concat("diagonal")(LEFT, RIGHT)),
    "renamed": gp.Select("k", "q")(gp.Rename(y="q", f="y")(LEFT)),
    "how many columns there are": gp.Select("n")(width(LEFT)),
    "a selector": gp.Select("k", "all")(summed(LEFT)),
    "a row that is collected": greatest(LEFT),
    "a function that joins": gp.Select("y_other")(looked_up(LEFT, RIGHT)),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_what_is_read_changes_nothing(name: str) -> None:
    check_reading({"out": PIPELINES[name], "rows": gp.Scalar(nw.len())(PIPELINES[name])})


def test_a_consumer_that_wants_all_rows_has_them() -> None:
    source = table(k=[1, 2, 3], x=[1, 2, 3])
    few, other = source >> gp.Filter(c("k") > 2), table(k=[3])
    outputs = {"few": gp.Scalar(c("x").sum())(few), "all": gp.Scalar(c("x").sum())(gp.Join("k", how="anti")(source, other))}
    assert make_plan("p", outputs).steps[0].reading.predicate is None  # type: ignore[union-attr]
    assert dict(gp.Pipeline("p", outputs).run("pandas")) == {"few": 3, "all": 3}


def test_a_filter_after_a_first_few_rows_is_none_of_the_source() -> None:
    source = table(k=[1, 2, 3])
    out = gp.Filter(c("k") > 1)(gp.Limit(2)(source))
    assert make_plan("p", {"out": out}).steps[0].reading.predicate is None  # type: ignore[union-attr]
    check_reading({"out": out})


def test_columns_that_nobody_needs_are_not_read() -> None:
    joined = gp.Join("k")(LEFT, RIGHT)
    steps = make_plan("p", {"n": gp.Scalar(c("z").sum())(joined), "m": gp.Scalar(nw.len())(STAFF)}).steps
    read = {tuple(step.reading.columns) for step in steps if step.reading is not None}
    assert read == {("k",), ("k", "z"), ("id",)}
