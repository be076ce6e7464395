"""Tables of very many columns are read as narrow ones are, without an expression for each column."""

from __future__ import annotations

from pathlib import Path

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.engines._scan import MANY_COLUMNS
from gpupipe.testing.compare import assert_same_rows


@pytest.fixture(scope="module")
def wide() -> pl.DataFrame:
    rows = np.random.default_rng(0).normal(size=(30, MANY_COLUMNS + 100))
    rows[3, 7] = rows[4, 0] = rows[:, 11] = np.nan
    table = pl.DataFrame(rows, schema=[f"c{number}" for number in range(rows.shape[1])])
    return table.with_columns(c12=pl.when(pl.col("c12") > 0).then("c12"), name=pl.lit("x"), n=pl.int_range(30))


@pytest.mark.parametrize("engine", ["cpu", "pandas"])
@pytest.mark.parametrize("columns", ["all", "floats"])
def test_nan_is_missing_in_a_table_of_many_columns(engine: str, columns: str, wide: pl.DataFrame, tmp_path: Path) -> None:
    table = wide if columns == "all" else wide.drop("name", "n")
    table.write_parquet(tmp_path / "wide.parquet")
    rows = gp.Filter(nw.col("c7") > -1.0)(gp.ReadParquet(tmp_path / "wide.parquet").node())
    found = gp.Pipeline("p", out=rows).run(engine)["out"].to_arrow()
    clean = table.with_columns(pl.col(pl.Float64).fill_nan(None))
    assert_same_rows(found, clean.filter(pl.col("c7") > -1.0).to_arrow())
    assert found["c11"].null_count == found.num_rows  # of nothing but NaN
    kept = gp.Pipeline("p", out=gp.ReadParquet(tmp_path / "wide.parquet", nan_as_null=False).node()).run(engine)["out"].to_arrow()
    assert np.isnan(kept["c11"].to_numpy()).all()


def test_few_columns_of_many_are_read(wide: pl.DataFrame, tmp_path: Path) -> None:
    wide.write_parquet(tmp_path / "wide.parquet")
    few = gp.Select("n", x=nw.col("c7") * 2)(gp.ReadParquet(tmp_path / "wide.parquet").node())
    result = gp.Pipeline("p", out=few).run("cpu")
    assert result.report["stages"][0]["pushed"]["columns"] == ["c7", "n"]
    assert_same_rows(result["out"].to_arrow(), wide.select("n", x=pl.col("c7").fill_nan(None) * 2).to_arrow())


def test_rows_longer_than_a_megabyte_still_tell_their_dtypes(tmp_path: Path) -> None:
    names = [f"a_column_with_quite_a_long_name_{number:07}" for number in range(40_000)]
    lines = [",".join(names), *(",".join(f"{row}.25" for _ in names) for row in range(3))]
    (tmp_path / "wide.csv").write_text("\n".join(lines) + "\n")
    assert len(lines[0]) > 1 << 20
    assert set(gp.ReadCsv(tmp_path / "wide.csv").schema().dtypes.values()) == {nw.Float64()}
