"""Whether a model trained on many blocks scores as one trained in one process, given the same bins: a verdict to be recorded.

    python -m bench.scores FEATURES --engines cpu,dask --rounds 20 [--bins 32] [--out FILE]

FEATURES is the Parquet output of `pipelines/mortgage.py:etl`. How XGBoost finds its bins depends on how rows are spread over workers, so
every feature is first replaced by the number of the quantile it falls into, of which there are fewer than XGBoost makes bins: then all
ways find the same. Each engine trains the benchmark's own model on these and writes every row with its score; `bench.equal` compares.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "pipelines")]

import mortgage  # noqa: E402
import polars as pl  # noqa: E402

import gpupipe as gp  # noqa: E402
from bench.equal import compare  # noqa: E402

SCORE = "probability"


def binned(features: Path, out: Path, n_bins: int) -> None:
    """Writes the features as numbers of quantiles, and the label, to a folder of files."""
    source = pl.scan_parquet(features / "*.parquet" if features.is_dir() else features)
    names = list(mortgage.FEATURES)
    sample = source.select(names).gather_every(101).collect()
    cuts = {name: sorted({sample[name].quantile(number / n_bins, "nearest") for number in range(1, n_bins)}) for name in names}
    codes = [pl.lit(pl.Series(cuts[name], dtype=pl.Float32)).search_sorted(pl.col(name)).cast(pl.Float32).alias(name) for name in names]
    n_rows = source.select(pl.len()).collect().item()
    out.mkdir()
    for number, start in enumerate(range(0, n_rows, 1 << 20)):
        part = source.slice(start, 1 << 20).with_columns(codes).collect()
        part.write_parquet(out / f"part-{number:05d}.parquet")


def scored(table: Path, out: Path, engine: str, cluster: str | None, n_rounds: int) -> float:
    """The seconds that an engine takes to train the model and to write every row with its score."""
    rows = gp.ReadParquet(str(table)).node()
    model = gp.Learn(mortgage.model(n_rounds), features=mortgage.FEATURES, target=mortgage.LABEL).fit(rows)
    written = gp.WriteParquet(str(out))(model.predict_proba(rows))
    started = time.perf_counter()
    gp.Pipeline("scores", out=written).run(engine, cluster=cluster)
    return time.perf_counter() - started


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 where the scores are equal, else 1."""
    parser = ArgumentParser(prog="python -m bench.scores", description="Compare the scores of one model trained by two engines.")
    parser.add_argument("features", type=Path)
    parser.add_argument("--engines", default="cpu,dask")
    parser.add_argument("--cluster", default="local:2")
    parser.add_argument("--rounds", type=int, default=20, metavar="N", help="boosting rounds")
    parser.add_argument("--bins", type=int, default=32, metavar="N")
    parser.add_argument("--within", type=float, default=1e-6, metavar="DIFFERENCE")
    parser.add_argument("--out", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="gpupipe-bench-") as folder:
        table = Path(folder, "binned")
        binned(options.features, table, options.bins)
        seconds, sides = {}, []
        for engine in options.engines.split(","):
            sides.append(Path(folder, engine))
            seconds[engine] = scored(table, sides[-1], engine, options.cluster if engine == "dask" else None, options.rounds)
        verdict = compare(*sides, near=[SCORE], within=options.within)
    result = {**asdict(verdict), "boosting_rounds": options.rounds, "bins": options.bins, "within": options.within, "seconds": seconds}
    print(f"{'equal' if verdict.equal else 'not equal'}: {json.dumps(result)}")
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if verdict.equal else 1


if __name__ == "__main__":
    sys.exit(main())
