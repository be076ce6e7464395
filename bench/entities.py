"""Named entities learned from chosen sentences beside those drawn by chance, at equal words and equal steps of the optimiser.

    python -m bench.entities ../shared/data/ner/wikigold.conll.gz --out bench/results/NAME.json [--seeds 3] [--strategies mnlp,random]

Of the sentences a quarter, drawn by a hash of their ids, is held out. Each arm begins with the same sentences by chance, and goes on in
rounds: it learns (weights and optimiser go on, with the same number of steps in each arm), scores the pool, and buys sentences up to a
share of the pool's words. Beside the arms a network learns from the whole pool, as many steps as an arm does in all. F1 is of whole
entities on the hold-out. Seconds are the processor's. The record says at which shares a strategy beats chance, and how much of the F1 of
all labels it reaches. It is written after each arm, and a call that was killed goes on where it was.
"""

# ruff: noqa: E402  (threads are told before PyTorch is imported)

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import json
import statistics
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl
import torch

import gpupipe as gp
from bench.machine import describe
from gpupipe.core.ends import Reading
from gpupipe.deep import Training

SHARES = (0.04, 0.07, 0.10, 0.15, 0.20, 0.25, 0.30)
JUDGED = (0.10, 0.20, 0.30)
Record = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """What all arms have in common."""

    pool: pl.DataFrame
    test: pl.DataFrame
    options: dict[str, Any]
    first_steps: int
    steps: int
    full_steps: int
    learning_rate: float

    def tagger(self, kinds: Sequence[str], steps: int, seed: int) -> gp.TagSequences:
        """A stage that learns so many steps at least."""
        training = Training(1, 16, self.learning_rate, clip_norm=5.0, device="cpu", seed=seed)
        return gp.TagSequences(options=self.options, kinds=kinds, least_steps=steps, training=training)

    def f1(self, fitted: Any) -> float:
        """The F1 of whole entities of the hold-out."""
        return float(gp.EvaluateEntities().apply(fitted.predict().apply(self.test))["f1"])


def read(paths: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The pool, and a quarter of the sentences, held out."""
    table = gp.ReadConll(paths).batches(Reading(("id", "words", "tags", "n_words"))).read_all()
    rows = pl.from_arrow(table)
    assert isinstance(rows, pl.DataFrame)
    test = gp.Choose(len(rows) // 4, score=None, seed=4711).apply(rows)
    held = pl.from_arrow(test.to_arrow())["id"] if not isinstance(test, pl.DataFrame) else test["id"]
    return rows.filter(~pl.col("id").is_in(held.to_list())), rows.filter(pl.col("id").is_in(held.to_list()))


def arm(setting: Setting, strategy: str, seed: int, kinds: Sequence[str]) -> list[Record]:
    """A row for each round of one arm."""
    pool, n_words = setting.pool, int(setting.pool["n_words"].sum())
    known = pool.clear()
    fitted, rows = None, []
    for number, share in enumerate(SHARES):
        started = time.process_time()
        left = pool.filter(~pl.col("id").is_in(known["id"].to_list()))
        scored = left if fitted is None else fitted.score(by=strategy).apply(left)
        chance = fitted is None or strategy == "random"
        told = time.process_time()
        choose = gp.Choose(
            share * n_words - int(known["n_words"].sum()), score=None if chance else "score", cost="n_words", seed=seed, round=number
        )
        chosen = choose.apply(scored)
        known = pl.concat([known, pool.filter(pl.col("id").is_in(chosen["id"].to_list()))])
        learning = time.process_time()
        shown = pool.with_columns(tags=pl.when(pl.col("id").is_in(known["id"].to_list())).then("tags"))
        stage = setting.tagger(kinds, setting.steps if number else setting.first_steps, seed)
        fitted = stage.apply(shown) if fitted is None else stage.apply(shown, fitted)
        done = time.process_time()
        rows.append(
            {
                "share_of_words": round(int(known["n_words"].sum()) / n_words, 4),
                "share_of_sentences": round(len(known) / len(pool), 4),
                "f1": round(setting.f1(fitted), 4),
                "seconds": {"score": round(told - started, 2), "choose": round(learning - told, 2), "learn": round(done - learning, 2)},
            }
        )
        print(strategy, seed, rows[-1], flush=True)
    return rows


def verdict(arms: dict[str, list[list[Record]]], full: list[float]) -> Record:
    """On how many seeds each strategy beats chance at the judged shares, and which part of the F1 of all labels it reaches there."""
    made: Record = {}
    n_seeds = min(map(len, arms.values()))
    for strategy, courses in arms.items():
        at = {share: [course[SHARES.index(share)]["f1"] for course in courses[:n_seeds]] for share in JUDGED}
        made[strategy] = {
            f"{share:.0%}": {
                "f1": values,
                "mean share of the F1 of all labels": round(statistics.mean(values) / max(statistics.mean(full), 1e-9), 4),
                "beats chance on seeds": sum(
                    mine > theirs
                    for mine, theirs in zip(values, [course[SHARES.index(share)]["f1"] for course in arms["random"][:n_seeds]], strict=True)
                ),
            }
            for share, values in at.items()
        }
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the arms and write the record."""
    parser = ArgumentParser(prog="python -m bench.entities", description="Compare strategies at equal words.")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--strategies", default="mnlp,random")
    parser.add_argument("--filters", type=int, default=100)
    parser.add_argument("--hidden", type=int, default=50)
    parser.add_argument("--first-steps", type=int, default=300)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--full-steps", type=int, default=1500, help="of the network that has all labels: as many as an arm's together")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    pool, test = read(given.files)
    kinds = sorted({tag[2:] for tags in pool["tags"].to_list() for tag in tags if tag != "O"})
    options = {"filters": given.filters, "hidden": given.hidden, "character_filters": 30}
    setting = Setting(pool, test, options, given.first_steps, given.steps, given.full_steps, given.learning_rate)
    strategies = list(dict.fromkeys([*given.strategies.split(","), "random"]))
    told = {
        "machine": describe(),
        "versions": {name: version(name) for name in ("torch", "polars")},
        "files": [Path(file).name for file in given.files],
        "settings": {name: value for name, value in vars(given).items() if name not in ("files", "out")},
        "words": {"pool": int(pool["n_words"].sum()), "hold-out": int(test["n_words"].sum())},
        "sentences": {"pool": len(pool), "hold-out": len(test)},
    }
    record = {**told, "processor seconds": 0.0, "f1 of all labels": [], "arms": {strategy: [] for strategy in strategies}}
    if given.out.exists():  # of a call that was killed
        before = json.loads(given.out.read_text())
        if any(before[name] != told[name] for name in ("files", "settings", "words")):
            parser.error(f"{given.out} is of other files or settings")
        record = before
    arms = [(seed, strategy) for seed in range(given.seeds) for strategy in strategies]
    full = [(seed + 1.5, "full") for seed in range(given.seeds)]  # behind the arms of the next seed
    for at, kind in sorted([*arms, *full], key=lambda one: one[0]):
        seed = int(at - 1) if kind == "full" else int(at)
        done = record["f1 of all labels"] if kind == "full" else record["arms"][kind]
        if len(done) > seed:
            continue
        started = time.process_time()
        if kind == "full":
            done.append(round(setting.f1(setting.tagger(kinds, setting.full_steps, seed).apply(pool)), 4))
            print("full", seed, done[-1], flush=True)
        else:
            done.append(arm(setting, kind, seed, kinds))
        record["processor seconds"] = round(record["processor seconds"] + time.process_time() - started, 1)
        if record["f1 of all labels"]:
            record["verdict"] = verdict(record["arms"], record["f1 of all labels"])
        given.out.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record["verdict"], indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
