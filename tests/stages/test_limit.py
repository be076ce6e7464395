"""The first rows, on every engine; after a sort those are the top ones."""

from __future__ import annotations

from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest

import gpupipe as gp
from gpupipe.core.errors import UsageError
from gpupipe.stages.limit import Limit
from gpupipe.testing.laws import check_engines_agree


@pytest.mark.parametrize("n_rows", [0, 1, 4, 6, 100])
def test_the_first_rows_of_a_table(awkward: pa.Table, n_rows: int) -> None:
    made = check_engines_agree(Limit(n_rows), awkward, ordered=True)
    assert str(made.to_pylist()) == str(awkward.slice(0, n_rows).to_pylist())


@pytest.mark.parametrize("n_rows", [0, 3, 50])
def test_on_blocks_they_are_the_first_of_the_file_and_the_top_after_a_sort(engine: str, n_rows: int) -> None:
    rows = pl.DataFrame({"n": range(40)}).with_columns(x=(pl.col("n") * 7) % 40)
    table = gp.FromFrame(rows).node()
    limited = gp.Limit(n_rows)(table)
    top = gp.Limit(n_rows)(gp.SortRows("x", descending=True)(table))
    made = gp.Pipeline("p", limited=limited, top=top, n_rows=gp.Scalar(n=nw.len())(limited)).run(engine)
    assert made["limited"]["n"].to_list() == list(range(min(n_rows, 40)))
    assert made["top"]["x"].to_list() == list(range(39, 39 - min(n_rows, 40), -1))
    assert made["n_rows"] == {"n": min(n_rows, 40)}


def test_a_filter_after_it_stays_after_it(engine: str) -> None:
    table = gp.FromFrame(pl.DataFrame({"n": range(40)})).node()
    made = gp.Pipeline("p", out=gp.Filter(nw.col("n") >= 3)(gp.Limit(5)(table))).run(engine)
    assert made["out"]["n"].to_list() == [3, 4]


def test_of_files_that_keep_keys_together(tmp_path: Path, engine: str) -> None:
    for number in range(3):
        pl.DataFrame({"k": [number] * 4, "n": range(number * 4, number * 4 + 4)}).write_parquet(tmp_path / f"{number}.parquet")
    first = gp.Limit(6)(gp.ReadParquet(tmp_path, key="k").node())
    made = gp.Pipeline("p", out=gp.Filter(nw.col("n") >= 3)(first), all=first).run(engine)
    assert (made["out"]["n"].to_list(), made["out"]["k"].to_list()) == ([3, 4, 5], [0, 1, 1])
    assert made["all"]["n"].to_list() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("wrong", [-1, 1.0, True, None, "3"])
def test_options(wrong: object) -> None:
    with pytest.raises(UsageError, match=r"^Limit's n_rows expects a number of rows from 0 on, got "):
        Limit(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("local", ["cpu", "pandas"])
@pytest.mark.parametrize(
    "stage", [gp.GroupBy("k", n=nw.len()), gp.Deduplicate("k", order="x"), gp.Deduplicate()], ids=lambda stage: stage.name
)
def test_of_keys_the_first_ones_are_the_same_each_time(stage: gp.core.stage.KeyStage, local: str) -> None:
    rows = pl.DataFrame({"x": range(20_000)}).with_columns(k=(pl.col("x") * 7919) % 5003)
    first = gp.Limit(3)(gp.Select("k")(stage(gp.FromFrame(rows).node())))
    assert gp.Pipeline("p", out=first).run(local)["out"]["k"].to_list() == ([0, 1, 2] if stage.keys else [0, 2916, 829])
