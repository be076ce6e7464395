"""The mortgage ETL through gpupipe: `pipelines/mortgage.py:etl`, on an engine of choice."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "pipelines")]

import mortgage  # noqa: E402
import narwhals.stable.v2 as nw  # noqa: E402
import polars as pl  # noqa: E402

import gpupipe  # noqa: E402
from bench.contender import measure, parser  # noqa: E402
from gpupipe.engines._threads import one_thread_each  # noqa: E402
from gpupipe.engines.load import load_engine  # noqa: E402

WORKERS_IMPORT = ("gpupipe.engines.dask.engine", "gpupipe.engines.polars.blocks")


def run(options: Namespace, out: str, cluster: Any = None) -> dict[str, object]:
    """Return the facts of the feature table, which the pipeline writes to `out`."""
    pipeline = mortgage.etl(acquisition=options.acquisition, performance=options.performance, out=out)
    result = pipeline.run(options.engine, cluster=cluster)
    written, ever = result["out"], result["ever"]
    return {"rows": written["rows"], "columns": written["columns"], "positives": result["positives"], "ever": list(ever.values())}


if __name__ == "__main__":
    arguments = parser()
    arguments.add_argument("--engine", required=True)
    given = arguments.parse_args()
    load_engine(given.engine).close()  # what is imported is imported before the clock starts, as in the other contenders
    for name in gpupipe.__all__:
        getattr(gpupipe, name)
    nw.from_native(pl.LazyFrame())  # narwhals imports a library's part when it first meets a frame of it
    if given.engine == "dask":
        from bench.contender_cluster import measure_on_cluster  # local: only here is there a cluster

        with one_thread_each():  # as in gpupipe's own local clusters
            measure_on_cluster(lambda cluster, performance, acquisition, names, out: run(given, out, cluster), given, WORKERS_IMPORT)
    else:
        measure(lambda performance, acquisition, names, out: run(given, out), given)
