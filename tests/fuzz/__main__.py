"""Looks through random pipelines with fresh seeds: ``python -m tests.fuzz --cases 5000``, or ``make fuzz``.

Each kind of difference is told by its smallest script, or tables. The exit status is 1 where there is one.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

from tests.fuzz.search import Search
from tests.fuzz.stage_search import StageSearch


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--every", type=int, default=50, help="of how many cases one runs on engine dask too; 0 for none")
    parser.add_argument("--seed", default=str(time.time_ns()), help="what the cases follow from; the time unless given")
    parser.add_argument("--out", type=Path, help="where the record goes, as JSON")
    parser.add_argument("--scripts", type=Path, default=Path("fuzz-findings"), help="where the scripts of what was found go")
    parser.add_argument(
        "--stages", type=int, help="how many single stages are held to DuckDB and to scikit-learn; as many as cases unless given"
    )
    options = parser.parse_args()
    started = time.perf_counter()
    seeds = [f"{options.seed}-{number}" for number in range(options.cases)]
    search = Search().on(["cpu", "pandas"], seeds)
    on_dask = _on_dask(seeds[:: options.every]) if options.every else Search()
    of_stages = [f"{options.seed}-{number}" for number in range(options.cases if options.stages is None else options.stages)]
    staged = StageSearch().by_key(of_stages).fitted(of_stages[::4])
    scripts = [*search.scripts, *on_dask.scripts, *staged.examples]
    record = {
        "seed": options.seed,
        "cases": {"cpu": search.n_cases, "pandas": search.n_cases, "dask": on_dask.n_cases, "stages": staged.n_cases},
        "findings": dict(search.kinds + on_dask.kinds + staged.kinds + staged.refused),
        "seconds": round(time.perf_counter() - started, 1),
        "versions": {name: version(name) for name in ("gpupipe", "narwhals", "polars", "pandas", "dask", "duckdb")},
    }
    print(json.dumps(record, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for number, text in enumerate(scripts):
        options.scripts.mkdir(exist_ok=True)
        (options.scripts / f"{number}.py").write_text(text, encoding="utf-8")
    if scripts:
        print(f"{len(scripts)} scripts that show it are in {options.scripts}/", file=sys.stderr)
    return 1 if scripts else 0


def _on_dask(seeds: list[str]) -> Search:
    """Return what was found on two workers, for whom even tiny tables are cut into blocks."""
    from distributed import LocalCluster

    from gpupipe.engines.dask import reading

    logging.getLogger("distributed").setLevel(logging.ERROR)
    reading.LEAST_ROWS = reading.BLOCKS_A_THREAD = 1
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        os.environ["GPUPIPE_CLUSTER"] = cluster.scheduler_address
        return Search().on(["dask"], seeds)


if __name__ == "__main__":
    sys.exit(main())
