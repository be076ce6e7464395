"""Estimators that find their features by name: scikit-learn's own answers on the same frame, with text, on every engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import gpupipe as gp
from gpupipe.core.errors import DtypeError

CHANCE = np.random.default_rng(0)
N_ROWS = 120
FRAME = pl.DataFrame(
    {
        "a": CHANCE.normal(size=N_ROWS),
        "n": CHANCE.integers(0, 5, N_ROWS),
        "c": CHANCE.choice(["u", "v", "w"], N_ROWS),
        "t": CHANCE.choice(["red car", "blue car", "big bus"], N_ROWS),
    }
).with_columns(
    y=pl.when((pl.col("a") > 0) ^ (pl.col("c") == "u")).then(pl.lit("yes")).otherwise(pl.lit("no")),
    b=pl.when(pl.col("n") == 0).then(None).otherwise(pl.col("a") * 2),
    d=pl.when(pl.col("n") == 1).then(None).otherwise(pl.col("c")),
)
PREPARED = ColumnTransformer([("numbers", StandardScaler(), ["a", "n"]), ("words", OneHotEncoder(handle_unknown="ignore"), ["c"])])
FILLED = ColumnTransformer(
    [("b", SimpleImputer(), ["b"]), ("d", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["d"])]
)
SELECTED = ColumnTransformer(
    [
        ("numbers", StandardScaler(), make_column_selector(dtype_include=np.number)),
        ("words", OneHotEncoder(), make_column_selector(dtype_exclude=np.number)),
    ]
)
CASES: dict[str, tuple[Any, list[str]]] = {
    "by name": (make_pipeline(PREPARED, LogisticRegression()), ["c", "n", "a"]),
    "searched": (GridSearchCV(make_pipeline(PREPARED, LogisticRegression()), {"logisticregression__C": [0.1, 1.0]}, cv=3), ["a", "n", "c"]),
    "missing": (make_pipeline(FILLED, LogisticRegression()), ["b", "d"]),
    "by dtype": (make_pipeline(SELECTED, LogisticRegression()), ["a", "c"]),
    "texts": (make_pipeline(ColumnTransformer([("t", TfidfVectorizer(), "t")], remainder="passthrough"), LogisticRegression()), ["a", "t"]),
}


@pytest.mark.parametrize("case", CASES)
def test_answers_are_scikit_learns(case: str, engine: str, tmp_path: Path) -> None:
    estimator, features = CASES[case]
    rows = gp.FromFrame(FRAME).node()
    model = gp.Learn(estimator, features=features, target="y").fit(rows)
    result = gp.Pipeline("p", made=model.predict_proba(rows), model=model).run(engine)
    frame = pd.DataFrame({name: FRAME[name].to_list() for name in features})
    known = estimator.fit(frame, FRAME["y"].to_list())
    assert result["made"]["probability"].to_list() == pytest.approx(known.predict_proba(frame)[:, 1].tolist(), rel=1e-6)
    assert result["model"].predict(FRAME).tolist() == known.predict(frame).tolist()
    if case != "by dtype":  # whose selector is a class that skops does not know
        assert gp.load(gp.save(result["model"], tmp_path / "model")).apply(FRAME)["prediction"].to_list() == known.predict(frame).tolist()


def test_columns_have_scikit_learns_names() -> None:
    model = gp.Learn(PREPARED, features=["a", "n", "c"]).fit(gp.FromFrame(FRAME).node())
    made = gp.Pipeline("p", made=model.transform(gp.FromFrame(FRAME.drop("y")).node())).run("cpu")["made"]
    assert made.columns[-5:] == ["numbers__a", "numbers__n", "words__c_u", "words__c_v", "words__c_w"]


def test_text_that_nobody_would_encode_is_still_refused() -> None:
    model = gp.Learn(make_pipeline(StandardScaler(), LogisticRegression()), features=["a", "c"], target="y")
    with pytest.raises(DtypeError, match="Learn.Pipeline. expects numbers, got String in column 'c'"):
        gp.Pipeline("p", model=model.fit(gp.FromFrame(FRAME).node())).check()
