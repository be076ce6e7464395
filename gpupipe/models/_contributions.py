"""What each feature adds to a prediction of XGBoost's trees, by SHAP.

Source: Lundberg et al., "From local explanations to global understanding with explainable AI for trees", 2020, as XGBoost computes it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupipe.core.errors import StageError


def contribution_names(features: Sequence[str]) -> list[str]:
    """Return the columns of contributions.

    Examples
    --------
    >>> contribution_names(["a"])
    ['contribution_a', 'contribution_base']
    """
    return [f"contribution_{name}" for name in (*features, "base")]


def contributions(model: Any, array: Any) -> Sequence[Any]:
    """Return what each feature adds to the margin of each row, and what every row begins with; they sum to the margin.

    Raises
    ------
    StageError
        The model has more than two classes, each of which would have contributions of its own.
    """
    booster = model.get_booster()
    matrix = sys.modules[type(booster).__module__].DMatrix  # of XGBoost, which the model has loaded
    best = model.best_iteration if model.early_stopping_rounds is not None else None
    made = booster.predict(
        matrix(array, feature_names=booster.feature_names, feature_types=booster.feature_types),
        pred_contribs=True,
        iteration_range=(0, 0 if best is None else best + 1),
    )
    if made.ndim != 2:
        msg = f"Contributions are of numbers and of two classes, got {made.shape[1]} classes. Learn one class against the others."
        raise StageError(msg)
    return [made[:, number].astype(np.float64) for number in range(made.shape[1])]
