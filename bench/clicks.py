"""Statistics of a click log: gpupipe beside Polars by hand and NVTabular.

    python -m bench.clicks [--rows 2000000] [--rounds 3] [--nvtabular PYTHON] [--out bench/results/DATE-clicks.json]

What is fitted is mean and deviation of six numbers, and of ten columns of categories those seen 15 times or more, in the order of how often
they were. The log is made up in the likeness of Criteo's and lies in Parquet; `stages.py` has its generator. NVTabular 23.8 wants an
environment of its own (Python 3.10, numpy<2, dask and distributed 2023.8.0, pyarrow<13, pandas<1.6), whose interpreter is
named; it runs without a device.

Each measurement is a process of its own, which loads its libraries, then tells how long the fit took. They take turns; what counts is the
processor seconds, beside the wall's. Means, and the numbers of categories kept, are compared.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parents[1]
NUMBERS, CATEGORIES, LEAST = [f"I{n}" for n in range(6)], [f"C{n}" for n in range(10)], 15
Answer = tuple[list[float], list[int]]  # the means, and how many categories each column keeps


def by_gpupipe(path: str) -> Answer:
    """Fit by gpupipe."""
    import gpupipe as gp  # local: each process loads its own libraries alone

    stages = (gp.Standardize(NUMBERS), gp.EncodeCategory(CATEGORIES, min_count=LEAST, order="count"))
    fitted = gp.Fit(gp.ReadParquet(path).node(), *stages)
    scaled, encoded = gp.Pipeline("clicks", fitted=fitted).run("cpu")["fitted"].stages
    return list(scaled.means), [len(known) for known in encoded.categories]


def by_polars(path: str) -> Answer:
    """Fit by Polars' own words."""
    import polars as pl  # local: as above

    log = pl.scan_parquet(path)
    moments = log.select(*(pl.col(name).mean().alias(f"m{name}") for name in NUMBERS), *(pl.col(name).std(ddof=0) for name in NUMBERS))
    often = [
        log.filter(pl.col(name).is_not_null())
        .group_by(name)
        .len()
        .filter(pl.col("len") >= LEAST)
        .sort(["len", name], descending=[True, False])
        for name in CATEGORIES
    ]
    found, *kept = pl.collect_all([moments, *often], engine="streaming")
    return list(found.row(0)[: len(NUMBERS)]), [len(table) for table in kept]


def by_nvtabular(path: str) -> Answer:
    """Fit by NVTabular, on the processor."""
    import nvtabular as nvt  # local: as above
    import pandas as pd
    from nvtabular import ops

    with tempfile.TemporaryDirectory() as folder:
        scaled = NUMBERS >> ops.Normalize()
        encoded = CATEGORIES >> ops.Categorify(freq_threshold=LEAST, out_path=folder)
        workflow = nvt.Workflow(scaled + encoded)
        workflow.fit(nvt.Dataset(path, engine="parquet", cpu=True))
        nodes = [node.op for node in workflow.graph.output_node.parents_with_dependencies if hasattr(node.op, "means")]
        means = nodes[0].means if nodes else {}
        sizes = [len(pd.read_parquet(f"{folder}/categories/unique.{name}.parquet").dropna()) for name in CATEGORIES]
    return [float(means[name]) for name in NUMBERS if name in means], sizes


SIDES: dict[str, Callable[[str], Answer]] = {"gpupipe": by_gpupipe, "polars": by_polars, "nvtabular": by_nvtabular}


def measured(side: str, path: str) -> dict[str, Any]:
    """Return how long one fit takes in this process, after one on a few rows that loads what is loaded late."""
    SIDES[side](str(Path(path).with_name("few.parquet")))
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    means, sizes = SIDES[side](path)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu_seconds": cpu, "peak_bytes": after.ru_maxrss * 1024, "means": means, "sizes": sizes}


def asked(side: str, python: str, path: Path) -> dict[str, Any]:
    """Return what another process measures."""
    command = [python, "-W", "ignore", str(Path(__file__).resolve()), "--measure", side, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE)
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-3000:]}")
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


def compared(pythons: dict[str, str], path: Path, n_rounds: int) -> dict[str, Any]:
    """Return the medians of each side, and whether all found the same."""
    rounds: dict[str, list[dict[str, Any]]] = {side: [] for side in pythons}
    for _ in range(n_rounds):
        for side, python in pythons.items():
            rounds[side].append(asked(side, python, path))
            print(f"{side:10} {rounds[side][-1]['cpu_seconds']:8.2f} s of the processor {rounds[side][-1]['seconds']:8.2f} s", flush=True)
    ours, made = rounds["gpupipe"], {}
    for side, all_ in rounds.items():
        ratios = {
            key: round(median(one[key] / mine[key] for one, mine in zip(all_, ours, strict=True)), 3) for key in ("cpu_seconds", "seconds")
        }
        alike = all(abs(a - b) <= 1e-6 * abs(b) for a, b in zip(all_[0]["means"], ours[0]["means"], strict=False))
        made[side] = {
            "cpu_seconds": [round(one["cpu_seconds"], 3) for one in all_],
            "seconds": [round(one["seconds"], 3) for one in all_],
            "peak_bytes": max(one["peak_bytes"] for one in all_),
            "times_of_gpupipe": ratios,
            "same": alike and all_[0]["sizes"] == ours[0]["sizes"],
        }
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit status: 0 where all found the same."""
    parser = ArgumentParser(prog="python -m bench.clicks", description="Time statistics of a click log.")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nvtabular", help="the interpreter of an environment that has NVTabular")
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--measure", nargs=2, metavar=("SIDE", "FILE"), help="measure one side in this process; what others are started with"
    )
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(measured(*options.measure)))
        return 0
    from bench.machine import describe  # local: NVTabular's environment has none of this
    from bench.stages import clicks

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        log = clicks(options.rows)
        log.write_parquet(path, row_group_size=max(1, options.rows // 8))
        log.head(1000).write_parquet(Path(folder) / "few.parquet")
        del log
        pythons = {"gpupipe": sys.executable, "polars": sys.executable, **({"nvtabular": options.nvtabular} if options.nvtabular else {})}
        sides = compared(pythons, path, options.rounds)
    result = {"machine": describe(), "rows": options.rows, "columns": len(NUMBERS) + len(CATEGORIES), "sides": sides}
    print(json.dumps({side: {**found["times_of_gpupipe"], "same": found["same"]} for side, found in sides.items()}))
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if all(found["same"] for found in sides.values()) else 1


if __name__ == "__main__":
    sys.path[:0] = [str(HERE)]
    sys.exit(main())
