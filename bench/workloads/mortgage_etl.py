"""Variant R of the mortgage ETL, pipe-separated text to one parquet file: gpupipe's engines against hand-written programs."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.workload import Command, Workload

BENCH = Path(__file__).resolve().parents[1]


def contenders(data: Path, out: Path) -> dict[str, Command]:
    """Each contender's command line."""
    inputs = ["--performance", f"{data}/performance/*", "--acquisition", f"{data}/acquisition/*", "--names", f"{data}/names.csv"]
    inputs += ["--out", f"{out}/features.parquet"]
    gpupipe = [sys.executable, f"{BENCH}/workloads/mortgage_gpupipe.py"]
    return {
        "polars": [sys.executable, f"{BENCH}/baselines/mortgage_polars.py", *inputs],
        "pandas": [sys.executable, f"{BENCH}/baselines/mortgage_pandas.py", *inputs],
        "gpupipe-cpu": [*gpupipe, "--engine", "cpu", *inputs],
        "gpupipe-pandas": [*gpupipe, "--engine", "pandas", *inputs],
    }


def prepare(rows: int, data: Path) -> Command:
    """The command that generates `rows` performance rows."""
    return [sys.executable, "-m", "gpupipe", "data", "mortgage", "--rows", str(rows), "--out", str(data)]


workload = Workload(
    contenders=contenders, baselines=("polars", "pandas"), agree=("rows", "columns", "positives", "ever"), prepare=prepare
)
