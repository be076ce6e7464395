"""Two outputs are equal whatever the order of their rows and files; what differs is counted and named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bench import equal

ROWS = 1000


@pytest.fixture
def table() -> pl.DataFrame:
    random = np.random.default_rng(1)
    return pl.DataFrame({"a": random.integers(0, 50, ROWS), "b": random.integers(0, 3, ROWS).astype(np.float32), "p": random.random(ROWS)})


def test_order_and_files_do_not_count(table: pl.DataFrame, tmp_path: Path) -> None:
    table.write_parquet(tmp_path / "one.parquet", row_group_size=300)
    (tmp_path / "other").mkdir()
    mixed = table.sample(fraction=1.0, shuffle=True, seed=3)
    mixed.head(400).write_parquet(tmp_path / "other/0.parquet")
    mixed.tail(600).write_parquet(tmp_path / "other/1.parquet")
    found = equal.compare(tmp_path / "one.parquet", tmp_path / "other")
    assert (found.equal, found.rows, found.columns) == (True, (ROWS, ROWS), 3)


def test_a_row_that_stands_once_too_often_is_counted(table: pl.DataFrame, tmp_path: Path) -> None:
    table.write_parquet(tmp_path / "one.parquet")
    pl.concat([table.tail(-2), table.slice(5, 2)]).write_parquet(tmp_path / "other.parquet")
    found = equal.compare(tmp_path / "one.parquet", tmp_path / "other.parquet")
    assert (found.equal, found.differing_rows, found.reason) == (False, 2, "2 rows of one side are not in the other")


@pytest.mark.parametrize(("apart", "is_equal"), [(1e-7, True), (1e-5, False)])
def test_scores_may_differ_by_a_little(apart: float, is_equal: bool, table: pl.DataFrame, tmp_path: Path) -> None:
    table.write_parquet(tmp_path / "one.parquet")
    moved = table.with_columns(pl.col("p") + pl.when(pl.int_range(pl.len()) == 77).then(apart).otherwise(0.0))
    moved.sample(fraction=1.0, shuffle=True, seed=4).write_parquet(tmp_path / "other.parquet")
    found = equal.compare(tmp_path / "one.parquet", tmp_path / "other.parquet", near=["p"])
    assert found.equal is is_equal
    assert found.largest_differences["p"] >= apart * 0.99
    assert not equal.compare(tmp_path / "one.parquet", tmp_path / "other.parquet").equal, "compared exactly, they differ"
    assert equal.compare(tmp_path / "one.parquet", tmp_path / "other.parquet", skip=["p"]).equal


def test_other_columns_and_other_counts_are_named(table: pl.DataFrame, tmp_path: Path) -> None:
    table.write_parquet(tmp_path / "one.parquet")
    table.with_columns(pl.col("a").cast(pl.Int32)).write_parquet(tmp_path / "typed.parquet")
    table.head(9).write_parquet(tmp_path / "short.parquet")
    assert "columns differ: ('a', DataType(int64))" in equal.compare(tmp_path / "one.parquet", tmp_path / "typed.parquet").reason
    assert equal.compare(tmp_path / "one.parquet", tmp_path / "short.parquet").reason == "1,000 rows against 9"


def test_the_verdict_is_printed_and_kept(table: pl.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (str(tmp_path / f"{name}.parquet") for name in ("one", "other"))
    table.write_parquet(one)
    table.head(9).write_parquet(other)
    assert equal.main([one, one, "--out", str(tmp_path / "verdict.json")]) == 0
    assert json.loads((tmp_path / "verdict.json").read_text())["rows"] == [ROWS, ROWS]
    assert equal.main([one, other]) == 1
    assert "not equal" in capsys.readouterr().out
