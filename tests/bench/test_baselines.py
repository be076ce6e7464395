"""Both hand-written programs find the spec's golden numbers on the real sample, and the same table."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from bench.baselines import mortgage_dask, mortgage_pandas, mortgage_polars
from bench.process import environment, measure_process

BASELINES = {"pandas": mortgage_pandas, "polars": mortgage_polars}


Tables = dict[str, tuple[dict[str, object], pl.DataFrame]]


@pytest.fixture(scope="module")
def text(shared_data: Path) -> pl.DataFrame:
    file = shared_data / "mortgage/Performance_2007Q3.txt_0.gz"
    return pl.read_csv(file, separator="|", has_header=False, new_columns=mortgage_polars.PERFORMANCE, infer_schema=False)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Tables:
    out = tmp_path_factory.mktemp("features")
    sample = shared_data / "mortgage"
    performance, acquisition = [str(sample / "Performance_2007Q3.txt_0.gz")], [str(sample / "Acquisition_2007Q3.txt.gz")]
    return {
        name: (module.etl(performance, acquisition, None, f"{out}/{name}.parquet"), pl.read_parquet(out / f"{name}.parquet"))
        for name, module in BASELINES.items()
    }


@pytest.mark.parametrize("name", BASELINES)
def test_finds_the_golden_numbers(name: str, tables: Tables) -> None:
    found, table = tables[name]
    assert found == {"rows": 10_000, "columns": 46, "positives": 804, "ever": [49, 31, 22]}
    assert table.shape == (10_000, 46)
    assert table["delinquency_12"].sum() == 804
    assert table.null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize("name", BASELINES)
def test_writes_float32_features_and_an_int32_label(name: str, tables: Tables) -> None:
    *features, label = tables[name][1].schema.items()
    assert {dtype for _, dtype in features} == {pl.Float32()}
    assert label == ("delinquency_12", pl.Int32())


def test_both_write_the_same_table(tables: Tables) -> None:
    of_pandas, of_polars = (tables[name][1] for name in BASELINES)
    assert of_pandas.columns == of_polars.columns
    assert of_pandas.sort(pl.all()).equals(of_polars.sort(pl.all()))


def test_categories_are_numbered_in_sorted_order(tables: Tables, text: pl.DataFrame) -> None:
    codes = text["zero_balance_code"].replace_strict({"01": 0.0, "03": 1.0, "06": 2.0, "09": 3.0}, default=-1.0)
    for _, table in tables.values():
        assert table["zero_balance_code"].cast(pl.Float64).sort().equals(codes.sort())


def test_the_label_is_that_of_the_twelve_group_bys(tables: Tables, text: pl.DataFrame) -> None:
    """The windows as the notebook computes them: their number, and the label beside the row's own features."""
    date = pl.col("monthly_reporting_period").str.to_date("%m/%d/%Y")
    rows = text.with_columns(
        pl.col("current_loan_delinquency_status").cast(pl.Int64),
        pl.col("current_actual_upb", "interest_rate", "loan_age", "msa").cast(pl.Float32),
        month=date.dt.year().cast(pl.Int64) * 12 + date.dt.month(),
    )
    worst, least = pl.col("current_loan_delinquency_status").max(), pl.col("current_actual_upb").min()
    windows = pl.concat(
        rows.group_by("loan_id", n=(pl.col("month") - 24_000 - y) // 12)
        .agg(d=(worst > 3).cast(pl.Int32) + (least == 0).cast(pl.Int32))
        .select("loan_id", month=12 * pl.col("n") + 24_000 + y, delinquency_12=(pl.col("d") > 0).fill_null(False).cast(pl.Int32))
        for y in range(1, 13)
    )
    assert windows.height == 11_951
    seen = ["interest_rate", "current_actual_upb", "loan_age", "msa", "current_loan_delinquency_status"]
    expected = rows.join(windows, on=["loan_id", "month"]).select(pl.col(seen).cast(pl.Float32).fill_null(-1), "delinquency_12")
    for _, table in tables.values():
        assert table.select(expected.columns).sort(pl.all()).equals(expected.sort(pl.all()))


@pytest.mark.parametrize("name", BASELINES)
def test_reads_several_files_in_any_order(name: str, tmp_path: Path) -> None:
    lines = [
        "2|01/01/2001|A|6.5||0.0|||||5||||||||||||||||||||",
        "1|12/01/2000|B|6.5|10.0|0.0|||||0||||||||||||||||||||",
        "1|11/01/2001|A|6.5|5.0|0.0|||||4||||||||||||||||||||",
        "1|12/01/2001|NULL|6.5|0.0|0.0|||||1||||||||||||||||||||",
        "1|12/01/2002|C|6.5|9.0|0.0|||||0||||||||||||||||||||",
    ]
    for number, part in enumerate((lines[3:], lines[:3])):
        (tmp_path / f"p{number}.txt").write_text("\n".join(part) + "\n")
    (tmp_path / "a.txt").write_text("1|C|S|6.5|100|360|01/2000|03/2000|80||1|30|700|N|P|SF|1|P|CA|900||FRM|||N\n")
    files = [str(tmp_path / "p0.txt"), str(tmp_path / "p1.txt")]
    found = BASELINES[name].etl(files, [str(tmp_path / "a.txt")], None, str(tmp_path / "out.parquet"))
    # Loan 2 has no balance at all, and so label 0; 12/2000 sees the 4 of 11/2001, and 12/2001 is 0 itself; 12/2002 sees neither.
    assert found == {"rows": 5, "columns": 46, "positives": 3, "ever": [2, 2, 0]}
    table = pl.read_parquet(tmp_path / "out.parquet").sort("servicer", "current_loan_delinquency_status")
    assert table["servicer"].to_list() == [-1.0, 0.0, 0.0, 1.0, 2.0]
    assert table["delinquency_12"].to_list() == [1, 1, 0, 1, 0]
    assert table["orig_upb"].to_list() == [100.0, 100.0, -1.0, 100.0, 100.0]


@pytest.mark.parametrize("name", BASELINES)
def test_prints_one_json_line(name: str, tmp_path: Path, shared_data: Path) -> None:
    script = Path(BASELINES[name].__file__)
    sample = shared_data / "mortgage"
    inputs = ["--performance", f"{sample}/Performance_2007Q3*", "--acquisition", f"{sample}/Acquisition_2007Q3*"]
    command = [sys.executable, str(script), *inputs, "--out", f"{tmp_path}/out.parquet"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    found = json.loads(printed)
    assert (found["rows"], found["positives"]) == (10_000, 804)
    assert 0 < found["seconds"] < found["total_seconds"]
    assert found["peak_rss_bytes"] > 30 * 2**20
    assert pq.read_metadata(tmp_path / "out.parquet").num_rows == 10_000


def test_a_glob_without_files_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, mortgage_polars.__file__, "--performance", "nothing*", "--acquisition", "nothing*", "--out", "x"]
    refused = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment())
    assert refused.returncode == 1
    assert "expected files at 'nothing*', got none" in refused.stderr


def test_both_programs_read_the_same_columns() -> None:
    for one, other in pairwise(BASELINES.values()):
        assert one.PERFORMANCE == other.PERFORMANCE
        assert one.ACQUISITION == other.ACQUISITION
        assert one.CATEGORIES == other.CATEGORIES


def test_the_dask_program_writes_the_others_table_but_for_category_numbers(tables: Tables, shared_data: Path, tmp_path: Path) -> None:
    sample = shared_data / "mortgage"
    performance, acquisition = [str(sample / "Performance_2007Q3.txt_0.gz")], [str(sample / "Acquisition_2007Q3.txt.gz")]
    found = mortgage_dask.etl(performance, acquisition, None, str(tmp_path / "out"))
    of_pandas, table = tables["pandas"][1], pl.read_parquet(tmp_path / "out/*.parquet")
    assert found == {"rows": 10_000, "columns": 46, "positives": 804, "ever": [49, 31, 22]}
    assert table.schema == of_pandas.schema
    numbers = [name for name in table.columns if name not in mortgage_polars.CATEGORIES]
    assert table.select(numbers).sort(pl.all()).equals(of_pandas.select(numbers).sort(pl.all()))
    for name in mortgage_polars.CATEGORIES:
        hashed, placed = (side[name].value_counts().sort("count", name)["count"].to_list() for side in (table, of_pandas))
        assert hashed == placed, f"{name} has other categories"
        assert (table[name] == -1).sum() == (of_pandas[name] == -1).sum()


@pytest.mark.parametrize("script", ["baselines/mortgage_dask.py", "workloads/mortgage_gpupipe.py"])
def test_on_a_cluster_the_workers_are_accounted_for(script: str, tmp_path: Path, shared_data: Path) -> None:
    sample = shared_data / "mortgage"
    inputs = ["--performance", f"{sample}/Performance_2007Q3*", "--acquisition", f"{sample}/Acquisition_2007Q3*"]
    engine = ["--engine", "dask"] if "gpupipe" in script else []
    command = [sys.executable, str(Path(mortgage_pandas.__file__).parents[1] / script), *engine, *inputs, "--out", f"{tmp_path}/out"]
    run = measure_process(script, command)
    assert (run.facts["rows"], run.facts["positives"]) == (10_000, 804)
    assert run.on_cluster["startup_seconds"] > 0
    assert 0 < run.on_cluster["worker_cpu_seconds"] < run.cpu_seconds
    workers = run.facts["each_worker"]
    assert isinstance(workers, list) and len(workers) == 2
    assert max(worker["peak_rss_bytes"] for worker in workers) == run.on_cluster["worker_peak_rss_bytes"] > 50 * 2**20
    assert sum(pq.read_metadata(file).num_rows for file in (tmp_path / "out").glob("*.parquet")) == 10_000
