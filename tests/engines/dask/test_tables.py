"""Every kind of stage on many blocks makes the rows that the cpu engine makes, and shuffles no more often than it must."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from dask.dataframe.dask_expr._shuffle import RearrangeByColumn

import gpupipe as gp
from gpupipe.core.arrow import schema_of
from gpupipe.core.demand import Demand
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import StageError
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.engines._tried import try_stage
from gpupipe.engines.dask.blocks import Blocks
from gpupipe.engines.dask.engine import DaskEngine
from gpupipe.engines.dask.lowering import frame_of
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.trial import Trial

Hold = Callable[[pa.Table], Blocks]


@gp.by_key("k")
def span(rows: nw.LazyFrame) -> nw.LazyFrame:
    return rows.group_by("k").agg(first=nw.col("t").min(), last=nw.col("t").max())


@gp.by_key("k")
def both(one: nw.LazyFrame, other: nw.LazyFrame) -> nw.LazyFrame:
    return one.join(other.group_by("k").agg(n=nw.len()), on="k", how="left")


@gp.whole_table
def above(rows: nw.LazyFrame) -> nw.LazyFrame:
    return rows.filter(nw.col("t") > nw.col("t").mean())


def planned(stage: TableStage, schemas: list[Schema]) -> Schema:
    return try_stage(stage, schemas).schema


def run(engine: DaskEngine, stage: TableStage, *inputs: Blocks) -> Blocks:
    return engine.run(stage, inputs, planned(stage, [given.schema for given in inputs]))


def rows(engine: DaskEngine, blocks: Blocks) -> pa.Table:
    return engine.compute([Demand("arrow", blocks)])[0]


def n_shuffles(blocks: Blocks) -> int:
    return len({found._name for found in frame_of(blocks).expr.find_operations(RearrangeByColumn)})


def expected(stage: TableStage, *tables: pa.Table) -> pa.Table:
    with Trial("cpu") as trial:
        return trial.run(stage, *tables)


STAGES = {
    "row": gp.WithColumns(y=nw.col("x") * 2, n=nw.col("k").is_null()),
    "filter": gp.Filter(nw.col("b")),
    "group-by in parts": gp.GroupBy(["k", "s"], n=nw.len(), total=nw.col("t").sum(), mean=nw.col("t").mean(), c=nw.col("x").count()),
    "group-by without missing keys": gp.GroupBy("s", low=nw.col("d").min(), high=nw.col("d").max(), null_keys="drop"),
    "group-by whole": gp.GroupBy("k", distinct=nw.col("s").n_unique()),
    "key function": span,
    "rolling": gp.Rolling("k", index="t", start=-20, stop=1, m=("x", "max"), n=("t", "count")),
    "deduplicate": gp.Deduplicate("k", order="t", keep="last"),
    "distinct rows": gp.Deduplicate(),
    "sample": gp.Sample(0.4, seed=3),
    "sample of a number": gp.Sample(n_rows=25, seed=3),
    "split": gp.Split((0.5, 0.5), by="k").parts[0],
    "whole table": above,
}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_makes_the_rows_of_the_cpu_engine(name: str, dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    if name == "distinct rows":
        table = table.select(["k", "s", "b"])
    if name == "rolling":  # what a window's greatest number is where NaN is among them, see the pandas engine's limits
        table = table.set_column(3, "x", pc.if_else(pc.is_nan(table["x"]), None, table["x"]))
    held = blocks(table)
    assert held.n_blocks > 3 or name == "distinct rows"
    made = run(dask_engine, STAGES[name], held)
    assert_same_rows(expected(STAGES[name], table), rows(dask_engine, made), rtol=1e-12)


@pytest.mark.parametrize("how", ["inner", "left", "right", "full", "semi", "anti"])
@pytest.mark.parametrize("broadcast", [0, 1 << 20])
def test_joins(how: Any, broadcast: int, two_workers: str, dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    dask_engine.options = EngineOptions(cluster=two_workers, broadcast_bytes=broadcast)
    other = table.slice(0, 150).select(["k", "x"]).append_column("z", table.slice(0, 150)["t"])
    stage = gp.Join("k", how=how)
    made = run(dask_engine, stage, blocks(table), blocks(other))
    assert_same_rows(expected(stage, table, other), rows(dask_engine, made))
    assert n_shuffles(made) == (0 if broadcast and how != "full" else 2)


def test_rows_stay_where_they_are_when_a_small_table_is_joined(
    two_workers: str, dask_engine: DaskEngine, blocks: Hold, table: pa.Table
) -> None:
    dask_engine.options = EngineOptions(cluster=two_workers)
    first = run(dask_engine, gp.Rolling("k", index="t", start=-5, stop=1, m=("x", "max")), blocks(table))
    joined = run(dask_engine, gp.Join("s", how="left"), first, run(dask_engine, gp.GroupBy("s", n=nw.len()), blocks(table)))
    again = run(dask_engine, gp.GroupBy("k", d=nw.col("n").n_unique()), joined)
    assert n_shuffles(again) == 1
    assert rows(dask_engine, again).num_rows == table["k"].value_counts().__len__()


def test_a_side_much_smaller_than_the_other_is_sent_though_it_is_large(two_workers: str, dask_engine: DaskEngine, blocks: Hold) -> None:
    dask_engine.options = EngineOptions(cluster=two_workers, broadcast_bytes=1)
    large, small = (blocks(pa.table({"k": pa.array(range(n_rows), pa.int64())})) for n_rows in (4000, 100))
    assert n_shuffles(run(dask_engine, gp.Join("k", how="left"), large, small)) == 0
    assert n_shuffles(run(dask_engine, gp.Join("k", how="left"), large, large)) == 1, "one table is dealt once"
    dask_engine.options = EngineOptions(cluster=two_workers, broadcast_bytes=0)
    assert n_shuffles(run(dask_engine, gp.Join("k", how="left"), large, small)) == 2, "0 means never"


def test_a_cross_join_and_a_join_of_three(dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    few = table.slice(0, 150).select(["t"]).rename_columns(["u"])
    made = run(dask_engine, gp.Join(how="cross"), blocks(table.slice(0, 90).select(["k"])), blocks(few))
    assert_same_rows(expected(gp.Join(how="cross"), table.slice(0, 90).select(["k"]), few), rows(dask_engine, made))
    three = [table.select(["t", "k"]), table.select(["t", "x"]), table.slice(100).select(["t", "s"])]
    stage = gp.Join("t", how="inner")
    joined = run(dask_engine, stage, *(blocks(one) for one in three))
    assert_same_rows(expected(stage, *three), rows(dask_engine, joined))
    assert n_shuffles(joined) == 3, "the joined rows stay where their key is"


@pytest.mark.parametrize(
    "stage",
    [
        gp.SortRows("t", descending=True),
        gp.SortRows(["x", "t"], descending=[True, False]),
        gp.SortRows(["s", "d", "t"], nulls_last=False),
        gp.SortRows(["b", "t"]),
    ],
)
def test_sorted_rows_are_in_order_over_all_blocks(stage: gp.SortRows, dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    made = run(dask_engine, stage, blocks(table))
    assert_same_rows(expected(stage, table), rows(dask_engine, made), ordered=True)
    assert made.n_blocks > 3


def test_few_or_no_rows_are_sorted(dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    held = run(dask_engine, gp.Filter(nw.col("t") < 3), blocks(table))
    made = run(dask_engine, gp.SortRows("t", descending=True), held)
    assert rows(dask_engine, made)["t"].to_pylist() == [2, 1, 0]
    none = run(dask_engine, gp.SortRows("t"), run(dask_engine, gp.Filter(nw.col("t") < 0), blocks(table)))
    assert rows(dask_engine, none).num_rows == 0


@pytest.mark.parametrize("how", ["vertical", "diagonal"])
def test_concat(how: Any, dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    other = table.slice(0, 80).select(["x", "t", "k", "s", "d", "b"] if how == "vertical" else ["t", "x"])
    if how == "diagonal":
        other = other.append_column("new", other["t"])
    stage = gp.Concat(how)
    made = run(dask_engine, stage, blocks(table), blocks(other))
    assert_same_rows(expected(stage, table, other), rows(dask_engine, made))


def test_a_second_stage_of_the_key_does_not_shuffle_again(dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    first = run(dask_engine, gp.Rolling("k", index="t", start=-5, stop=1, m=("x", "max")), blocks(table))
    again = run(dask_engine, gp.WithColumns(y=nw.col("m") + 1), first)
    second = run(dask_engine, gp.GroupBy(["k", "s"], high=nw.col("y").n_unique()), again)
    joined = run(dask_engine, gp.Join("k"), again, second)
    assert n_shuffles(joined) == 1
    other = run(dask_engine, gp.GroupBy("s", n=nw.col("t").n_unique()), first)
    assert n_shuffles(other) == 2, "another key is another shuffle"
    changed = run(dask_engine, gp.WithColumns(k=nw.col("k") + 1), first)
    assert n_shuffles(run(dask_engine, gp.Deduplicate("k", order="t"), changed)) == 2, "a key that was changed may stand elsewhere"


def test_tables_of_one_key_meet_in_one_block(dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    other = table.slice(50, 200).select(["k", "x"])
    made = run(dask_engine, both, blocks(table), blocks(other))
    assert_same_rows(expected(both, table, other), rows(dask_engine, made))
    placed = run(dask_engine, gp.Rolling("k", index="t", start=-5, stop=1, m=("x", "max")), blocks(table))
    assert n_shuffles(run(dask_engine, both, placed, blocks(other))) == 2, "what is dealt already stays"


def test_keys_that_are_floats_meet_by_value(dask_engine: DaskEngine, blocks: Hold) -> None:
    keys = pa.array([0.0, 2.0, float("nan"), None, 1.5] * 60, pa.float64(), from_pandas=False)
    table = pa.table({"k": keys, "t": pa.array(range(300), pa.int64())})
    made = rows(dask_engine, run(dask_engine, gp.GroupBy("k", n=nw.col("t").n_unique()), blocks(table)))
    assert sorted(made["n"].to_pylist()) == [60] * 5


def test_columns_of_lists_are_shuffled_and_sorted(dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    lists = table.append_column("l", pa.array([[float(n), None] if n % 3 else None for n in range(400)], pa.large_list(pa.float64())))
    for stage in (gp.SortRows("t", descending=True), gp.Rolling("k", index="t", start=-9, stop=1, n=("t", "count"))):
        assert_same_rows(expected(stage, lists), rows(dask_engine, run(dask_engine, stage, blocks(lists))))


def test_a_table_that_must_come_together_has_a_budget(two_workers: str, dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    dask_engine.options = EngineOptions(cluster=two_workers, gather_bytes=1000)
    with pytest.raises(StageError, match=r"above must have all rows on one worker: it needs [\d,]+ bytes for 400 rows, and has 1,000\."):
        rows(dask_engine, run(dask_engine, above, blocks(table)))


def test_schemas_are_the_planned_ones_in_every_block(dask_engine: DaskEngine, blocks: Hold, table: pa.Table) -> None:
    stage = gp.GroupBy("k", n=nw.len(), m=nw.col("t").mean())
    made = run(dask_engine, stage, blocks(table))
    assert schema_of(rows(dask_engine, made).schema).dtypes == made.schema.dtypes


def test_a_value_of_the_whole_table_gathers_what_it_looks_at(
    two_workers: str, dask_engine: DaskEngine, blocks: Hold, table: pa.Table
) -> None:
    held = blocks(table)
    for expression in (nw.col("t").std(), nw.col("s").n_unique(), nw.len(), nw.col("x").mean()):
        stage = gp.Scalar(expression)
        (want,) = stage.wants(held.schema)
        with Trial("cpu") as trial:
            alone = trial.engine.compute([Demand("arrow", trial._read(table), want)])[0]
        (made,) = dask_engine.compute([Demand("arrow", held, want)])
        assert made.to_pylist() == [pytest.approx(row, nan_ok=True) for row in alone.to_pylist()]
    dask_engine.options = EngineOptions(cluster=two_workers, gather_bytes=3000)
    (want,) = gp.Scalar(nw.col("t").std()).wants(held.schema)
    assert dask_engine.compute([Demand("arrow", held, want)])[0].num_rows == 1, "one column of four bytes has room"


def _every_dtype(n_rows: int) -> pa.Table:
    """Return a table with a column of every kind, missing values among them."""
    kinds: dict[str, tuple[pa.DataType, list[Any]]] = {
        "i8": (pa.int8(), [1, -3]),
        "u64": (pa.uint64(), [2**63 + 5, 0]),
        "f32": (pa.float32(), [1.5, float("inf")]),
        "text": (pa.large_string(), ["", "ü", "日本"]),
        "bytes": (pa.large_binary(), [b"\x00\xff", b""]),
        "date": (pa.date32(), [0, 2_932_896]),
        "stamp": (pa.timestamp("ns", tz="Europe/Berlin"), [0, 10**18]),
        "span": (pa.duration("ms"), [5, -7]),
        "time": (pa.time64("ns"), [1, 86_399 * 10**9]),
        "money": (pa.decimal128(10, 2), [Decimal("1.25"), Decimal("-3.50")]),
        "list": (pa.large_list(pa.int64()), [[1, 2], []]),
        "struct": (pa.struct([("a", pa.int64()), ("b", pa.large_string())]), [{"a": 1, "b": "x"}, {"a": None, "b": None}]),
        "nothing": (pa.int64(), [None]),
    }
    columns = {
        name: pa.array([None if i % 11 == 5 else values[i % len(values)] for i in range(n_rows)], kind)
        for name, (kind, values) in kinds.items()
    }
    columns["category"] = pa.array(["a", "b", None] * n_rows, pa.large_string()).slice(0, n_rows).dictionary_encode()
    return pa.table({"k": pa.array([i % 7 for i in range(n_rows)], pa.int64()), "t": pa.array(range(n_rows), pa.int64()), **columns})


@pytest.mark.parametrize("stage", [gp.Rolling("k", index="t", start=-3, stop=1, n=("t", "count")), gp.SortRows("t", descending=True)])
def test_every_dtype_goes_from_worker_to_worker(stage: TableStage, dask_engine: DaskEngine, blocks: Hold) -> None:
    table = _every_dtype(200)
    for given in (table, table.drop_columns(["list", "struct"])):  # which go another way
        assert_same_rows(expected(stage, given), rows(dask_engine, run(dask_engine, stage, blocks(given))))


@pytest.mark.parametrize("key", ["time", "span", "money", "category", "bytes", "stamp", "f32"])
def test_keys_of_many_dtypes(key: str, dask_engine: DaskEngine, blocks: Hold) -> None:
    table = _every_dtype(200).select(["t", key])
    stage = gp.GroupBy(key, n=nw.col("t").n_unique())
    assert_same_rows(expected(stage, table), rows(dask_engine, run(dask_engine, stage, blocks(table))))
