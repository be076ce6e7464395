"""The machine and the versions a result was measured with."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = (
    "cudf-cu13",
    "cuml-cu13",
    "cupy-cuda13x",
    "dask",
    "distributed",
    "gpupipe",
    "narwhals",
    "networkit",
    "networkx",
    "numpy",
    "opt_einsum",
    "pandas",
    "polars",
    "pyarrow",
    "rmm-cu13",
    "scikit-learn",
    "scipy",
    "tensorly",
    "torch",
    "xgboost",
    "xgboost-cpu",
)


def describe() -> dict[str, object]:
    """Processor, memory, load, operating system, Python, library versions, commit and date; no name of a host, a user or a path."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _line("/proc/cpuinfo", "model name") or platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
        "commit": _commit(),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _line(file: str, key: str) -> str | None:
    lines = Path(file).read_text().splitlines() if Path(file).exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)


def _commit() -> str | None:
    root = Path(__file__).resolve().parents[1]
    try:
        asked = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return asked.stdout.strip() or None
