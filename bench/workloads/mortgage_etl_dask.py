"""Variant R of the mortgage ETL on a Dask cluster of two workers, text to a folder of parquet: gpupipe against dask.dataframe by hand."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.workload import Command, Workload
from bench.workloads.mortgage_etl import BENCH, prepare


def contenders(data: Path, out: Path) -> dict[str, Command]:
    """Each contender's command line."""
    inputs = ["--performance", f"{data}/performance/*", "--acquisition", f"{data}/acquisition/*", "--names", f"{data}/names.csv"]
    inputs += ["--out", f"{out}/features"]
    return {
        "dask": [sys.executable, f"{BENCH}/baselines/mortgage_dask.py", *inputs],
        "gpupipe-dask": [sys.executable, f"{BENCH}/workloads/mortgage_gpupipe.py", "--engine", "dask", *inputs],
    }


workload = Workload(contenders=contenders, baselines=("dask",), agree=("rows", "columns", "positives", "ever"), prepare=prepare)
