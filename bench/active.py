"""Active learning: what choosing is worth on CASP, and how fast scores and selections are beside other libraries.

    python -m bench.active --out bench/results/NAME.json [--data ../shared/data] [--only scores,diverse,protein,stream] [--rounds 3]

Peers (modAL, scikit-activeml) that are not installed are left out, and the record says so; they go into a folder of their own, on
PYTHONPATH. Compared are processor seconds in one process, in turns, on one BLAS thread; a ratio is the median over rounds, with the
extremes.
"""

# ruff: noqa: E402  (threads are told before NumPy is imported)

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import hashlib
import importlib.util
import json
import statistics
import tempfile
import time
import tracemalloc
from argparse import ArgumentParser
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import gpupipe as gp
from bench.machine import describe
from gpupipe.active import scorers, selectors
from gpupipe.active.curve import area_under
from gpupipe.active.scorers import random_order

Record = dict[str, Any]


def in_turns(rounds: int, contenders: dict[str, Callable[[], Any]]) -> Record:
    """Processor seconds of each contender, and how many times as long as the first one it takes."""
    spent: dict[str, list[float]] = {one: [] for one in contenders}
    for _ in range(rounds):
        for one, call in contenders.items():
            before = time.process_time()
            call()
            spent[one].append(time.process_time() - before)
    first = next(iter(contenders))
    ratios = {one: [theirs / ours for theirs, ours in zip(each, spent[first], strict=True)] for one, each in spent.items() if one != first}
    shown = {one: {"median": round(statistics.median(e), 2), "min": round(min(e), 2), "max": round(max(e), 2)} for one, e in ratios.items()}
    return {"seconds": {one: [round(s, 4) for s in each] for one, each in spent.items()}, "times as long": shown}


def peak_bytes(call: Callable[[], Any]) -> int:
    """The most memory that NumPy took during a call."""
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def scores(rounds: int, installed: set[str]) -> Record:
    """1,000,000 rows of 10 probabilities, in memory: ours by columns, theirs by rows."""
    by_row = np.random.default_rng(0).dirichlet(np.ones(10), 1_000_000)
    by_column = np.ascontiguousarray(by_row.T.astype(np.float32))
    hashes = random_order(np.arange(1_000_000))
    record: Record = {}
    for name in ("least_confidence", "margin", "entropy"):
        ours = getattr(scorers, name)
        contenders: dict[str, Callable[[], Any]] = {"gpupipe": lambda ours=ours: ours(by_column)}
        if "modAL" in installed:
            import modAL.uncertainty as theirs  # local: a peer

            made = _Fixed(by_row)
            call = {
                "least_confidence": theirs.classifier_uncertainty,
                "margin": theirs.classifier_margin,
                "entropy": theirs.classifier_entropy,
            }
            contenders["modAL"] = lambda call=call[name], made=made: call(made, by_row)
        if "skactiveml" in installed:
            from skactiveml.pool import uncertainty_scores  # local: a peer

            method = {"least_confidence": "least_confident", "margin": "margin_sampling", "entropy": "entropy"}[name]
            contenders["scikit-activeml"] = lambda method=method: uncertainty_scores(by_row, method=method)
        ours(by_column)
        record[name] = {
            **in_turns(rounds, contenders),
            "peak bytes / input bytes": round(peak_bytes(lambda ours=ours: ours(by_column)) / by_column.nbytes, 3),
        }
    entropies = scorers.entropy(by_column)
    chosen = {
        "top by threshold": lambda: selectors.top(entropies, hashes, 1000),
        "argpartition": lambda: np.argpartition(-entropies, 1000)[:1000],
        "sort": lambda: np.argsort(-entropies)[:1000],
    }
    return {**record, "1,000 of 1,000,000": in_turns(rounds, chosen)}


class _Fixed:
    """A classifier whose probabilities are known, as modAL asks for one."""

    def __init__(self, probabilities: Any) -> None:
        self.probabilities = probabilities

    def predict_proba(self, _: Any, **__: Any) -> Any:
        return self.probabilities


def diverse(rounds: int, installed: set[str], n: int = 1_000_000) -> Record:
    """K-center and BADGE on embeddings of 64 numbers; all in float32, theirs too, which halves what BADGE holds there (10 GB else)."""
    chance = np.random.default_rng(0)
    embeddings = chance.normal(size=(n, 64)).astype(np.float32)
    p = chance.dirichlet(np.ones(10), n).astype(np.float32)
    columns = np.ascontiguousarray(p.T)
    labelled = np.arange(10)
    centers = embeddings[:10]
    contenders: dict[str, Callable[[], Any]] = {"gpupipe": lambda: selectors.k_center(embeddings, 100, centers=centers)}
    others: dict[str, Callable[[], Any]] = {"gpupipe": lambda: selectors.badge(columns, embeddings, 20)}
    if "skactiveml" in installed:
        from skactiveml.pool import (
            Badge,  # local: a peer
            CoreSet,
        )

        y = np.full(n, np.nan)
        y[labelled] = labelled
        core = CoreSet(random_state=0, missing_label=np.nan)
        contenders["scikit-activeml"] = lambda: core.query(X=embeddings, y=y, batch_size=100)
        others["scikit-activeml"] = _their_badge(Badge, p, embeddings, y)
    record = {f"k-center, 100 of {n:,} x 64": in_turns(rounds, contenders), f"BADGE, 20 of {n:,} x 64 x 10": in_turns(rounds, others)}
    inputs = {"k-center": embeddings.nbytes, "BADGE": embeddings.nbytes + columns.nbytes}
    calls = {"k-center": lambda: selectors.k_center(embeddings, 10), "BADGE": lambda: selectors.badge(columns, embeddings, 10)}
    return {**record, "peak bytes / input bytes": {one: round(peak_bytes(call) / inputs[one], 2) for one, call in calls.items()}}


def _their_badge(badge: Any, p: Any, embeddings: Any, y: Any) -> Callable[[], Any]:
    """scikit-activeml's BADGE, of a classifier whose probabilities are known."""
    from skactiveml.base import SkactivemlClassifier  # local: a peer

    class Fixed(SkactivemlClassifier):
        """Gives the rows of p for the embeddings, as many as are asked about."""

        def fit(self, X: Any, y: Any, **_: Any) -> Any:  # noqa: N803
            self.classes_ = np.arange(p.shape[1])
            return self

        def predict_proba(self, X: Any, **_: Any) -> Any:  # noqa: N803
            return p[: len(X)]

    query = badge(random_state=0, missing_label=np.nan)
    return lambda: query.query(X=embeddings, y=y, clf=Fixed(classes=np.arange(p.shape[1])), fit_clf=True, batch_size=20)


def protein(data: Path, seeds: int) -> Record:
    """CASP: the variance of a forest's trees against chance; RMSE on a hold-out over rows labelled."""
    from sklearn.ensemble import ExtraTreesRegressor  # local: one question

    rows = pl.read_csv(data / "tables/casp_protein.csv.gz").to_numpy()
    x, y = rows[:, 1:], rows[:, 0]
    record: Record = {"seeds": {}}
    areas: dict[str, list[float]] = {"variance": [], "variance, drawn by its power": [], "random": []}
    for seed in range(seeds):
        order = np.argsort(random_order(np.arange(len(x)), seed=seed))
        test, pool = order[:5000], order[5000:25000]
        hashes = random_order(pool.astype(np.int64), seed=seed)
        for strategy, reached in areas.items():
            known = np.zeros(len(pool), bool)
            known[np.argsort(hashes)[:200]] = True
            curve = []
            for _ in range(12):
                model = ExtraTreesRegressor(40, min_samples_leaf=2, random_state=seed).fit(x[pool[known]], y[pool[known]])
                curve.append([int(known.sum()), float(np.sqrt(((model.predict(x[test]) - y[test]) ** 2).mean()))])
                members = (tree.predict(x[pool]) for tree in model.estimators_)
                score = np.zeros(len(pool)) if strategy == "random" else scorers.variance(members)
                score = scorers.power(score, hashes, beta=1.0) if "power" in strategy else score
                open_rows = np.flatnonzero(~known)
                known[open_rows[selectors.top(score[open_rows], hashes[open_rows], 200)]] = True
            reached.append(area_under([n for n, _ in curve], [rmse for _, rmse in curve]))
            record["seeds"][f"{strategy}-{seed}"] = [[n, round(rmse, 4)] for n, rmse in curve]
    return {**record, "mean RMSE up to 2,400 rows": {one: [round(a, 4) for a in each] for one, each in areas.items()}}


def stream(sizes: tuple[int, ...] = (10_000_000, 100_000_000)) -> Record:
    """Pools in Parquet, scored by a model and chosen from block by block: seconds, the most memory over the start's, the choice."""
    made: Record = {}
    for n_rows in sizes:
        for cut in (1_000_000, 2_500_000) if n_rows == sizes[0] else (1_000_000,):
            made[f"{n_rows:,} rows, files of {cut:,}"] = _streamed(n_rows, cut)
    return made


def _streamed(n_rows: int, cut: int) -> Record:
    """One pool, made in files of so many rows; ids are not looked through for one that is there twice."""
    from sklearn.linear_model import LogisticRegression  # local: one question

    from gpupipe.report.record import MemoryWatch  # local: one question

    with tempfile.TemporaryDirectory() as folder:
        for start in range(0, n_rows, cut):
            ids = np.arange(start, min(start + cut, n_rows), dtype=np.uint64)
            mixed = {
                f"x{number}": ids * np.uint64(0x9E3779B97F4A7C15 + 2 * number) for number in range(4)
            }  # of the id alone, however files are cut
            held = {name: ((one >> np.uint64(40)).astype(np.float32) / 2**23 - 1) for name, one in mixed.items()}
            pl.DataFrame({"id": ids.astype(np.int64), **held}).write_parquet(f"{folder}/part-{start:010d}.parquet")
        n_bytes = sum(path.stat().st_size for path in Path(folder).iterdir())
        chance = np.random.default_rng(0)
        train = pl.DataFrame({f"x{number}": chance.normal(size=2000) for number in range(4)})
        train = train.with_columns(y=(train["x0"] > 0).cast(pl.Int64) + (train["x1"] > 0).cast(pl.Int64))
        model = gp.Learn(LogisticRegression(), target="y").fit(gp.FromFrame(train).node())
        scored = gp.Score("entropy")(model.predict_proba(gp.ReadParquet(folder).node()))
        pipeline = gp.Pipeline("stream", chosen=gp.Choose(1000, check_ids=False)(scored))
        with MemoryWatch() as watch:
            started, cpu = time.perf_counter(), time.process_time()
            before = watch.samples[0][1]
            chosen = pipeline.run("cpu")["chosen"]
            seconds, spent = time.perf_counter() - started, time.process_time() - cpu
        peak = watch.peak_since(0) - before
    ids = chosen.sort("rank")["id"].to_list()
    return {
        "chosen": len(ids),
        "digest of the choice": hashlib.blake2b(repr(ids).encode(), digest_size=8).hexdigest(),
        "seconds": round(seconds, 1),
        "processor seconds": round(spent, 1),
        "parquet bytes": n_bytes,
        "peak bytes": peak,
    }


def main() -> None:
    """Ask the questions, and write the record."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--only", default="intents,scores,diverse,protein,stream")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", default="1e7,1e8", help="of the streamed pools")
    given = parser.parse_args()
    peers = {"modAL": "modAL-python", "skactiveml": "scikit-activeml"}
    installed = {name for name in peers if importlib.util.find_spec(name) is not None}
    asked: dict[str, Callable[[], Record]] = {
        "scores": lambda: scores(given.rounds, installed),
        "diverse": lambda: diverse(given.rounds, installed),
        "protein": lambda: protein(Path(given.data), 3),
        "stream": lambda: stream(tuple(int(float(one)) for one in given.rows.split(","))),
    }
    told = {package: version(package) if name in installed else "not installed" for name, package in peers.items()}
    path = Path(given.out)
    record: Record = json.loads(path.read_text()) if path.exists() else {}
    record |= {"machine": describe(), "peers": told}
    for one, ask in asked.items():
        if one in given.only.split(","):
            record[one] = ask()
            path.write_text(json.dumps(record, indent=1) + "\n")
            print(one, json.dumps({name: value for name, value in record[one].items() if name != "methods"})[:3000], flush=True)


if __name__ == "__main__":
    main()
