"""Which aggregations are made in parts follows from the stage's expressions; the rest is shuffled and run as it is."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import pytest

import gpupipe as gp
from gpupipe.core.aggregates import Grouping
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage
from gpupipe.engines.dask.aggregates import Aggregation, in_parts

SCHEMA = Schema.of_names(
    {"k": nw.Int64(), 'o"dd': nw.Int64(), "x": nw.Float64(), "b": nw.Boolean(), "a, b": nw.Int64(), "d": nw.Date()},
)


@gp.by_key("k")
def filtered(rows: nw.LazyFrame) -> nw.LazyFrame:
    return rows.filter(nw.col("x") > 0).group_by("k").agg(n=nw.len())


def of_stage(stage: KeyStage) -> Aggregation | None:
    """Return how a stage is done in parts."""
    grouping = stage.grouping()
    return None if grouping is None else in_parts(grouping, SCHEMA)


def reductions(found: Aggregation | None) -> list[tuple[str, str | None]]:
    """Return the reductions of an aggregation: how, of which column."""
    assert found is not None
    return [(part.how, part.column) for part in found.parts]


def test_reductions_of_columns_are_taken_apart() -> None:
    stage = gp.GroupBy("k", nw.col("x").max(), n=nw.len(), total=nw.col("a, b").sum(), odd=nw.col('o"dd').sum())
    found = of_stage(stage)
    assert found is not None and found.keys == ("k",) and not found.drop_null_keys
    assert reductions(found) == [("max", "x"), ("len", None), ("sum", "a, b"), ("sum", 'o"dd')]
    dropped = of_stage(gp.GroupBy(['o"dd', "b"], m=nw.col("x").mean(), null_keys="drop"))
    assert dropped is not None and dropped.keys == ('o"dd', "b") and dropped.drop_null_keys


def test_expressions_are_made_before_and_after() -> None:
    found = of_stage(gp.GroupBy("k", twice=(nw.col("x") * 2).sum(), ratio=nw.col("x").sum() / nw.len()))
    assert found is not None and len(found.apart.before) == 1
    assert [how for how, _ in reductions(found)] == ["sum", "sum", "len"]


def test_columns_of_a_selector_are_spelled_out() -> None:
    assert reductions(of_stage(gp.GroupBy("k", nw.all().max()))) == [("max", name) for name in SCHEMA if name != "k"]


@pytest.mark.parametrize(
    "stage",
    [
        gp.GroupBy("k", n=nw.col("x").n_unique()),
        gp.GroupBy("k", n=nw.len(), s=nw.col("x").std()),
        gp.GroupBy("k", m=nw.col("d").mean()),  # a date has no sum
        gp.GroupBy("k", m=nw.col("x").rank().over("b").max()),
        filtered,
        gp.Rolling("k", index="a, b", start=0, stop=2, m=("x", "max")),
    ],
    ids=lambda stage: stage.name,
)
def test_everything_else_is_left_as_it_is(stage: KeyStage) -> None:
    assert of_stage(stage) is None


@pytest.mark.parametrize(
    ("aggregate", "taken"), [(nw.len(), True), (nw.col("x").sum(), True), (nw.col("d").max(), True), (nw.col("x").std(), False)], ids=str
)
def test_a_whole_table_is_reduced_in_parts(aggregate: Any, taken: bool) -> None:
    found = in_parts(Grouping((), ((None, aggregate),), drop_null_keys=False), SCHEMA)
    assert (found is not None) == taken and (found is None or found.keys == ())
