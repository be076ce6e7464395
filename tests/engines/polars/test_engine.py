"""What the cpu engine makes of a pipeline as one query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest

import gpupipe as gp
from gpupipe.core.errors import StageError


@gp.rows
def doubled(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.with_columns(double=nw.col("x") * 2)


@gp.by_key("k")
def highest(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.group_by("k").agg(nw.col("x").max())


def test_counts_of_rows_ask_for_no_query_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    joins: list[int] = []
    collect, collect_all = pl.LazyFrame.collect, pl.collect_all

    def seen(query: pl.LazyFrame, **options: Any) -> Any:
        joins.append(query.explain().count("LEFT JOIN:"))
        return collect(query, **options)

    def all_seen(queries: list[pl.LazyFrame], **options: Any) -> list[pl.DataFrame]:
        joins.extend(query.explain().count("LEFT JOIN:") for query in queries)
        return collect_all(queries, **options)

    monkeypatch.setattr(pl.LazyFrame, "collect", seen)
    monkeypatch.setattr(pl, "collect_all", all_seen)
    out = left = gp.FromArrow(pa.table({"k": [1, 2, 3], "x": [1, 2, 3]})).node()
    right = gp.FromArrow(pa.table({"k": [1, 2, 4], "z": [1, 2, 3]})).node()
    for number in range(4):
        out = gp.Filter(nw.col("x") > number - 5)(gp.Join("k", how="left", suffix=f"_{number}")(out, right))
    result = gp.Pipeline("p", out=out, n=gp.Scalar(nw.len())(left)).run("cpu")
    assert (len(result["out"]), result["n"]) == (3, 3)
    assert [n_joins for n_joins in joins if n_joins] == [4], "each join is made in one query, once"


def test_a_file_that_several_outputs_need_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("k,x,y\n1,2.0,a\n1,3.0,b\n2,5.0,c\n")
    table = doubled(gp.ReadCsv(path).node())
    plans = []
    collect_all = pl.collect_all

    def seen(queries: list[pl.LazyFrame], **options: Any) -> list[pl.DataFrame]:
        plans.append(pl.explain_all(queries))
        return collect_all(queries, **options)

    monkeypatch.setattr(pl, "collect_all", seen)
    out = gp.WriteParquet(tmp_path / "a.parquet")(gp.HashCategory("y")(table))
    pipeline = gp.Pipeline("two", out=out, total=gp.Scalar(nw.col("double").sum())(table), top=gp.Scalar(nw.col("x").sum())(highest(table)))
    result = pipeline.run("cpu")
    assert (result["out"]["rows"], result["total"], result["top"]) == (3, 20.0, 8.0)
    assert len(plans) == 1
    assert plans[0].count("Csv SCAN") == 1, plans[0]


def test_a_table_whose_keys_are_looked_at_is_made_once_for_all_who_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = []
    collect_all = pl.collect_all

    def seen(queries: list[pl.LazyFrame], **options: Any) -> list[pl.DataFrame]:
        plans.append(pl.explain_all(queries))
        return collect_all(queries, **options)

    monkeypatch.setattr(pl, "collect_all", seen)
    rows = gp.FromArrow(pa.table({"k": [1, 2, 1], "m": [1, 2, 1], "x": [1, 2, 3]})).node()
    names = gp.FromArrow(pa.table({"k": [1, 2], "m": [1, 2], "name": ["a", "b"]})).node()
    sums = gp.Join(["k", "m"], validate="m:1")(rows, names) >> gp.GroupBy("name", x=nw.col("x").sum())
    result = gp.Pipeline("p", sums=sums, total=gp.Scalar(nw.col("x").sum())(sums)).run("cpu")
    assert (sorted(result["sums"].rows()), result["total"]) == ([("a", 4), ("b", 2)], 6)
    assert len(plans) == 1 and plans[0].count("AGGREGATE") == 1, plans[0]


def test_what_a_later_query_alone_needs_is_not_held_meanwhile(tmp_path: Path) -> None:
    for name in ("a", "b"):
        pl.DataFrame({"k": [1, 2, 3], name: [1.0, 2.0, 6.0]}).write_parquet(tmp_path / f"{name}.parquet")
    first, second = (gp.ReadParquet(tmp_path / f"{name}.parquet").node() for name in ("a", "b"))
    high = first >> gp.Filter(nw.col("a") >= gp.Scalar(nw.col("a").mean())(first))
    result = gp.Pipeline("p", out=gp.Join("k")(high, second)).run("cpu")
    assert result["out"].rows() == [(3, 6.0, 6.0)]
    held = {stage["label"]: stage["bytes"] for stage in result.report["stages"] if stage["kind"] == "source"}
    assert held[str(tmp_path / "a.parquet")] and held[str(tmp_path / "b.parquet")] is None


def test_a_file_that_a_function_of_the_users_lacks_is_the_functions_error() -> None:
    """And not one of Polars' reader, whose errors are of the same class."""

    @gp.whole_table
    def with_names(rows: nw.LazyFrame) -> nw.LazyFrame:
        frame = rows.collect()
        if len(frame):
            Path("names-that-are-nowhere.txt").read_text()
        return frame.lazy()

    rows = gp.FromFrame(pl.DataFrame({"a": [1]})).node()
    with pytest.raises(StageError, match=r"^FileNotFoundError: .*names-that-are-nowhere\.txt") as caught:
        gp.Pipeline("names", out=with_names(rows)).run("cpu")
    assert "In stage with_names on engine 'cpu'" in "\n".join(caught.value.__notes__)
