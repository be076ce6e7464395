"""Which estimators find their features by name, and so are given a data frame: scikit-learn's ``ColumnTransformer`` and what holds one."""

from __future__ import annotations

from typing import Any

_BY_NAME = frozenset({"ColumnTransformer"})


def takes_names(estimator: Any) -> bool:
    """Whether an estimator, or one inside it, is given a data frame with the features' names instead of an array.

    Examples
    --------
    >>> from sklearn.compose import ColumnTransformer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> takes_names(make_pipeline(ColumnTransformer([]), LogisticRegression())), takes_names(LogisticRegression())
    (True, False)
    """
    if any(base.__name__ in _BY_NAME for base in type(estimator).__mro__):
        return True
    if not callable(getattr(estimator, "get_params", None)) or type(estimator).__module__.startswith("xgboost"):
        return False
    inside = estimator.get_params(deep=True).values()
    return any(base.__name__ in _BY_NAME for value in inside if hasattr(value, "get_params") for base in type(value).__mro__)
