"""What is known of an estimator before it is fitted: held to scikit-learn's own estimators, all of them."""

from __future__ import annotations

import inspect
import warnings
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import CategoricalNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, PolynomialFeatures, StandardScaler, TargetEncoder
from sklearn.utils import all_estimators
from xgboost import XGBClassifier

import gpupipe as gp
from gpupipe.models._estimator import fills_missing, made_columns, needs_target, takes_missing, takes_target, takes_text, takes_weights


def required(kind: type) -> bool:
    return any(given.default is given.empty for name, given in inspect.signature(kind).parameters.items())


NAMES = ["a", "b[", "c*"]  # which mean something in patterns
DRAWN = np.random.default_rng(0).integers(1, 5, size=(40, 3)).astype(float)
TARGET = (DRAWN[:, 0] > 2).astype(int)
NEEDS_MORE = {
    "PatchExtractor",
    "RFE",
    "RFECV",
    "SelectFromModel",
    "SequentialFeatureSelector",
    "SparseCoder",
}  # of which none is made by name
SLOW = {"DictionaryLearning", "MiniBatchDictionaryLearning", "MiniBatchSparsePCA", "SparsePCA"}  # named as PCA is
PLAIN = [kind for name, kind in all_estimators("transformer") if name not in SLOW and not required(kind)]
OF_THEIR_OWN = [
    OneHotEncoder(sparse_output=False, min_frequency=9),
    KBinsDiscretizer(encode="ordinal"),
    PolynomialFeatures(3, include_bias=False),
    PCA(2),
    SimpleImputer(add_indicator=True),
    KNNImputer(keep_empty_features=True),
    TargetEncoder(),
    make_pipeline(PCA(2), OneHotEncoder()),
    ColumnTransformer([("scaled", StandardScaler(), [0]), ("hot", OneHotEncoder(), [1])]),
]


@pytest.mark.filterwarnings("ignore")
def test_every_name_that_scikit_learn_gives_is_foreseen() -> None:
    seen = []
    for estimator in [*OF_THEIR_OWN, *(kind() for kind in PLAIN)]:
        given = DRAWN.copy()
        if isinstance(estimator, SimpleImputer):
            given[3, 1] = np.nan
        with warnings.catch_warnings(action="ignore"):
            try:
                fitted = clone(estimator).fit(given, TARGET)
                width = fitted.transform(given[:1]).shape[1]
            except (TypeError, ValueError, AttributeError, NotImplementedError):
                continue  # takes text, one column, or a matrix of distances
        word = type(estimator).__name__.lower()
        made = fitted.get_feature_names_out(NAMES) if hasattr(fitted, "get_feature_names_out") else [f"{word}{n}" for n in range(width)]
        known, patterns = made_columns(estimator, NAMES)
        seen.append(type(estimator).__name__)
        unforeseen = [name for name in made if not any(fnmatchcase(name, pattern) for pattern in patterns)] if patterns else []
        assert unforeseen == [], (estimator, known, patterns)
        assert patterns or list(known) == list(made), estimator
    assert len(seen) > 45 and {"OneHotEncoder", "PCA", "SimpleImputer", "StandardScaler", "KMeans"} <= set(seen)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [(OneHotEncoder(), "a"), (OneHotEncoder(), "d_1"), (PCA(2), "pca2"), (SimpleImputer(), "missingindicator_a"), (StandardScaler(), "d")],
)
def test_a_name_that_cannot_come_is_not_foreseen(estimator: Any, name: str) -> None:
    known, patterns = made_columns(estimator, NAMES)
    assert name not in known and not any(fnmatchcase(name, pattern) for pattern in patterns)


def test_what_an_estimator_takes() -> None:
    assert [needs_target(one) for one in (TargetEncoder(), SelectKBest(), LogisticRegression(), PCA())] == [True, False, True, False]
    assert [takes_target(one) for one in (SelectKBest(), PCA())] == [True, False]
    assert [takes_missing(one) for one in (LogisticRegression(), XGBClassifier(), SimpleImputer())] == [False, True, True]
    assert takes_missing(make_pipeline(SimpleImputer(), LogisticRegression())), "whose own tags say it does not"
    assert [takes_text(one) for one in (OneHotEncoder(), CategoricalNB(), PCA())] == [True, False, False]
    assert [takes_weights(one) for one in (LogisticRegression(), KNeighborsClassifier(), XGBClassifier())] == [True, False, True]
    assert [fills_missing(one) for one in (KNNImputer(), StandardScaler(), KBinsDiscretizer())] == [True, False, True]


def test_missing_values_that_only_new_rows_have_are_told_by_their_columns() -> None:
    known = pl.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [0.0, 1.0, 0.0, 1.0], "y": [0, 0, 1, 1]})
    model = gp.Pipeline("p", model=gp.Learn(LogisticRegression(), target="y").fit(gp.FromFrame(known).node())).run()["model"]
    with pytest.raises(gp.GpupipeError, match=r"LogisticRegression takes no missing values, and there are some in 'b'\. Fill them"):
        model.apply(pl.DataFrame({"a": [1.0], "b": [None]}, schema={"a": pl.Float64, "b": pl.Float64}))
