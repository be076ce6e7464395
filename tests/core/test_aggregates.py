"""Aggregates taken apart against Polars, which takes them whole."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gpupipe.core.aggregates import spelled_out, taken_apart
from gpupipe.core.errors import UnsupportedError

c = nw.col
ROWS = pl.DataFrame(
    {
        "k": [n * n % 5 for n in range(40)],
        "x": [None if n % 7 == 0 else n % 6 - 2 for n in range(40)],
        "y": [None if n % 5 == 0 else n / 4 for n in range(40)],
        "b": [None if n % 11 == 0 else n % 3 == 0 for n in range(40)],
        "s": [None if n % 9 == 0 else "abcd"[n % 4] for n in range(40)],
    }
)
AGGREGATES: list[Any] = [
    (c("x") * c("y")).sum(),
    c("x").sum() / c("y").mean(),
    nw.when(c("x") > 0).then(c("y")).otherwise(0).sum(),
    nw.when(c("b")).then(1).sum() / nw.len(),
    nw.coalesce(c("y"), c("x").cast(nw.Float64)).max(),
    c("x").filter(c("y") > 3, c("b")).mean(),
    c("s").filter(c("x") > 0).n_unique(),
    c("s").drop_nulls().n_unique(),
    c("x").filter(c("b")).len(),
    c("x").filter(c("b")).count(),
    (c("x") + 1).null_count(),
    c("x").filter(~c("b")).null_count(),
    (c("y") * 2).std(ddof=0) + c("y").var(),
    (c("x") % 2 == 0).any(),
    nw.sum_horizontal("x", "y").quantile(0.25, interpolation="linear"),
    nw.when(c("x").sum() > 0).then(c("y").max()).otherwise(c("y").min()),
    (c("x").max() - c("x").min()).abs() + nw.lit(2),
    nw.len() * 2,
    nw.lit(7),
]


@pytest.mark.parametrize("aggregate", AGGREGATES, ids=str)
def test_what_is_put_together_again_is_the_aggregate(aggregate: Any) -> None:
    frame = nw.from_native(ROWS.lazy())
    whole = frame.group_by("k").agg(aggregate.alias("r")).to_native().collect().sort("k")
    apart = taken_apart((("r", aggregate),), ROWS.columns)
    grown = frame.with_columns(*apart.before) if apart.before else frame
    reduced = grown.group_by("k").agg([one.expression() for one in apart.reductions] or nw.len())
    made = reduced.select("k", *apart.after).to_native().collect().sort("k")
    assert_frame_equal(made, whole, check_dtypes=False, rel_tol=1e-12)


def test_equal_reductions_are_taken_once() -> None:
    apart = taken_apart((("a", c("x").sum() / c("x").sum()), ("b", c("x").sum() + nw.len()), ("c", nw.len() + 0)), ["x"])
    assert [(one.how, one.column) for one in apart.reductions] == [("sum", "x"), ("len", None)] and not apart.before


def test_new_columns_take_no_name_that_is_there() -> None:
    apart = taken_apart((("r", (c("__part_0") * 2).sum()),), ["__part_0"])
    assert "__part_0" not in {one.name for one in apart.reductions} | {one.column for one in apart.reductions}


def test_several_columns_are_spelled_out() -> None:
    aggregates = ((None, nw.col("x", "y").sum()), (None, nw.selectors.string().max()), ("n", nw.len()))
    spelled = spelled_out(aggregates, lambda columns: ROWS.lazy().pipe(nw.from_native).select(columns).collect_schema().names())
    assert [name or str(given) for name, given in spelled] == ["col(x).sum()", "col(y).sum()", "col(s).max()", "n"]


@pytest.mark.parametrize(
    ("aggregate", "why"),
    [
        (c("x"), "does not reduce"),
        (c("x") + 1, "does not reduce"),
        (c("x").sum() + c("y"), "does not reduce"),
        (c("x").shift(1).over("k", order_by="y").sum(), "looks at other rows before it reduces them"),
        (c("x").unique().max(), "uses unique()"),
        (c("x").skew(), "uses skew()"),
        (nw.corr("x", "y"), "uses corr()"),
    ],
    ids=str,
)
def test_what_cannot_be_taken_apart_says_why(aggregate: Any, why: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        taken_apart((("r", aggregate),), ["x", "y", "k"])
    assert why in str(caught.value)
