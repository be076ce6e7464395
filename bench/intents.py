"""Active learning on CLINC150: what choosing questions about sets of intents is worth, over seeds.

    python -m bench.intents --out bench/results/NAME.json [--data ../shared/data/text/clinc150] [--seeds 3] [--methods AQ-EIG,uniform]

What a text becomes, and how long the model learns, is chosen by accuracy on CLINC150's validation part, with all labels of the train
part. Nothing is chosen on the test part, on which accuracies are told. 5 % of the texts are known at the start; a round asks a
fourteenth of what halving would ask in all, and the model learns from scratch in each. Seconds are the processor's.
"""

# ruff: noqa: E402  (threads are told before NumPy is imported)

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import gzip
import json
import statistics
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

import gpupipe as gp
from bench.machine import describe
from gpupipe.active.curve import area_under, cost_to
from gpupipe.active.partial import PartialLabelClassifier, ask_round
from gpupipe.active.scorers import random_order

METHODS = ("AQ-EIG", "ALPF-EIG", "uniform")
FEATURES: dict[str, dict[str, Any]] = {
    "words": {},
    "words and pairs": {"ngram_range": (1, 2)},
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 4)},
}
EPOCHS = (20, 40, 80)
ROUNDS = 14
Record = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """What all arms have in common: features and classes of the pool and of what is measured on, the hierarchy, how long to learn."""

    pool: Any
    truth: Any
    measured: Any
    expected: Any
    hierarchy: gp.LabelHierarchy
    epochs: int

    def fitted(self, possible: Any, seed: int) -> tuple[Any, float]:
        """A model of the classes that are still possible, and its accuracy."""
        model = PartialLabelClassifier((256,), epochs=self.epochs, seed=seed).fit(self.pool, possible)
        return model, float((model.predict_proba(self.measured).argmax(axis=1) == self.expected).mean())

    @property
    def exact(self) -> Any:
        """The one class of each text."""
        return np.eye(self.hierarchy.n_classes, dtype=bool)[self.truth]


def read(folder: Path, measured: str, features: str, epochs: int, size: int = 256) -> Setting:
    """The train part as a pool, and another part to measure on; features are learned of the pool's texts, without a label."""
    with gzip.open(folder / "data_full.json.gz", "rt") as file:
        parts = json.load(file)
    domains = json.loads((folder / "domains.json").read_text())
    pairs = [(intent, domain) for domain, intents in domains.items() for intent in intents]
    hierarchy = gp.LabelHierarchy.from_table(pa.table({"child": [one for one, _ in pairs], "parent": [one for _, one in pairs]})).halved()
    texts = {part: [text for text, _ in parts[part]] for part in ("train", measured)}
    words = TfidfVectorizer(sublinear_tf=True, **FEATURES[features]).fit(texts["train"])
    small = TruncatedSVD(size, random_state=0).fit(words.transform(texts["train"]))
    x = {part: normalize(small.transform(words.transform(told))).astype(np.float32) for part, told in texts.items()}
    y = {part: np.array([hierarchy.place_of(intent) for _, intent in parts[part]]) for part in texts}
    return Setting(x["train"], y["train"], x[measured], y[measured], hierarchy, epochs)


def chosen(folder: Path) -> Record:
    """The features and epochs that are best on the validation part, and what all came to."""
    found: dict[tuple[str, int], float] = {}
    for features in FEATURES:
        setting = read(folder, "val", features, EPOCHS[0])
        for epochs in EPOCHS:
            tried = Setting(setting.pool, setting.truth, setting.measured, setting.expected, setting.hierarchy, epochs)
            found[features, epochs] = tried.fitted(tried.exact, 0)[1]
            print(features, epochs, found[features, epochs], flush=True)
    features, epochs = max(found, key=lambda one: found[one])
    return {
        "features": features,
        "epochs": epochs,
        "validation accuracy": {f"{a}, {b} epochs": round(one, 4) for (a, b), one in found.items()},
    }


def arm(setting: Setting, method: str, seed: int, naive: int, full: float) -> Record:
    """One method and seed, until every label is known."""
    n, k = len(setting.pool), setting.hierarchy.n_classes
    hashes = random_order(np.arange(n), seed=seed)
    possible = np.ones((n, k), bool)
    known = np.argsort(hashes)[: n // 20]
    possible[known] = setting.exact[known]
    spent, costs, curve, begun = 0, [], [], time.process_time()
    while True:
        model, accuracy = setting.fitted(possible, seed)
        costs.append(spent)
        curve.append(accuracy)
        if (possible.sum(axis=1) == 1).all():
            break
        possible, asked = ask_round(
            model.predict_proba(setting.pool), possible, hashes, setting.hierarchy, -(-naive // ROUNDS), _answers(setting), method=method
        )
        spent += asked
    shares = {f"to {share} %": cost_to(costs, curve, full * share / 100) for share in (95, 99)}
    return {
        "seed": seed,
        **{name: None if cost is None else round(cost / naive, 4) for name, cost in shares.items()},
        "annotated all": round(spent / naive, 4),
        "label accuracy": float((possible.argmax(axis=1) == setting.truth).mean()),
        "at 10 %, 20 %": [round(float(np.interp(share * naive, costs, curve)), 4) for share in (0.1, 0.2)],
        "area to the naive cost": round(area_under(costs, curve, naive), 4),
        "curve": [[cost, round(accuracy, 4)] for cost, accuracy in zip(costs, curve, strict=True)],
        "processor seconds": round(time.process_time() - begun, 1),
    }


def _answers(setting: Setting) -> Any:
    """What answers questions about rows: whether a row's class is in a question's set."""
    return lambda rows, questions: setting.hierarchy.matrix[questions, setting.truth[rows]]


def naive_cost(setting: Setting, seed: int) -> int:
    """How many questions halving takes until every label is known."""
    n, k = len(setting.pool), setting.hierarchy.n_classes
    hashes = random_order(np.arange(n), seed=seed)
    warm = np.ones((n, k), bool)
    known = np.argsort(hashes)[: n // 20]
    warm[known] = setting.exact[known]
    _, cost = ask_round(np.full((n, k), 1 / k), warm, hashes, setting.hierarchy, 10**9, _answers(setting), method="uniform", batch=n)
    return int(cost)


def main(arguments: Sequence[str] | None = None) -> int:
    """Choose on the validation part, run the arms, and write the record after each."""
    parser = ArgumentParser(prog="python -m bench.intents", description="Compare ways to ask, over seeds.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/text/clinc150"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", default=",".join(METHODS))
    given = parser.parse_args(arguments)
    started = time.process_time()
    choice = chosen(given.data)
    setting = read(given.data, "test", choice["features"], choice["epochs"])
    methods = given.methods.split(",")
    record: Record = {"machine": describe(), "chosen on the validation part": choice, "questions": len(setting.hierarchy.sets)}
    record |= {"full accuracy": [], "naive questions": [], "methods": {method: [] for method in methods}}
    for seed in range(given.seeds):
        full, naive = setting.fitted(setting.exact, seed)[1], naive_cost(setting, seed)
        record["full accuracy"].append(round(full, 4))
        record["naive questions"].append(naive)
        for method in methods:
            told = arm(setting, method, seed, naive, full)
            record["methods"][method].append(told)
            print(method, {name: value for name, value in told.items() if name != "curve"}, flush=True)
            record["processor seconds"] = round(time.process_time() - started, 1)
            given.out.write_text(json.dumps({**record, "medians": _medians(record["methods"])}, indent=1) + "\n")
    return 0


def _medians(methods: dict[str, list[Record]]) -> Record:
    """The medians over seeds; None where one never came there."""
    made: Record = {}
    for method, told in methods.items():
        named = {name: [one[name] for one in told] for name in ("to 95 %", "to 99 %", "annotated all", "area to the naive cost")}
        made[method] = {name: None if not each or None in each else statistics.median(each) for name, each in named.items()}
    return made


if __name__ == "__main__":
    raise SystemExit(main())
