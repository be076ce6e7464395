"""Learning from partial labels in a pipeline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits

import gpupipe as gp
from gpupipe.active.partial import PartialLabelClassifier
from gpupipe.core.errors import ArtefactError, ColumnError, StageError, UsageError
from gpupipe.testing.tasks import check_task

X, Y = load_digits(return_X_y=True)
CLASSES = [str(number) for number in range(10)]
COLUMNS = [f"p{number}" for number in range(64)]
POOL = pl.DataFrame({"id": range(600), **dict(zip(COLUMNS, X[:600].T / 16, strict=True))})
KNOWN = [[str(Y[row])] if row % 2 else [str(Y[row]), str((Y[row] + 3) % 10)] for row in range(400)]
LABELS = pl.DataFrame({"example_id": range(400), "possible": KNOWN})
STAGE = gp.LearnPartial(CLASSES, hidden=(16,), epochs=2, least_steps=150, rate=0.01)


def test_it_is_the_array_librarys_model(engine: str) -> None:
    made = check_task(STAGE.fit, POOL, LABELS, engines=("cpu", engine), rtol=1e-6)
    possible = np.array([[one in kept for one in CLASSES] for kept in KNOWN])
    model = PartialLabelClassifier((16,), epochs=2, least_steps=150, rate=0.01).fit(X[:400] / 16, possible)
    for ours, theirs in zip(made.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert made.describe()["facts"]["rows of a known class"] == 200


def test_answers_score_rows(engine: str) -> None:
    pool, labels = gp.FromFrame(POOL).node(), gp.FromFrame(LABELS).node()
    model = STAGE.fit(pool, labels)
    result = gp.Pipeline("p", scored=model.predict_proba(pool), told=model.predict(pool)).run(engine)
    scored, told = (pl.from_arrow(result[name].to_arrow()).sort("id") for name in ("scored", "told"))
    p = scored.select([f"probability_{one}" for one in CLASSES]).to_numpy()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert told["prediction"].to_list() == [CLASSES[at] for at in p.argmax(axis=1)]
    assert (told["prediction"].to_numpy()[400:] == Y[400:600].astype(str)).mean() > 0.8


def test_what_is_wrong_is_told() -> None:
    pool, labels = gp.FromFrame(POOL).node(), gp.FromFrame(LABELS).node()
    with pytest.raises(ColumnError, match="what gp.ReadLabels"):
        gp.Pipeline("p", m=STAGE.fit(pool, pool)).check()
    with pytest.raises(ColumnError, match="'p64'"):
        gp.Pipeline("p", m=gp.LearnPartial(CLASSES, features=["p64"]).fit(pool, labels)).check()
    with pytest.raises(UsageError, match="two classes or more"):
        gp.LearnPartial(["a"])
    with pytest.raises(UsageError, match="epochs=0"):
        gp.LearnPartial(CLASSES, epochs=0)
    nothing: Any = LABELS.clear()
    with pytest.raises(StageError, match="Answer some questions first"):
        STAGE.apply(POOL, nothing)
    fitted = STAGE.apply(POOL, LABELS)
    with pytest.raises(ArtefactError, match="layers of finite weights"):
        replace(fitted, weights=fitted.weights[:3]).check()
