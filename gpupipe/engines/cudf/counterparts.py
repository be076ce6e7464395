"""Which estimator of cuML stands for one of scikit-learn's, and whether it honours every parameter that was set.

cuML's ``from_sklearn`` refuses some parameters and passes over others. Here it is shown a witness of the estimator that notes which
parameters it looks at; one that was set and that nobody looked at is refused as well. Nothing here imports cuML, so that any machine can
hold it.

Sources: ``cuml/internals/interop.py`` and the ``_params_from_cpu`` of each estimator, cuML 26.10.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from gpupipe.core.errors import UnsupportedError, listing

# scikit-learn's (or umap-learn's, hdbscan's) class to cuML's, all of which have from_sklearn and as_sklearn.
COUNTERPARTS: Mapping[str, str] = {
    "DBSCAN": "cuml.cluster.dbscan:DBSCAN",
    "ElasticNet": "cuml.linear_model.elastic_net:ElasticNet",
    "HDBSCAN": "cuml.cluster.hdbscan.hdbscan:HDBSCAN",
    "IsolationForest": "cuml.ensemble.isolation_forest:IsolationForest",
    "KMeans": "cuml.cluster.kmeans:KMeans",
    "KNeighborsClassifier": "cuml.neighbors.kneighbors_classifier:KNeighborsClassifier",
    "KNeighborsRegressor": "cuml.neighbors.kneighbors_regressor:KNeighborsRegressor",
    "Lasso": "cuml.linear_model.lasso:Lasso",
    "LinearRegression": "cuml.linear_model.linear_regression:LinearRegression",
    "LinearSVC": "cuml.svm.linear_svc:LinearSVC",
    "LinearSVR": "cuml.svm.linear_svr:LinearSVR",
    "LogisticRegression": "cuml.linear_model.logistic_regression:LogisticRegression",
    "NearestNeighbors": "cuml.neighbors.nearest_neighbors:NearestNeighbors",
    "PCA": "cuml.decomposition.pca:PCA",
    "RandomForestClassifier": "cuml.ensemble.randomforestclassifier:RandomForestClassifier",
    "RandomForestRegressor": "cuml.ensemble.randomforestregressor:RandomForestRegressor",
    "Ridge": "cuml.linear_model.ridge:Ridge",
    "SVC": "cuml.svm.svc:SVC",
    "SVR": "cuml.svm.svr:SVR",
    "TSNE": "cuml.manifold.t_sne:TSNE",
    "TruncatedSVD": "cuml.decomposition.tsvd:TruncatedSVD",
    "UMAP": "cuml.manifold.umap.umap:UMAP",
}
FORESTS = {"DecisionTreeClassifier": "RandomForestClassifier", "DecisionTreeRegressor": "RandomForestRegressor"}
# Parameters that change how the work is done, and not what comes out but for rounding.
HARMLESS = frozenset(
    (
        *("algorithm", "angle", "cache_size", "copy", "copy_X", "copy_x", "dual", "leaf_size", "n_jobs", "n_oversamples"),
        *("power_iteration_normalizer", "random_state", "shrinking", "solver", "tol", "verbose"),
    )
)
HARMFUL = {"solver": "liblinear"}  # which also shrinks the intercept
_FROM = ("sklearn.", "umap.", "hdbscan.")


def counterpart_of(estimator: Any) -> str | None:
    """Return the address of cuML's class that stands for the estimator's, or None.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge, Perceptron
    >>> counterpart_of(Ridge()), counterpart_of(Perceptron())
    ('cuml.linear_model.ridge:Ridge', None)
    """
    kind = type(estimator)
    return COUNTERPARTS.get(kind.__name__) if kind.__module__.startswith(_FROM) else None


def as_forest(estimator: Any) -> Any:
    """Return a decision tree as the forest of this one tree, on all rows, and any other estimator as it is.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> forest = as_forest(DecisionTreeClassifier(max_depth=3))
    >>> type(forest).__name__, forest.n_estimators, forest.bootstrap, forest.max_features, forest.max_depth
    ('RandomForestClassifier', 1, False, 1.0, 3)
    """
    name = FORESTS.get(type(estimator).__name__)
    if name is None or not type(estimator).__module__.startswith("sklearn."):
        return estimator
    given = estimator.get_params(deep=False)
    splitter = given.pop("splitter")
    if splitter != "best":
        msg = f"{type(estimator).__name__}(splitter={splitter!r}) has no counterpart in cuML, which looks for the best split only."
        raise UnsupportedError(msg)
    given["max_features"] = 1.0 if given["max_features"] is None else given["max_features"]
    forest = getattr(import_module("sklearn.ensemble"), name)
    return forest(n_estimators=1, bootstrap=False, **given)


def witness_of(estimator: Any) -> tuple[Any, set[str]]:
    """Return a copy of an unfitted estimator, and the set in which it notes the attributes that are looked at from now on.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> witness, seen = witness_of(Ridge(alpha=2.0))
    >>> witness.alpha, isinstance(witness, Ridge), sorted(seen & {"alpha", "positive"})
    (2.0, True, ['alpha'])
    """
    seen: set[str] = set()
    kind = type(estimator)

    def look(self: Any, name: str) -> Any:
        seen.add(name)
        return object.__getattribute__(self, name)

    witness = kind(**estimator.get_params(deep=False))
    witness.__class__ = type(kind.__name__, (kind,), {"__getattribute__": look, "__module__": kind.__module__})
    return witness, seen


def require_heard(estimator: Any, seen: set[str], where: str) -> None:
    """Raise UnsupportedError where a parameter was set that nobody looked at.

    Parameters
    ----------
    where
        Who should have looked.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> require_heard(Ridge(alpha=2.0), {"alpha"}, "cuML's Ridge")
    >>> require_heard(Ridge(positive=True), {"alpha"}, "cuML's Ridge")
    Traceback (most recent call last):
    gpupipe.core.errors.UnsupportedError: cuML's Ridge has no parameter 'positive', ...
    """
    given = estimator.get_params(deep=False)
    usual = type(estimator)().get_params(deep=False)
    unheard = [
        name
        for name, value in given.items()
        if name not in seen and repr(value) != repr(usual.get(name)) and (name not in HARMLESS or HARMFUL.get(name) == value)
    ]
    if unheard:
        msg = (
            f"{where} has no parameter {listing(unheard)}, which {type(estimator).__name__} was given: "
            f"{', '.join(f'{name}={given[name]!r}' for name in unheard)}. Leave it out, use fallbacks='host', or engine 'cpu'."
        )
        raise UnsupportedError(msg)
