"""Reports as a real run leaves them: a mortgage pipeline of twenty-two stages, whole and failed, its plan, and random DAGs."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

PERFORMANCE = ["loan_id", "monthly_reporting_period", "current_actual_upb", "current_loan_delinquency_status"]
ACQUISITION = ["loan_id", "orig_channel", "seller_name", "orig_interest_rate", "orig_upb", "dti", "borrower_credit_score"]
FEATURES = [f"{name}_{number}" for number in range(5) for name in ("dti", "orig_upb", "credit_score", "delinquency_12", "seller <&>")]

# name, label, kind, inputs, rows out, columns out, seconds, stretch
STAGES: list[tuple[str, str | None, str, list[int], int | None, int | None, float, int | None]] = [
    ("ReadCsv", "performance", "source", [], 1_205_344, 4, 0.0, 0),
    ("ReadCsv", "acquisition", "source", [], 38_112, 25, 0.0, 1),
    ("ReadCsv", "seller names", "source", [], 312, 2, 0.004, None),
    ("WithColumns", "dates", "row", [0], 1_205_344, 5, 0.0, 0),
    ("ever_delinquent", None, "key", [3], 38_112, 4, 0.0, 0),
    ("delinquency_window", "twelve-month window", "key", [3, 4], 1_166_870, 9, 2.91, None),
    ("Join", "performance features", "table", [3, 5], 1_205_344, 13, 0.84, None),
    ("FillNull", None, "row", [1], 38_112, 25, 0.0, 1),
    ("Join", "clean seller names", "table", [7, 2], 38_112, 26, 0.0, 1),
    ("Cast", None, "row", [8], 38_112, 26, 0.0, 1),
    ("Join", "features", "table", [6, 9], 1_205_344, 46, 1.12, None),
    ("WriteParquet", "feature table", "sink", [10], 1_205_344, 46, 0.77, None),
    ("positives", "label 1", "value", [10], None, None, 0.012, None),
    ("Split", "by loan, train", "table", [10], 964_001, 46, 0.31, None),
    ("Split", "by loan, test", "table", [10], 241_343, 46, 0.002, None),
    ("EncodeCategory", None, "fit", [13], None, None, 0.42, None),
    ("EncodedCategory", "train", "apply", [15, 13], 964_001, 46, 0.09, None),
    ("EncodedCategory", "test", "apply", [15, 14], 241_343, 46, 0.02, None),
    ("Learn", "with current status", "learner", [16], None, None, 9.83, None),
    ("Learn", "without current status", "learner", [16], None, None, 9.21, None),
    ("Evaluate", "scores, with status", "value", [18, 17], None, None, 0.38, None),
    ("Evaluate", "scores, without status", "value", [19, 17], None, None, 0.36, None),
]


def _stage(number: int) -> dict[str, Any]:
    name, label, kind, inputs, rows, columns, seconds, stretch = STAGES[number]
    pushed = {
        0: {"columns": PERFORMANCE, "of": 31, "filter": 'col("monthly_reporting_period") >= 2000-01-01'},
        1: {"columns": ACQUISITION, "of": 25, "filter": None},
        2: {"columns": ["seller", "new"], "of": 2, "filter": None},
    }.get(number)
    schema = [[f"column_{i}", ("Int64", "Float64", "String")[i % 3], i % 2 == 0] for i in range(columns)] if columns else None
    return {
        "id": number, "name": name, "label": label, "kind": kind, "inputs": inputs,
        "where": f"pipelines/mortgage.py:{40 + 3 * number}",
        "rows_in": sum(STAGES[i][4] or 0 for i in inputs) if inputs else None, "rows_out": rows, "columns_out": columns,
        "seconds": seconds, "bytes": None if rows is None else rows * (columns or 1) * 8, "stretch": stretch, "pushed": pushed,
        "schema": schema, "note": "early stopping after round 83" if number == 18 else None,
    }  # fmt: skip


def _roc(power: float) -> tuple[list[float], list[float]]:
    x = [i / 400 for i in range(401)]
    return x, [value**power for value in x]


def _model(stage: int, floor: float) -> dict[str, Any]:
    validation = [floor + 0.5 * math.exp(-i / 15) + 0.0001 * i for i in range(100)]
    return {
        "stage": stage, "estimator": "XGBClassifier", "parameters": {"n_estimators": 100, "max_depth": 8, "learning_rate": 0.1},
        "features": FEATURES, "importance": [[name, 0.4 / (i + 1)] for i, name in enumerate(FEATURES)], "importance_kind": "gain",
        "history": {"train logloss": [value - 0.0006 * i for i, value in enumerate(validation)], "validation logloss": validation},
    }  # fmt: skip


def mortgage_report() -> dict[str, Any]:
    """Return the report of a run that went well."""
    with_x, with_y = _roc(0.04)
    without_x, without_y = _roc(0.28)
    samples = [[i / 10, 2.1e8 + 1.1e9 * math.exp(-(((i - 120) / 70) ** 2)) + 4e7 * math.sin(i / 3)] for i in range(270)]
    return {
        "gpupipe": "0.1.0", "pipeline": "mortgage", "engine": "cpu", "status": "ok", "started": "2026-11-23T03:00:00+00:00",
        "seconds": 27.31, "file": "pipelines/mortgage.py",
        "parameters": {"acquisition": "data/acquisition", "performance": "data/performance", "names": None, "n_estimators": 100},
        "versions": {"python": "3.11.7", "polars": "2.1.0", "narwhals": "2.29.0", "pyarrow": "26.0.0", "xgboost": "3.2.0"},
        "machine": {"platform": "Linux-6.1-x86_64", "cpus": 2, "memory_bytes": 8_250_000_000},
        "memory": {"peak_bytes": 1_352_000_000, "samples": samples},
        "stages": [_stage(number) for number in range(len(STAGES))],
        "stretches": [
            {"id": 0, "stages": [0, 3, 4], "seconds": 3.2, "peak_bytes": 512_000_000},
            {"id": 1, "stages": [1, 7, 8, 9], "seconds": 0.21, "peak_bytes": 61_000_000},
        ],
        "crossings": {
            "host_to_device_bytes": 0, "device_to_host_bytes": 0, "host_copies_bytes": 355_000_000,
            "events": [
                {"stage": 18, "direction": "host_copy", "bytes": 177_500_000, "seconds": 0.11, "reason": "XGBoost takes no enum"},
                {"stage": 19, "direction": "host_copy", "bytes": 177_500_000, "seconds": 0.12, "reason": "XGBoost takes no enum"},
            ],
        },
        "fallbacks": [],
        "outputs": {
            "features": {"rows": 1_205_344, "columns": 46, "path": "out/features"}, "positives": 96_912, "model": "out/model",
            "with_current_status": {"roc_auc": 0.961_54, "log_loss": 0.0712},
            "without_current_status": {"roc_auc": 0.781_25, "log_loss": 0.2316},
        },
        "curves": [
            {"stage": 20, "label": "with current status", "kind": "roc", "x": with_x, "y": with_y, "auc": 0.961_54},
            {"stage": 21, "label": "without current status", "kind": "roc", "x": without_x, "y": without_y, "auc": 0.781_25},
        ],
        "models": [_model(18, 0.07), _model(19, 0.23)],
        "error": None,
    }  # fmt: skip


def failed_report() -> dict[str, Any]:
    """Return the report of a run that failed in its eleventh stage, with text that would break a careless page."""
    report = mortgage_report()
    for stage in report["stages"][10:]:
        stage.update(rows_in=None, rows_out=None, columns_out=None, seconds=0.0, bytes=None, note=None)
    report["stages"][10]["rows_in"] = 1_243_456  # its inputs were there; the stage did not get through
    report.update(status="failed", seconds=8.8, outputs={}, curves=[], models=[])
    report["crossings"].update(events=[], host_copies_bytes=0)
    report["error"] = {
        "type": "ColumnError",
        "message": "Expected a column 'loan_idd', got none.\nDid you mean 'loan_id'? <script>alert(1)</script>",
        "notes": ["in stage Join (features) on the cpu engine", "wired at pipelines/mortgage.py:70"],
    }
    return report


def mortgage_plan() -> dict[str, Any]:
    """Return the plan of the mortgage pipeline."""
    kept = ("id", "name", "label", "kind", "inputs", "where", "pushed", "schema")
    stages = [{key: stage[key] for key in kept} for stage in mortgage_report()["stages"]]
    return {"pipeline": "mortgage", "stages": stages, "outputs": {"features": 11, "positives": 12, "model": 18, "scores": 20}}


def random_dag(n_stages: int, seed: int) -> list[dict[str, Any]]:
    """Return stages wired at random, most of them to near ones; all kinds, names of many lengths."""
    chance = random.Random(seed)
    names = ("ReadCsv", "Join", "FillNull", "Standardize", "a < b & \"c\" 'd'", "貸付の特徴量" * 8)
    stages = []
    for number in range(n_stages):
        count = 0 if number == 0 or chance.random() < 0.12 else min(number, chance.choice((1, 1, 1, 2, 2, 3)))
        inputs = [max(0, number - 1 - int(chance.expovariate(0.25))) for _ in range(count)]
        kind = chance.choice(("row", "key", "table", "fit", "learner", "apply", "sink", "value")) if inputs else "source"
        label = chance.choice((None, "performance", "acquisition rows"))
        rows = chance.randrange(10**7) if chance.random() < 0.7 else None
        stage = {
            "id": number,
            "name": chance.choice(names),
            "label": label,
            "kind": kind,
            "inputs": inputs,
            "where": f"p.py:{number}",
        }
        stages.append({**stage, "rows_out": rows, "columns_out": 12, "seconds": chance.random()})
    return stages


@pytest.fixture
def mortgage() -> dict[str, Any]:
    """Return a report of our own to change."""
    return mortgage_report()


@pytest.fixture
def failed() -> dict[str, Any]:
    """Return the report of a failed run."""
    return failed_report()


@pytest.fixture
def plan() -> dict[str, Any]:
    """Return a plan of our own to change."""
    return mortgage_plan()


@pytest.fixture
def dag() -> Callable[[int, int], list[dict[str, Any]]]:
    """Return what makes random DAGs: of so many stages, from a seed."""
    return random_dag
