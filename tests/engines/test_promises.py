"""Functions of rows that look at other rows are refused in the plan, with their line; so are decimals that a function would round."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import PlanError
from gpupipe.engines._query import CASTS_ROUND

c = nw.col
FRAME = pl.DataFrame({"x": [1.0, 2.0], "k": ["a", "b"], "p": [Decimal("1.11"), Decimal("2.22")]})


def centred(frame: Any) -> Any:
    return frame.with_columns(m=c("x").mean())  # line 20


def above(frame: Any) -> Any:
    return frame.filter(nw.when(c("x") > c("x").median()).then(True).otherwise(False))


def ranked(frame: Any) -> Any:
    return frame.with_columns([c("x").rank().over("k")])


def grouped(frame: Any) -> Any:
    return frame.group_by("k").agg(c("x").sum())


def distinct(frame: Any) -> Any:
    return frame.with_columns(y=c("x") * 2).unique()


def generated(frame: Any) -> Any:
    return frame.with_columns(c(name).max().alias(f"top {name}") for name in ("k", "x"))


def numbered(frame: Any) -> Any:
    return frame.with_row_index("n", order_by="x")


def one(frame: Any) -> Any:
    return frame.select(nw.lit(1))


def eager(frame: Any) -> Any:
    rows = frame.collect()
    return rows.with_columns(z=rows["x"] - rows["x"].mean()).lazy()


def first_of_each(frame: Any) -> Any:
    return frame.collect().unique(["x"]).lazy()


def with_itself(frame: Any) -> Any:
    return frame.join(frame.filter(c("x") == 4), on="k", how="semi")


def native(frame: Any) -> Any:
    return nw.from_native(frame.to_native().with_columns(pl.col("x").cum_sum()))


@pytest.mark.parametrize("function", [centred, above, ranked, grouped, distinct, generated, numbered, one])
def test_what_looks_at_other_rows_is_refused_with_its_line(function: Any) -> None:
    table = gp.FromFrame(FRAME).node()
    with pytest.raises(
        PlanError, match=rf"{function.__name__} looks at other rows than its own: .*, at .*{Path(__file__).name}:\d+"
    ) as caught:
        gp.Pipeline("p", out=gp.rows(function)(table)).check()
    assert "@gp.by_key" in str(caught.value) and "@gp.whole_table" in str(caught.value)
    if function is centred:
        assert "mean(), at" in str(caught.value) and f":{centred.__code__.co_firstlineno + 1}." in str(caught.value)


@pytest.mark.parametrize("function", [eager, first_of_each, with_itself, native])
def test_what_cannot_be_seen_is_tried(function: Any) -> None:
    with pytest.raises(PlanError, match=f"{function.__name__} makes other rows of a table that is cut in two than of the whole"):
        gp.Pipeline("p", out=gp.rows(function)(gp.FromFrame(FRAME).node())).check()


def doubled(frame: Any) -> Any:
    return frame.with_columns(y=c("x") * 2).filter(c("y") > 1, k="a").select("y", "k", nw.lit(1).alias("one"))


def generated_by_row(frame: Any) -> Any:
    return frame.select(c(name) for name in frame.collect_schema().names())


def eager_by_row(frame: Any) -> Any:
    return frame.collect().with_columns(y=c("x") * 2).lazy()


def joined(frame: Any) -> Any:
    names = nw.from_native(pl.DataFrame({"k": ["a", "b"], "name": ["A", "B"]}).lazy())
    return frame.join(names.unique(["k"]), on="k", how="left")


@pytest.mark.parametrize("function", [doubled, generated_by_row, eager_by_row, joined])
def test_what_works_on_each_row_passes(function: Any) -> None:
    gp.Pipeline("p", out=gp.rows(function)(gp.FromFrame(FRAME).node())).check()


def test_other_functions_may_look_at_other_rows() -> None:
    table = gp.FromFrame(FRAME).node()
    gp.Pipeline("p", key=gp.by_key("k")(grouped)(table), whole=gp.whole_table(centred)(table)).check()


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        (c("p") * c("p"), "product"),
        (c("p") / 2, "quotient"),
        (nw.when(c("p") * c("p") > 1).then(1), "product"),
        (c("p").mean().over("k"), "mean"),
    ],
    ids=str,
)
def test_decimals_are_not_rounded_inside_functions(expression: Any, what: str) -> None:
    @gp.whole_table
    def money(frame: nw.LazyFrame) -> nw.LazyFrame:
        return frame.with_columns(r=expression)

    with pytest.raises(PlanError, match=f"money makes a {what} of decimals, which is rounded inside a function"):
        gp.Pipeline("p", out=money(gp.FromFrame(FRAME).node())).check()


def test_a_decimal_as_a_whole_number_is_cut_off_or_refused() -> None:
    rows = gp.FromFrame(pl.DataFrame({"p": [Decimal("1.99"), Decimal("-2.50"), None]})).node()
    directly = gp.Pipeline("p", out=rows >> gp.WithColumns(r=c("p").cast(nw.Int64)))
    as_floats = gp.Pipeline("p", out=rows >> gp.WithColumns(r=c("p").cast(nw.Float64).cast(nw.Int64)))
    assert as_floats.run("cpu")["out"]["r"].to_list() == [1, -2, None]
    if CASTS_ROUND:
        with pytest.raises(PlanError, match=r"casts decimals to whole numbers, which Polars [12]\.\d+\.\d+ rounds.*polars>=2\.1"):
            directly.check()
    else:
        assert directly.run("cpu")["out"]["r"].to_list() == [1, -2, None]


def test_exact_decimals_pass_in_functions() -> None:
    @gp.rows
    def money(frame: nw.LazyFrame) -> nw.LazyFrame:
        return frame.with_columns(r=c("p") * 2 + c("p") - 1, f=c("p").cast(nw.Float64) / 3)

    assert gp.Pipeline("p", out=money(gp.FromFrame(FRAME).node())).run("cpu")["out"]["r"].to_list() == [Decimal("2.33"), Decimal("5.66")]


def sampled(frame: Any) -> Any:
    return frame.collect().filter(c("x") > 0).sample(fraction=0.01, seed=1).lazy()


def test_drawing_rows_is_refused_with_its_line() -> None:
    with pytest.raises(
        PlanError, match=rf"sampled looks at other rows than its own: sample\(\), at .*:{sampled.__code__.co_firstlineno + 1}\."
    ):
        gp.Pipeline("p", out=gp.rows(sampled)(gp.FromFrame(FRAME).node())).check()
