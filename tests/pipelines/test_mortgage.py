"""The mortgage pipeline: the golden numbers of the real sample, on every engine, and engines that agree to the last dtype."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import gpupipe as gp
from gpupipe.datasets.mortgage import generate_mortgage
from gpupipe.definition import load_definition
from gpupipe.testing.compare import assert_same_rows

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "mortgage.py"


@pytest.fixture(scope="module")
def mortgage() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def sample(shared_data: Path, quarter: str) -> dict[str, str]:
    folder = shared_data / "mortgage"
    names = {"2007Q3": ("Acquisition_2007Q3.txt.gz", "Performance_2007Q3.txt_0.gz")}
    names["2000Q1"] = ("acquisition_2000Q1.psv.gz", "performance_2000Q1.psv.gz")
    acquisition, performance = names[quarter]
    return {"acquisition": str(folder / acquisition), "performance": str(folder / performance)}


def test_the_golden_numbers(mortgage: ModuleType, shared_data: Path, engine: str) -> None:
    result = mortgage.audit(**sample(shared_data, "2007Q3")).run(engine)
    assert dict(result) == {
        "ever": {"loans": 177, "ever_30": 49, "ever_90": 31, "ever_180": 22},
        "window_rows": 11_951,
        "features": {"rows": 10_000, "positives": 804},
    }


def test_the_whole_pipeline_on_the_real_sample(mortgage: ModuleType, shared_data: Path, engine: str) -> None:
    result = mortgage.pipeline(**sample(shared_data, "2007Q3"), n_estimators=5).run(engine)
    assert result["features"].shape == (10_000, 45)
    assert set(result["features"].schema.values()) == {mortgage.nw.Float32()}
    assert result["positives"] == 804
    metrics = result["metrics"]
    assert metrics["with_status"]["roc_auc"] > metrics["without_status"]["roc_auc"] > 0.4
    assert 0 < metrics["with_status"]["log_loss"] < 1
    assert mortgage.STATUS in result["model"].features
    assert mortgage.STATUS not in result["model_without_status"].features


@pytest.mark.parametrize("quarter", ["2007Q3", "2000Q1"])
def test_engines_agree_to_the_last_dtype(mortgage: ModuleType, shared_data: Path, quarter: str, tmp_path: Path) -> None:
    tables = []
    for name in ("cpu", "pandas"):
        given = sample(shared_data, quarter)
        months = mortgage.with_month(mortgage.read(given["performance"], mortgage.PERFORMANCE, "performance"))
        table = mortgage.features(given["acquisition"], months, None)
        tables.append(gp.Pipeline("p", out=table).run(name)["out"])
    assert_same_rows(*tables)


def test_parquet_gives_what_text_gives(mortgage: ModuleType, tmp_path: Path, engine: str) -> None:
    results = []
    for text in (True, False):
        folder = tmp_path / ("text" if text else "parquet")
        generate_mortgage(folder, 3_000, seed=3, text=text)
        given = {"acquisition": f"{folder}/acquisition", "performance": f"{folder}/performance/*"}
        results.append(mortgage.etl(**given, out=str(tmp_path / f"{text}.parquet")).run(engine))
    assert results[0]["positives"] == results[1]["positives"] > 0
    assert results[0]["ever"] == results[1]["ever"]
    assert_same_rows(
        *(gp.Pipeline("p", out=gp.ReadParquet(str(tmp_path / f"{text}.parquet")).node()).run()["out"] for text in (True, False))
    )


def test_seller_names_change_no_feature(mortgage: ModuleType, tmp_path: Path, engine: str) -> None:
    generate_mortgage(tmp_path, 2_000, seed=1)
    given = {"acquisition": f"{tmp_path}/acquisition/*", "performance": f"{tmp_path}/performance/*"}
    plain = mortgage.etl(**given, out=str(tmp_path / "plain.parquet")).run(engine)
    named = mortgage.etl(**given, out=str(tmp_path / "named.parquet"), names=f"{tmp_path}/names.csv").run(engine)
    assert plain["positives"] == named["positives"]
    assert plain["out"]["rows"] == named["out"]["rows"] == 2_000


def test_only_the_needed_columns_are_read(mortgage: ModuleType, shared_data: Path) -> None:
    months = mortgage.with_month(mortgage.read(sample(shared_data, "2007Q3")["performance"], mortgage.PERFORMANCE, "performance"))
    reading = gp.Pipeline("p", out=mortgage.ever(months)).plan().steps[0].reading
    assert reading is not None
    assert set(reading.columns) == {"loan_id", "monthly_reporting_period", mortgage.STATUS}
