"""What gpupipe itself costs: a stage that does nothing, the check of fifty stages, the import of the package.

    python -m bench.run overhead --rounds 5

The contenders print seconds of one such thing each, measured in their own process as the best of several; the bars they are held
against are in `bench/README.md`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a script run by its path does not see the project root

from bench.contender import report
from bench.workload import Command, Workload

N_STAGES = 50


def contenders(data: Path, out: Path) -> dict[str, Command]:
    """Each measurement's command line."""
    return {name: [sys.executable, __file__, name] for name in MEASUREMENTS}


def noop_stage() -> float:
    """Return the seconds that one more stage adds to a run, when it does nothing."""
    import narwhals.stable.v2 as nw  # local: the import is not what is measured
    import polars as pl

    import gpupipe as gp

    @gp.rows
    def nothing(frame: nw.LazyFrame) -> nw.LazyFrame:
        """Do nothing."""
        return frame

    def run(n_stages: int) -> float:
        table = gp.FromFrame(pl.DataFrame({"a": [1]})).node()
        for _ in range(n_stages):
            table = nothing(table)
        result = gp.Pipeline("noop", out=table).run("cpu")
        return float(result.report["seconds"])

    run(1)
    few, many = (min(run(n_stages) for _ in range(7)) for n_stages in (1, 1 + N_STAGES))
    return max(many - few, 0.0) / N_STAGES


def fifty_stage_check() -> float:
    """Return the seconds that checking fifty expression stages takes."""
    import narwhals.stable.v2 as nw  # local: the import is not what is measured
    import polars as pl

    import gpupipe as gp

    table = gp.FromFrame(pl.DataFrame({"a": [1], "b": [2.0]})).node()
    for number in range(N_STAGES):
        table = gp.WithColumns(b=nw.col("b") + number)(table)
    pipeline = gp.Pipeline("fifty", out=table)
    return best(pipeline.check)


def import_gpupipe() -> float:
    """Return the seconds that `import gpupipe` takes more than importing nothing, each in fresh interpreters."""

    def fresh(code: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - started

    pairs = [(fresh("import gpupipe"), fresh("pass")) for _ in range(7)]
    return median(one - other for one, other in pairs)


def best(call: Callable[[], object], n_times: int = 7) -> float:
    """Return the seconds of the fastest of several calls, after one that does not count."""
    call()
    seconds = []
    for _ in range(n_times):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


MEASUREMENTS: dict[str, Callable[[], float]] = {
    "noop-stage": noop_stage,
    "fifty-stage-check": fifty_stage_check,
    "import-gpupipe": import_gpupipe,
}
workload = Workload(contenders=contenders, baselines=())

if __name__ == "__main__":
    report(MEASUREMENTS[sys.argv[1]](), {})
