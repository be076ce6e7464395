from __future__ import annotations

import narwhals.stable.v2 as nw
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier

from gpupipe.core.schema import Schema
from gpupipe.core.task import Training
from gpupipe.engines.dask_cuda.choice import DISTRIBUTED, why_alone

SCHEMA = Schema.of_names({"x": nw.Float64(), "y": nw.Float64(), "label": nw.Int32(), "word": nw.String(), "w": nw.Float64()})


def asked(estimator: object, target: str | None = "y", weight: str | None = None, features: tuple[str, ...] = ("x", "w")) -> str | None:
    """Return why an estimator is trained on one worker."""
    return why_alone(Training(estimator, features, target, weight), SCHEMA)


def test_what_is_trained_on_all_workers() -> None:
    assert [asked(one) for one in (LinearRegression(), Ridge())] == [None, None]
    assert [asked(one, None) for one in (KMeans(), PCA(2), TruncatedSVD(2))] == [None, None, None]
    assert asked(KMeans(), None, "w") is None
    assert asked(MultinomialNB(), "label") is None
    assert set(DISTRIBUTED) == {"KMeans", "LinearRegression", "MultinomialNB", "PCA", "Ridge", "TruncatedSVD"}


@pytest.mark.parametrize(
    ("estimator", "target", "weight", "told"),
    [
        (LinearRegression(), "y", "w", "takes no weights"),
        (PCA(), None, None, "a number of components"),
        (PCA(0.9), None, None, "a number of components"),
        (MultinomialNB(), "word", None, "whole numbers"),
        (MultinomialNB(), "y", None, "whole numbers"),
        (RandomForestClassifier(), "label", None, "of one worker alone"),
        (LogisticRegression(), "label", None, "passes over weights"),
        (Lasso(), "y", None, "can be saved"),
        (KNeighborsClassifier(), "label", None, "while the cluster lives"),
        (DBSCAN(), None, None, "a copy of all rows"),
        (GaussianProcessRegressor(), "y", None, "has no counterpart"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else None,
)
def test_why_the_others_are_not(estimator: object, target: str | None, weight: str | None, told: str) -> None:
    found = asked(estimator, target, weight)
    assert found is not None
    assert told in found


@pytest.mark.parametrize("estimator", [LinearRegression(), Ridge()])
def test_least_squares_of_one_feature(estimator: object) -> None:
    assert asked(estimator, features=("x",)) == f"cuml.dask's {type(estimator).__name__} takes two features or more"


def test_a_class_of_the_same_name_is_another() -> None:
    class Ridge:
        """Not scikit-learn's."""

    assert asked(Ridge()) == "cuml.dask has no counterpart"
