"""cuML's multinomial naive Bayes, to and from scikit-learn's: it is the one estimator without cuML's own way of doing so."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import cupy as cp

from gpupipe.engines.cudf.counterparts import require_heard


def naive_bayes(estimator: Any) -> Any:
    """Return cuML's unfitted MultinomialNB with the parameters of scikit-learn's.

    Raises
    ------
    UnsupportedError
        A parameter was set that cuML's has not.
    """
    import cuml  # local: takes seconds to load, and pipelines without its models need none of it

    given = estimator.get_params(deep=False)
    require_heard(estimator, {"alpha", "fit_prior", "class_prior"}, "cuML's MultinomialNB")
    return cuml.MultinomialNB(alpha=given["alpha"], fit_prior=given["fit_prior"], class_prior=given["class_prior"], output_type="cupy")


def as_sklearn_bayes(fitted: Any) -> Any:
    """Return scikit-learn's MultinomialNB with the fitted one's probabilities.

    Source: the attributes that ``sklearn.naive_bayes.MultinomialNB`` predicts from.
    """
    made = import_module("sklearn.naive_bayes").MultinomialNB(
        alpha=fitted.alpha, fit_prior=fitted.fit_prior, class_prior=fitted.class_prior
    )
    fitted.output_type = "cupy"
    for name in ("feature_log_prob_", "class_log_prior_", "feature_count_", "class_count_"):
        setattr(made, name, cp.asnumpy(getattr(fitted, name)))
    made.classes_ = fitted.classes_
    made.n_features_in_ = made.feature_log_prob_.shape[1]
    return made
