"""Which estimators are fitted from parts, exactly, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from gpupipe.engines._mergeable.contract import EstimatorFit
from gpupipe.engines._mergeable.decomposition import PCAFit, TruncatedSVDFit, why_not_decomposition
from gpupipe.engines._mergeable.kmeans import KMeansFit, why_not_kmeans
from gpupipe.engines._mergeable.linear import LinearFit, PenalisedFit, why_not_linear
from gpupipe.engines._mergeable.logistic import LogisticRegressionFit, why_not_logistic
from gpupipe.engines._mergeable.naive_bayes import CategoricalNBFit, FeatureCountFit, GaussianNBFit
from gpupipe.engines._mergeable.scalers import ExtremesFit, StandardScalerFit


def _always(_: Any) -> str | None:
    """Return nothing: no parameter stands in the way."""
    return None


_FITS: dict[type[Any], tuple[Callable[[Any], EstimatorFit], Callable[[Any], str | None]]] = {
    LinearRegression: (LinearFit, why_not_linear),
    Ridge: (LinearFit, why_not_linear),
    Lasso: (PenalisedFit, why_not_linear),
    ElasticNet: (PenalisedFit, why_not_linear),
    LogisticRegression: (LogisticRegressionFit, why_not_logistic),
    PCA: (PCAFit, why_not_decomposition),
    TruncatedSVD: (TruncatedSVDFit, why_not_decomposition),
    KMeans: (KMeansFit, why_not_kmeans),
    GaussianNB: (GaussianNBFit, _always),
    MultinomialNB: (FeatureCountFit, _always),
    ComplementNB: (FeatureCountFit, _always),
    BernoulliNB: (FeatureCountFit, _always),
    CategoricalNB: (CategoricalNBFit, _always),
    StandardScaler: (StandardScalerFit, _always),
    MinMaxScaler: (ExtremesFit, _always),
    MaxAbsScaler: (ExtremesFit, _always),
}


def mergeable(estimator: Any) -> EstimatorFit | None:
    """Return the way to fit this estimator from parts, or nothing where there is no exact one for it or its parameters.

    Examples
    --------
    >>> mergeable(PCA()) is None, mergeable(PCA("mle")) is None
    (False, True)
    """
    return None if why_not_mergeable(estimator) is not None else _FITS[type(estimator)][0](estimator)


def why_not_mergeable(estimator: Any) -> str | None:
    """Return in words why this estimator is not fitted from parts, or nothing where it is.

    Examples
    --------
    >>> why_not_mergeable(Ridge(solver="sag"))
    "solver='sag' goes through the rows one by one, in an order of its own; take solver='auto'"
    """
    kind = type(estimator)
    if kind is MiniBatchKMeans:
        return "MiniBatchKMeans draws its batches from all rows, in an order of its own; take KMeans"
    if kind not in _FITS:  # a subclass may fit in another way
        return f"no exact fit from parts is known for {kind.__module__.partition('.')[0]}'s {kind.__name__}"
    return _FITS[kind][1](estimator)
