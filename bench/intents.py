"""Active learning on CLINC150: what choosing questions about sets of intents is worth, over seeds.

    python -m bench.intents --out bench/results/NAME.json [--data ../shared/data/text/clinc150] [--seeds 3] [--methods AQ-EIG,uniform]
        [--minutes 10] [--texts 600]

What a text becomes, and how long the model learns, is chosen by accuracy on CLINC150's validation part, with all labels of the train
part. Nothing is chosen on the test part, on which accuracies are told. 5 % of the texts are known at the start; a round asks a
fourteenth of what halving would ask in all, and the model learns from scratch in each. Seconds are the processor's.

The record is written after each arm, and the same call goes on where one ended: by itself, after so many ``--minutes``, or because it was
killed. ``--texts`` takes so many texts of each part, to see in a minute that it works; its figures say nothing.
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


def read(folder: Path, measured: str, features: str, epochs: int, n_texts: int | None = None, size: int = 256) -> Setting:
    """The train part as a pool, and another part to measure on; features are learned of the pool's texts, without a label."""
    with gzip.open(folder / "data_full.json.gz", "rt") as file:
        parts = json.load(file)
    if n_texts is not None:  # evenly, since texts lie intent by intent
        parts = {name: told[:: max(1, len(told) // n_texts)] for name, told in parts.items()}
    domains = json.loads((folder / "domains.json").read_text())
    pairs = [(intent, domain) for domain, intents in domains.items() for intent in intents]
    hierarchy = gp.LabelHierarchy.from_table(pa.table({"child": [one for one, _ in pairs], "parent": [one for _, one in pairs]})).halved()
    texts = {part: [text for text, _ in parts[part]] for part in ("train", measured)}
    words = TfidfVectorizer(sublinear_tf=True, **FEATURES[features]).fit(texts["train"])
    small = TruncatedSVD(size, random_state=0).fit(words.transform(texts["train"]))
    x = {part: normalize(small.transform(words.transform(told))).astype(np.float32) for part, told in texts.items()}
    y = {part: np.array([hierarchy.place_of(intent) for _, intent in parts[part]]) for part in texts}
    return Setting(x["train"], y["train"], x[measured], y[measured], hierarchy, epochs)


def chosen(folder: Path, n_texts: int | None) -> Record:
    """The features and epochs that are best on the validation part, and what all came to."""
    found: dict[tuple[str, int], float] = {}
    for features in FEATURES:
        setting = read(folder, "val", features, EPOCHS[0], n_texts)
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
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no arm after so long; the same call goes on")
    parser.add_argument("--texts", type=int, default=None, help="so many of each part alone, to try it")
    given = parser.parse_args(arguments)
    methods, begun = given.methods.split(","), time.monotonic()
    told: Record = {"machine": describe(), "texts": "all" if given.texts is None else given.texts, "rounds": ROUNDS}
    record = json.loads(given.out.read_text()) if given.out.exists() else told | {"processor seconds": 0.0}
    if record["texts"] != told["texts"]:
        parser.error(f"{given.out} is of {record['texts']} texts of each part")
    if "chosen on the validation part" not in record:
        record["chosen on the validation part"] = chosen(given.data, given.texts)
        record |= {"full accuracy": [], "naive questions": [], "methods": {}}
        _write(given.out, record, time.process_time())
    choice = record["chosen on the validation part"]
    setting = read(given.data, "test", choice["features"], choice["epochs"], given.texts)
    record["questions"] = len(setting.hierarchy.sets)
    for seed, method in ((seed, method) for seed in range(given.seeds) for method in methods):
        done = record["methods"].setdefault(method, [])
        if len(done) > seed:
            continue
        if time.monotonic() - begun > 60 * given.minutes:
            print(f"{given.minutes:g} minutes are over; the same call goes on", flush=True)
            return 0
        started = time.process_time()
        if len(record["full accuracy"]) == seed:
            record["full accuracy"].append(round(setting.fitted(setting.exact, seed)[1], 4))
            record["naive questions"].append(naive_cost(setting, seed))
        done.append(arm(setting, method, seed, record["naive questions"][seed], record["full accuracy"][seed]))
        print(method, {name: value for name, value in done[-1].items() if name != "curve"}, flush=True)
        _write(given.out, record, time.process_time() - started)
    return 0


def _write(path: Path, record: Record, seconds: float) -> None:
    """Put the record in place, whole, with so many more processor seconds and the medians over seeds."""
    record["processor seconds"] = round(record["processor seconds"] + seconds, 1)
    record["medians"] = _medians(record["methods"])
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(record, indent=1) + "\n")
    aside.replace(path)


def _medians(methods: dict[str, list[Record]]) -> Record:
    """The medians over seeds; None where one never came there."""
    made: Record = {}
    for method, told in methods.items():
        named = {name: [one[name] for one in told] for name in ("to 95 %", "to 99 %", "annotated all", "area to the naive cost")}
        made[method] = {name: None if not each or None in each else statistics.median(each) for name, each in named.items()}
    return made


if __name__ == "__main__":
    raise SystemExit(main())
