"""Variant R of the mortgage ETL, pipe-separated text to one parquet file: gpupipe's engines against hand-written programs."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.workload import Command, Workload

BENCH = Path(__file__).resolve().parents[1]
# What `gpupipe data mortgage` calls; called here so that the benchmark does not hang on how the command is installed.
GENERATE = "import sys; from gpupipe.datasets.mortgage import generate_mortgage as make; make(sys.argv[1], int(sys.argv[2]))"


def contenders(data: Path, out: Path) -> dict[str, Command]:
    """Each contender's command line."""
    inputs = ["--performance", f"{data}/performance/*", "--acquisition", f"{data}/acquisition/*", "--names", f"{data}/names.csv"]
    inputs += ["--out", f"{out}/features.parquet"]
    gpupipe = [sys.executable, f"{BENCH}/workloads/mortgage_gpupipe.py"]
    return {
        "polars": [sys.executable, f"{BENCH}/baselines/mortgage_polars.py", *inputs],
        "pandas": [sys.executable, f"{BENCH}/baselines/mortgage_pandas.py", *inputs],
        "pandas-notebook": [sys.executable, f"{BENCH}/baselines/mortgage_notebook.py", *inputs],
        "gpupipe-cpu": [*gpupipe, "--engine", "cpu", *inputs],
        "gpupipe-pandas": [*gpupipe, "--engine", "pandas", *inputs],
    }


def prepare(rows: int, data: Path) -> Command:
    """The command that generates `rows` performance rows."""
    return [sys.executable, "-c", GENERATE, str(data), str(rows)]


workload = Workload(
    contenders=contenders,
    baselines=("polars", "pandas", "pandas-notebook"),
    agree=("rows", "columns", "positives", "ever"),
    prepare=prepare,
)
