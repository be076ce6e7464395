"""Which advertisement is clicked: many categories, most of them rare, become numbers that a model of any kind takes.

gpupipe run pipelines/criteo.py --report out                       on a made-up log
gpupipe run pipelines/criteo.py --report out -p log=day_0.gz       on a log of Criteo's own form: 40 columns between tabs, without names

The usual preparation of this log (that of NVTabular and DLRM) is six lines below. Numbers: what is missing is 0, what is below 0 too, of
the rest the logarithm, since they span many powers of ten. Categories: those seen 15 times or more get codes, the most frequent the lowest;
all rarer ones share one code, what is missing has another, and 0 is left for padding. That is what tables of embeddings are indexed by. For
trees, the longest of the vocabularies are replaced by the share of clicks instead, without a row's own click in it.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
from xgboost import XGBClassifier

import gpupipe as gp

NUMBERS = [f"I{number}" for number in range(1, 14)]
CATEGORIES = [f"C{number}" for number in range(1, 27)]
LONG = ["C1", "C10", "C20", "C22"]  # as in the log of Criteo: tens of millions of categories each, over all days
SCHEMA = {"label": nw.Int64, **dict.fromkeys(NUMBERS, nw.Int64), **dict.fromkeys(CATEGORIES, nw.String)}


def made_up(n_rows: int, seed: int = 0) -> pa.Table:
    """Return a log in the likeness of Criteo's: the k-th most frequent category of a column stands 1/k times as often as the first."""
    chance = np.random.default_rng(seed)
    columns: dict[str, pa.Array] = {}
    effect = np.full(n_rows, -1.6)
    for number, name in enumerate(CATEGORIES):
        codes = (chance.zipf(1.2 + number / 20, n_rows) - 1) % (1 << (20 if name in LONG else 14))
        if number < 8:  # the first ones tell something: each category makes a click more or less likely by an amount of its own
            effect += 0.8 * np.sin(1 + codes * (number + 1.7))
        columns[name] = pa.array(np.char.mod("%08x", codes * 2654435761 % (1 << 32)), mask=chance.random(n_rows) < 0.03)
    for number, name in enumerate(NUMBERS):
        values = np.floor(chance.lognormal(1 + number % 4, 1.3, n_rows)) - 1
        if number < 3:
            effect += 0.25 * (np.log1p(np.maximum(values, 0)) - 1.5)
        columns[name] = pa.array(values.astype(np.int64), mask=chance.random(n_rows) < 0.05 * (number % 5))
    columns["label"] = pa.array((chance.random(n_rows) < 1 / (1 + np.exp(-effect))).astype(np.int64))
    return pa.table({name: columns[name] for name in SCHEMA})


def read(log: str | None, n_rows: int) -> gp.Table:
    """Return the rows of a file, or made-up ones."""
    if log is None:
        return gp.FromArrow(made_up(n_rows)).node().named("log")
    return gp.ReadCsv(log, separator="\t", header=False, schema=SCHEMA).node().named("log")


def pipeline(log: str | None = None, n_rows: int = 40_000, least: int = 15, trees: int = 40) -> gp.Pipeline:
    """Return the pipeline.

    Parameters
    ----------
    log
        A file of Criteo's form; a made-up log unless given.
    n_rows
        How many rows to make up.
    least
        How often a category must be seen to have a code of its own.
    trees
        How many trees the model has.
    """
    train, test = gp.Split((0.8, 0.2))(read(log, n_rows))

    short = [name for name in CATEGORIES if name not in LONG]
    prepared = gp.Fit(
        train,
        gp.Impute(NUMBERS, value=0),
        gp.WithColumns(**{name: (nw.col(name).clip(0).cast(nw.Float64) + 1).log() for name in NUMBERS}),
        gp.EncodeCategory(short, min_count=least, missing=1, unknown=2, first=3, order="count"),
        gp.TargetEncode(LONG, target="label"),
    )

    # `prepared(train)` has in each row of a long column the share of clicks in the other folds; `prepared(test)` that of all training rows.
    model = gp.Learn(XGBClassifier(n_estimators=trees, max_depth=6, learning_rate=0.2), target="label").fit(prepared(train))
    scored = model.predict_proba(prepared(test))
    scores = gp.Evaluate(["roc_auc", "log_loss"], target="label")(scored)

    # A click log drifts: the tail of the categories is new every day. How much of the test rows did the training rows not know?
    unknown = {name: (nw.col(name) == 2).cast(nw.Float64).mean() for name in short}
    return gp.Pipeline("criteo", prepared=prepared, model=model, scores=scores, unknown=gp.Scalar(**unknown)(prepared(test)))
