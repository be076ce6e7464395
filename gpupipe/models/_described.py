"""What reports show of a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupipe.core.errors import StageError


def describe_model(model: Any, name: str, features: Sequence[str]) -> dict[str, Any]:
    """Return the model's parameters, feature importance and training history, as the report shows them."""
    importance, kind = _importance(model, features)
    history = getattr(model, "evals_result", None)
    log = history() if callable(history) and getattr(model, "evals_result_", None) else {}
    flat = {f"{data} {metric}": [float(value) for value in values] for data, part in log.items() for metric, values in part.items()}
    parameters = {name: value for name, value in model.get_params(deep=False).items() if value is not None}
    return {
        "estimator": name,
        "parameters": {name: value if isinstance(value, int | float | str | bool) else repr(value) for name, value in parameters.items()},
        "features": list(features),
        "importance": importance,
        "importance_kind": kind,
        "history": {name.replace("validation_0", "validation"): values for name, values in flat.items()},
    }


def _importance(model: Any, features: Sequence[str]) -> tuple[list[list[Any]] | None, str | None]:
    """Return each feature's importance, highest first, and what it is."""
    try:
        values = getattr(model, "feature_importances_", None)
    except (AttributeError, ValueError, StageError):  # XGBoost's linear booster has none
        values = None
    kind = getattr(model, "importance_type", None) or "gain"
    if values is None:
        coefficients = getattr(model, "coef_", None)
        if coefficients is None or np.size(coefficients) % len(features):
            return None, None
        values, kind = np.abs(np.asarray(coefficients)).reshape(-1, len(features)).mean(axis=0), "absolute coefficient"
    pairs = sorted(zip(features, (float(value) for value in values), strict=True), key=lambda pair: -pair[1])
    return [[name, value] for name, value in pairs], kind
