"""Churn: made-up customers on every engine, the real ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "churn.py"


@pytest.fixture(scope="module")
def churn() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def test_made_up_customers_are_told_apart(churn: ModuleType, engine: str) -> None:
    result = churn.pipeline(n_rows=1_500).run(engine)
    assert result["scores"]["roc_auc"] > 0.7
    assert result["call_first"].shape == (10, 4)


def test_real_customers_and_what_is_saved_scores_new_ones(churn: ModuleType, shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "tables" / "telco_churn.csv.gz"
    result = churn.pipeline(str(path)).run()
    assert result["scores"]["roc_auc"] > 0.83
    loaded = gp.load(gp.save(result["churn"], tmp_path / "churn"))
    new = pl.read_csv(path, infer_schema_length=10_000).head(20).drop("Churn")
    new = new.select([name for name in churn.SCHEMA if name != "Churn"])
    new = new.with_columns(pl.col("TotalCharges").str.strip_chars().replace("", None).cast(pl.Float64))
    assert loaded.predict_proba(new).shape == (20, 2)
