"""Which aggregations are done in parts is read from the query, and nothing else is taken for one."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pytest

import gpupipe as gp
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage
from gpupipe.engines._symbolic import VERBS, empty_frame
from gpupipe.engines.dask.aggregates import Aggregation, Part, aggregation_of, taken_apart

SCHEMA = Schema.of_names({"k": nw.Int64(), 'o"dd': nw.Int64(), "x": nw.Float64(), "b": nw.Boolean(), "a, b": nw.Int64()})


@gp.by_key("k")
def filtered(rows: nw.LazyFrame) -> nw.LazyFrame:
    return rows.filter(nw.col("x") > 0).group_by("k").agg(n=nw.len())


@gp.by_key("k")
def cut(rows: nw.LazyFrame) -> nw.LazyFrame:
    return rows.group_by((nw.col("k") // 2).alias("k")).agg(n=nw.len())


def test_reductions_of_columns_are_taken_apart() -> None:
    stage = gp.GroupBy("k", nw.col("x").max(), n=nw.len(), total=nw.col("a, b").sum())
    assert aggregation_of(stage, SCHEMA) == Aggregation(
        ("k",), (Part("x", "x", "max"), Part("n", None, "len"), Part("total", "a, b", "sum")), drop_null_keys=False
    )
    found = aggregation_of(gp.GroupBy(["k", "b"], m=nw.col("x").mean(), null_keys="drop"), SCHEMA)
    assert found is not None
    assert found.keys == ("k", "b") and found.drop_null_keys


@pytest.mark.parametrize(
    "stage",
    [
        gp.GroupBy("k", n=nw.col("x").n_unique()),
        gp.GroupBy("k", n=(nw.col("x") * 2).sum()),
        gp.GroupBy("k", n=nw.len(), s=nw.col("x").std()),
        gp.GroupBy("k", n=nw.col('o"dd').sum()),
        gp.GroupBy('o"dd', n=nw.len()),
        filtered,
        cut,
        gp.Rolling("k", index="a, b", start=0, stop=2, m=("x", "max")),
    ],
    ids=lambda stage: stage.name,
)
def test_everything_else_is_left_as_it_is(stage: KeyStage) -> None:
    assert aggregation_of(stage, SCHEMA) is None


def test_a_whole_table_is_reduced_in_parts() -> None:
    frame = empty_frame(SCHEMA)
    found = taken_apart(frame.select(nw.len().alias("n"), nw.col("x").sum()), SCHEMA)
    assert found == Aggregation((), (Part("n", None, "len"), Part("x", "x", "sum")), drop_null_keys=False)
    assert taken_apart(frame.select(nw.col("x").std()), SCHEMA) is None
    assert taken_apart(frame.filter(nw.col("b")).select(nw.len()), SCHEMA) is None
    assert taken_apart(gp.SortRows("x").run(VERBS, frame), SCHEMA) is None
    dates = Schema.of_names({"d": nw.Date()})
    assert taken_apart(empty_frame(dates).select(nw.col("d").mean()), dates) is None  # a date has no sum
    assert taken_apart(empty_frame(dates).select(nw.col("d").max()), dates) is not None
