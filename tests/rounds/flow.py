"""A pipeline of rounds for tests: digits, with a model after the first round."""

from __future__ import annotations

import polars as pl
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import gpupipe as gp

X, Y = load_digits(return_X_y=True)
COLUMNS = [f"p{number:02d}" for number in range(64)]


def pipeline(store: str, strategy: str = "margin", seed: int = 0, budget: int = 20, n: int = 400) -> gp.Pipeline:
    """Return a round."""
    rows = pl.DataFrame({"id": [f"d{at}" for at in range(n + 300)], "digit": [str(one) for one in Y[: n + 300]]})
    rows = rows.with_columns([pl.Series(name, X[: n + 300, at] / 16) for at, name in enumerate(COLUMNS)])
    pool, test = gp.FromFrame(rows[:n]).node(), gp.FromFrame(rows[n:]).node()
    labels = gp.LabelStore.create(store, [str(digit) for digit in range(10)])
    asked = gp.AskQuestions(store, seed=seed, strategy=strategy)
    if not labels.answers().num_rows:
        return gp.Pipeline("digits", asked=asked(gp.Choose(60, score=None, seed=seed)(pool, test)))
    known = gp.ReadLabels(store).node()
    train = gp.Join(on="id")(gp.Drop(["digit"])(pool), _labels(known))
    model = gp.Learn(LogisticRegression(max_iter=300), target="label", features=COLUMNS).fit(train)
    chosen = gp.Choose(budget, seed=seed)(gp.Score(strategy)(model.predict_proba(gp.Drop(["digit"])(pool))), known, test)
    told = model.predict(test)
    sample = gp.Select("id", "prediction")(told)
    return gp.Pipeline("digits", scores=gp.Evaluate("accuracy", target="digit")(told), sample=sample, asked=asked(chosen))


def _labels(known: gp.Table) -> gp.Table:
    """Return ids and labels."""
    return gp.Select("id", "label")(gp.Rename(example_id="id")(known))
