"""Everything that needs a GPU, in one go of at most ten minutes: the tests, then engine `gpu` against engine `cpu` on the same machine.

    python -m bench.gpu --out results.json [--rows 10000000] [--minutes 9.5]

Each part is a process of its own with the time that is left, and its result is in the file as soon as it has ended. Called again with the
same file, it does what is missing and what failed. Without a GPU it says what is missing and ends with exit code 3.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.machine import describe
from gpupipe.engines._cuda import ask_driver, why_not

ROOT = Path(__file__).resolve().parents[1]
TESTS = {
    "tests of the device": ["tests/gpu"],
    "stages": ["tests/stages", "-k", "gpu"],
    "models": ["tests/models", "-k", "gpu"],
    "mortgage": ["tests/pipelines/test_mortgage.py", "-k", "gpu"],
    "engines": ["tests/engines/test_load.py", "tests/testing", "-k", "gpu"],
}
QUESTIONS = ("group-by", "group-by-many", "join", "window", "mortgage-etl", "mortgage-whole")
NO_GPU = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the file lacks, as long as there is time, and return the exit code."""
    options = _options(arguments)
    if options.measure:
        print(json.dumps(measure(options.measure, options.engine, options.data, options.rows)))
        return 0
    lacks = why_not()
    if lacks is not None:
        print(f"There is no GPU to run on: {lacks}", file=sys.stderr)
        return NO_GPU
    ends = time.monotonic() + 60 * options.minutes
    results = json.loads(options.out.read_text()) if options.out.exists() else {"parts": {}}
    results |= {"machine": describe(), "device": device()}
    for name, command in parts(options):
        left = ends - time.monotonic()
        if results["parts"].get(name, {}).get("status") == "ok" or left < 10:
            continue
        results["parts"][name] = run_part(command, left)
        options.out.write_text(json.dumps(results, indent=1) + "\n")
        print(f"{name}: {results['parts'][name]['status']}, {results['parts'][name]['seconds']:.1f} s", flush=True)
    wanted = [name for name, _ in parts(options)]
    return 0 if all(results["parts"].get(name, {}).get("status") == "ok" for name in wanted) else 1


def parts(options: argparse.Namespace) -> list[tuple[str, list[str]]]:
    """Return the parts by name with their commands, in the order in which they matter."""
    made = [(name, [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *which]) for name, which in TESTS.items()]
    shared = ["--rows", str(options.rows), "--data", str(options.data)]
    measured = [sys.executable, "-m", "bench.gpu", *shared]
    made += [
        (f"{question} on {engine}", [*measured, "--measure", question, "--engine", engine])
        for question in QUESTIONS
        for engine in ("gpu", "cpu")
    ]
    return made


def run_part(command: list[str], seconds: float) -> dict[str, Any]:
    """Return how one part ended, with the end of what it printed, or the figures that it printed as JSON."""
    started = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return {"status": "out of time", "seconds": time.monotonic() - started}
    made: dict[str, Any] = {"status": "ok" if done.returncode == 0 else "failed", "seconds": time.monotonic() - started}
    last = done.stdout.strip().splitlines()[-1:] or [""]
    if "--measure" in command and done.returncode == 0:
        return made | {"figures": json.loads(last[0])}
    return made | {"summary": last[0]} | ({} if done.returncode == 0 else {"told": (done.stdout + done.stderr)[-8000:]})


def device() -> dict[str, Any]:
    """Return what the device is."""
    import cupy  # local: there is none where this is not run

    facts = cupy.cuda.runtime.getDeviceProperties(0)
    return {
        "name": facts["name"].decode(),
        "memory_bytes": facts["totalGlobalMem"],
        "compute_capability": f"{facts['major']}.{facts['minor']}",
        "driver_cuda": ask_driver().version,
    }


def measure(question: str, engine: str, data: Path, rows: int) -> dict[str, Any]:
    """Return the figures of one question on one engine: the seconds of the second and third run, and what crossed."""
    from gpupipe.core.engine import EngineOptions  # local: the parts that only list commands do without

    pipeline = pipelines(data, rows)[question]
    seconds, report = [], {}
    for number in range(3):
        built = pipeline()
        started = time.perf_counter()
        report = built.run(engine, options=EngineOptions(crossings="allow")).report
        if number:
            seconds.append(time.perf_counter() - started)
    crossings = {name: value for name, value in report["crossings"].items() if name != "events"}
    return {
        "question": question,
        "engine": engine,
        "rows": rows,
        "seconds": seconds,
        "crossings": crossings,
        "fallbacks": report["fallbacks"],
    }


def pipelines(data: Path, rows: int) -> dict[str, Callable[[], Any]]:
    """Return what builds each question's pipeline on tables that are made once.

    The group-by and join questions have the form of the db-benchmark of H2O.ai and DuckDB Labs.
    """
    import narwhals.stable.v2 as nw  # local: as above

    import gpupipe as gp  # local: as above

    x, y = _tables(data, rows)
    value = nw.col("v1").sum()

    def read(path: Path) -> Any:
        return gp.ReadParquet(path).node()

    def counted(table: Any) -> Any:
        return gp.Pipeline("question", rows=gp.Scalar(nw.len())(table))

    window = {"low": ("v3", "min"), "mean": ("v3", "mean")}
    return {
        "group-by": lambda: counted(gp.GroupBy("id1", total=value, mean=nw.col("v3").mean())(read(x))),
        "group-by-many": lambda: counted(gp.GroupBy(["id2", "id3"], total=value, mean=nw.col("v3").mean())(read(x))),
        "join": lambda: counted(gp.Join("id3", how="left")(read(x), read(y))),
        "window": lambda: counted(gp.Rolling("id2", index="v1", start=-2, stop=1, **window)(read(x))),
        "mortgage-etl": lambda: _mortgage(data, rows, "etl"),
        "mortgage-whole": lambda: _mortgage(data, rows, "pipeline"),
    }


def _tables(data: Path, rows: int) -> tuple[Path, Path]:
    """Return two Parquet files, made where they are not there yet."""
    import numpy as np  # local: as above
    import pyarrow as pa  # local: as above
    import pyarrow.parquet as pq  # local: as above

    x, y = data / f"x-{rows}.parquet", data / f"y-{rows}.parquet"
    if not y.exists():
        data.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        whole = {"id1": random.integers(0, 100, rows), "id2": random.integers(0, rows // 100 + 1, rows)}
        whole |= {"id3": random.integers(0, rows // 10 + 1, rows), "v1": random.integers(0, 50, rows), "v3": random.random(rows) * 100}
        pq.write_table(pa.table(whole), x)
        key = np.arange(rows // 10 + 1)
        unfinished = y.with_suffix(".tmp")
        pq.write_table(pa.table({"id3": key, "w": random.random(len(key))}), unfinished)
        unfinished.rename(y)
    return x, y


def _mortgage(data: Path, rows: int, function: str) -> Any:
    """Return a pipeline of the mortgage file on generated rows."""
    from gpupipe.datasets.mortgage import generate_mortgage  # local: as above
    from gpupipe.definition import load_definition  # local: as above

    folder = data / f"mortgage-{rows}"
    if not folder.exists():
        generate_mortgage(folder, rows, seed=0)
    build = getattr(sys.modules[load_definition(str(ROOT / "pipelines" / "mortgage.py")).function.__module__], function)
    return build(
        acquisition=f"{folder}/acquisition", performance=f"{folder}/performance", out=str(data / f"features-{os.getpid()}.parquet")
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what was asked for."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--out", type=Path, default=Path("gpu-results.json"), help="where the results go")
    asked.add_argument("--data", type=Path, default=Path("out/bench-gpu"), help="where generated tables are kept")
    asked.add_argument("--rows", type=int, default=10_000_000)
    asked.add_argument("--minutes", type=float, default=9.5, help="how long it may take")
    asked.add_argument("--measure", choices=QUESTIONS, help=argparse.SUPPRESS)
    asked.add_argument("--engine", default="gpu", help=argparse.SUPPRESS)
    return asked.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
