from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

import gpupipe as gp
from gpupipe.core.errors import UsageError
from gpupipe.stages.filter import Filter
from gpupipe.stages.select import Select
from gpupipe.stages.with_columns import WithColumns
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_row_stage, check_table_stage
from gpupipe.testing.strategies import cut_tables

c = nw.col


def test_columns_are_added_and_replaced() -> None:
    made = WithColumns((c("a") + 1).alias("b"), a=c("a") * 2, three=3, word="w", yes=True).apply(pl.DataFrame({"a": [1, None]}))
    assert made.to_dicts() == [{"a": a, "b": b, "three": 3, "word": "w", "yes": True} for a, b in ((2, 2), (None, None))]


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (c("i") + 1, [2, 3, None, 5, 6, -5]),
        (c("i") / 2, [0.5, 1.0, None, 2.0, 2.5, -3.0]),
        (nw.lit(None, dtype=nw.Int64), [None] * 6),
        (c("i") // 2, [0, 1, None, 2, 2, -3]),
        (c("i") // (c("i") - c("i")), [None] * 6),
        (c("i").clip(0, 3), [1, 2, None, 3, 3, 0]),
        (c("i").is_between(2, 4), [False, True, None, True, False, False]),
        (c("x").is_null(), [False, False, True, False, False, True]),
        (c("x").is_nan(), [False, True, None, False, False, None]),
        (c("x").fill_nan(None).is_null(), [False, True, True, False, False, True]),
        (c("b") & (c("i") > 1), [False, None, False, True, True, False]),
        (c("b") | (c("i") > 1), [True, True, None, True, True, None]),
        (c("k").is_in([1, 3]), [True, True, False, None, None, True]),
        (nw.when(c("i") > 2).then(c("i")), [None, None, None, 4, 5, None]),
        (nw.when(c("i") > 2).then(nw.lit(1)).otherwise(nw.lit(0)), [0, 0, 0, 1, 1, 0]),
        (nw.when(c("i") > 9).then(nw.lit(3)), [None] * 6),
        (nw.when(c("i") > 4).then(nw.lit(2.5)), [None, None, None, None, 2.5, None]),
        (nw.coalesce(c("k"), c("i").cast(nw.Int64)), [1, 1, 2, 4, 5, 3]),
        (nw.max_horizontal("i", "k"), [1, 2, 2, 4, 5, 3]),
        (nw.sum_horizontal("i", "k"), [2, 3, 2, 4, 5, -3]),
        (c("s").str.len_chars(), [1, 1, None, 1, 0, 2]),
        (c("s").str.to_uppercase(), ["A", "É", None, "A", "", "日本"]),
        (nw.concat_str(c("s"), c("s"), separator="-"), ["a-a", "é-é", None, "a-a", "-", "日本-日本"]),
        (c("b").cast(nw.Int8), [1, None, 0, 1, 1, None]),
    ],
    ids=str,
)
def test_engines_agree_on_expressions(expression: Any, wanted: list[Any], awkward: pa.Table) -> None:
    made = check_row_stage(WithColumns(z=expression), awkward, cuts=(1, 1, 4))
    assert made["z"].to_pylist() == wanted


@pytest.mark.parametrize("expression", [c("x").exp(), c("x") + c("i"), c("x") * 2, c("i") ** 2, c("x").abs(), c("x").round(1)], ids=str)
def test_engines_agree_on_floats(expression: Any, awkward: pa.Table) -> None:
    check_row_stage(WithColumns(z=expression), awkward, rtol=1e-15)


@pytest.mark.parametrize(
    "expression",
    [
        c("i").sum().over("k"),
        c("i").shift(1).over("k", order_by="i"),
        c("i").cum_sum().over("k", order_by="i"),
        c("i").diff().over("k", order_by="i"),
        c("i").rank("min").over("k"),
        c("s").shift(1).over("k", order_by="i"),
        nw.len().over("k"),
        c("i").mean().over("k"),
    ],
    ids=str,
)
def test_engines_agree_on_windows(expression: Any, awkward: pa.Table) -> None:
    check_table_stage(WithColumns(z=expression), awkward)


@given(cut_tables())
def test_law(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    stage = WithColumns(
        up=nw.col("small").cast(nw.Int16) + 1,
        none=nw.col("amount").is_null(),
        nan=nw.col("amount").is_nan(),
        half=nw.col("small") / 2,
        both=nw.col("flag") & (nw.col("count") > 3),
        text=nw.when(nw.col("flag")).then(nw.col("text")),
        later=nw.col("time") > nw.col("day").cast(nw.Datetime("us")),
    )
    check_row_stage(stage, cut[0], cuts=cut[1])


@pytest.mark.parametrize(
    ("expression", "limit"),
    [
        (c("x").sqrt(), "square roots of NaN and of negative numbers"),
        (c("x").clip(0, 1), "NaN in comparisons"),
        (c("i") % 2, "% on Arrow columns"),
    ],
    ids=str,
)
@pytest.mark.xfail(strict=True, reason="upstream: narwhals and pandas, each named in pandas/limits.py")
def test_known_limits(expression: Any, limit: str, awkward: pa.Table) -> None:
    check_row_stage(WithColumns(z=expression), awkward)


@pytest.mark.xfail(strict=True, reason="upstream: narwhals leaves the order of cum_count out on pandas (pandas/limits.py)")
def test_cumulated_count_in_order(awkward: pa.Table) -> None:
    check_table_stage(WithColumns(z=c("i").cum_count().over("k", order_by="i")), awkward)


def test_nothing_given() -> None:
    with pytest.raises(UsageError, match=r"^WithColumns expects at least one expression, got none\.$"):
        WithColumns()


def test_value_that_is_no_expression() -> None:
    message = r"^WithColumns expects a narwhals expression for 'z', got list: \[1\]\. Use nw\.lit\(\.\.\.\) for a constant\.$"
    with pytest.raises(UsageError, match=message):
        WithColumns(z=[1])


def test_missing_value_without_dtype() -> None:
    message = r"^WithColumns expects an expression or a value for 'z', got None, which has no dtype\. Use nw\.lit\(None, dtype="
    with pytest.raises(UsageError, match=message):
        WithColumns(z=None)


TOGETHER = {
    "a sum": lambda: WithColumns(z=c("x").sum()),
    "beside the mean": lambda: WithColumns(z=c("x") - c("x").mean()),
    "in a window": lambda: WithColumns(z=c("x").max().over("k")),
    "ranked": lambda: WithColumns(z=c("x").rank("min")),
    "over the mean": lambda: Filter(c("x") > c("x").mean()),
    "counted": lambda: Select(z=nw.len()),
    "constant": lambda: Select(z=nw.lit(1)),
}


@pytest.mark.parametrize("how", TOGETHER)
def test_what_looks_at_several_rows_sees_all_of_them(how: str, engine: str, tmp_path: Path) -> None:
    rows = pl.DataFrame({"k": [1, 1, 2, 2, 3, 3], "x": [1.0, 2.0, 30.0, 4.0, None, 5.0]})
    for key, part in rows.group_by("k"):
        part.write_parquet(tmp_path / f"{key[0]}.parquet")
    stage = TOGETHER[how]()
    assert stage.kind == "table"
    wanted = stage.apply(rows)
    for source in (gp.ReadParquet(tmp_path), gp.ReadParquet(tmp_path, key="k")):
        found = gp.Pipeline("p", out=stage(source.node())).run(engine)["out"]
        assert_same_rows(found.to_arrow(), wanted.to_arrow())


def test_a_chain_is_of_stages_that_work_by_row() -> None:
    with pytest.raises(UsageError, match=r"Chain expects stages that work on each row by itself, got 'WithColumns', whose expressions"):
        gp.Chain(WithColumns(z=c("x").sum()))
