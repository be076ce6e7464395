"""Active learning of a number: what the variance of a forest's trees finds, error that labels take away or error that stays.

    python -m bench.variance_of_trees --out bench/results/NAME.json [--data ../shared/data/tables/casp_protein.csv.gz] [--seeds 2]

On CASP a forest learns 1,000 rows and another 20,000, and rows that neither has seen are put in order by the variance of the first one's
trees. Beside it, a known function without noise to speak of (Friedman 1) is learned in seven rounds of 100 rows.
"""

# ruff: noqa: E402  (threads are told before NumPy is imported)

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import json
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.ensemble import ExtraTreesRegressor

from bench.machine import describe
from gpupipe.active import scorers, selectors
from gpupipe.active.curve import area_under
from gpupipe.active.scorers import random_order

Record = dict[str, Any]


def variance(forest: Any, rows: Any) -> Any:
    """The variance of a forest's trees."""
    return scorers.variance(tree.predict(rows) for tree in forest.estimators_)


def found_error(x: Any, y: Any, seed: int) -> Record:
    """Mean squared errors of all rows and of the fifth of the largest variance: with 1,000 labels, and with 20,000."""
    order = np.argsort(random_order(np.arange(len(x)), seed=seed))
    test, pool = order[:5000], order[5000:25000]
    few, many = (ExtraTreesRegressor(40, min_samples_leaf=2, random_state=seed).fit(x[pool[:n]], y[pool[:n]]) for n in (1000, 20000))
    largest = np.argsort(-variance(few, x[test]))[:1000]
    errors = {f"{n} labels": (forest.predict(x[test]) - y[test]) ** 2 for n, forest in (("1,000", few), ("20,000", many))}
    return {name: {"all": round(float(e.mean()), 2), "largest variance": round(float(e[largest].mean()), 2)} for name, e in errors.items()}


def friedman(seed: int, size: int = 100, rounds: int = 7) -> Record:
    """The mean RMSE over rounds by strategy, on Friedman's first function with noise of a hundredth of its range."""
    chance = np.random.default_rng(0)
    x = chance.random((7000, 9))
    true = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    y = true + chance.normal(size=len(x)) * 0.1
    order = np.argsort(random_order(np.arange(len(x)), seed=seed))
    test, pool = order[:2000], order[2000:]
    hashes = random_order(pool.astype(np.int64), seed=seed)
    made: Record = {}
    for strategy in ("random", "variance", "variance, drawn by its power"):
        known = np.zeros(len(pool), bool)
        known[np.argsort(hashes)[:size]] = True
        curve = []
        for number in range(rounds):
            forest = ExtraTreesRegressor(20, min_samples_leaf=2, random_state=seed).fit(x[pool[known]], y[pool[known]])
            curve.append((int(known.sum()), float(np.sqrt(((forest.predict(x[test]) - true[test]) ** 2).mean()))))
            left = np.flatnonzero(~known)
            score = np.zeros(len(left)) if strategy == "random" else variance(forest, x[pool[left]])
            drawn = random_order(pool[left].astype(np.int64), seed=seed, number=number)
            score = scorers.power(score, drawn) if "power" in strategy else score
            known[left[selectors.top(score, hashes[left], size)]] = True
        made[strategy] = round(area_under(*zip(*curve, strict=True)), 3)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask both questions, and write the record."""
    parser = ArgumentParser(prog="python -m bench.variance_of_trees", description="What the variance of trees finds.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", default="../shared/data/tables/casp_protein.csv.gz")
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args(arguments)
    rows = pl.read_csv(given.data).to_numpy()
    started = time.process_time()
    record: Record = {"machine": describe()}
    record["CASP, mean squared error"] = [found_error(rows[:, 1:], rows[:, 0], seed) for seed in range(given.seeds)]
    record["Friedman 1, mean RMSE over 100 to 700 rows"] = [friedman(seed) for seed in range(given.seeds)]
    record["processor seconds"] = round(time.process_time() - started, 1)
    given.out.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
