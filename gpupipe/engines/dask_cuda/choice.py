"""Which estimators cuml.dask trains on all workers as one device would on all rows, and why not the others.

Nothing here imports cuML, so that any machine can hold it. Source: ``cuml/dask`` and the ``*_mg`` modules that it runs, cuML 26.10.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

from gpupipe.core.schema import Schema
from gpupipe.core.task import Training

DISTRIBUTED: Mapping[str, str] = {
    "KMeans": "cuml.dask.cluster.kmeans:KMeans",
    "LinearRegression": "cuml.dask.linear_model.linear_regression:LinearRegression",
    "MultinomialNB": "cuml.dask.naive_bayes.naive_bayes:MultinomialNB",
    "PCA": "cuml.dask.decomposition.pca:PCA",
    "Ridge": "cuml.dask.linear_model.ridge:Ridge",
    "TruncatedSVD": "cuml.dask.decomposition.tsvd:TruncatedSVD",
}
WEIGHTED = ("KMeans",)
LEAST_SQUARES = ("LinearRegression", "Ridge")
ARRAYS = ("MultinomialNB",)  # takes dask arrays, and labels that are whole numbers
_NEIGHBOURS = "cuml.dask's answers only while the cluster lives"
_TREES = "cuml.dask's grows each tree from the rows of one worker alone"
_PATHS = "cuml.dask's gives no model back that can be saved"
_REASONS: Mapping[str, str] = {
    "DBSCAN": "cuml.dask's has a copy of all rows on every worker",
    "ElasticNet": _PATHS,
    "KNeighborsClassifier": _NEIGHBOURS,
    "KNeighborsRegressor": _NEIGHBOURS,
    "Lasso": _PATHS,
    "LogisticRegression": "cuml.dask's passes over weights, and answers with labels that are floats",
    "NearestNeighbors": _NEIGHBOURS,
    "RandomForestClassifier": _TREES,
    "RandomForestRegressor": _TREES,
    "UMAP": "cuml.dask's is fitted on one worker, too",
}


def why_alone(recipe: Training, schema: Schema) -> str | None:
    """Return why an estimator is trained on one worker, or None where cuml.dask trains it on all.

    Examples
    --------
    >>> from sklearn.linear_model import Lasso, Ridge
    >>> why_alone(Training(Ridge(), ("a", "b"), "y", None), Schema(()))
    >>> why_alone(Training(Ridge(), ("a", "b"), "y", "w"), Schema(()))
    "cuml.dask's Ridge takes no weights"
    >>> why_alone(Training(Lasso(), ("a",), "y", None), Schema(()))
    "cuml.dask's gives no model back that can be saved"
    """
    name = type(recipe.estimator).__name__
    if name not in DISTRIBUTED or not type(recipe.estimator).__module__.startswith("sklearn."):
        return _REASONS.get(name, "cuml.dask has no counterpart")
    if recipe.weight is not None and name not in WEIGHTED:
        return f"cuml.dask's {name} takes no weights"
    if name in LEAST_SQUARES and len(recipe.features) == 1:  # "olsFit: no algorithm with this id has been implemented", seen on a device
        return f"cuml.dask's {name} takes two features or more"
    if name == "PCA" and not isinstance(recipe.estimator.n_components, Integral):
        return "cuml.dask's PCA takes a number of components"
    if name in ARRAYS and (recipe.target is None or not schema[recipe.target].dtype.is_integer()):
        return f"cuml.dask's {name} takes labels that are whole numbers"
    return None
