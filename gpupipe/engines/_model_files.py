"""Estimators as files without pickle: XGBoost's own UBJ, and skops for scikit-learn, from trusted types alone."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gpupipe.core.errors import ArtefactError, MissingExtraError, listing
from gpupipe.engines._estimators import is_xgboost

TRUSTED = ("sklearn.", "numpy.", "scipy.", "builtins.", "collections.")


def save_model(model: Any, folder: Path) -> dict[str, Any]:
    """Return what `load_model` needs to know of the estimator that is written into the folder.

    A model that lives on a device is written as the estimator that predicts the same without one.

    Raises
    ------
    ArtefactError
        Where the estimator holds something that skops cannot write.
    """
    if callable(getattr(model, "portable", None)):
        model = model.portable()
    kind = type(model)
    if is_xgboost(model):
        model.save_model(folder / "model.ubj")
        parameters = {name: value for name, value in model.get_params().items() if _is_plain(value) and name != "device"}
        return {"file": "model.ubj", "class": f"{kind.__module__}:{kind.__qualname__}", "parameters": parameters}
    try:
        _skops().dump(model, folder / "model.skops")
    except (TypeError, ValueError, AttributeError) as error:
        msg = f"{kind.__name__} cannot be written without pickle: {error}. Use an estimator of scikit-learn or XGBoost."
        raise ArtefactError(msg) from error
    return {"file": "model.skops", "class": f"{kind.__module__}:{kind.__qualname__}"}


def _is_plain(value: Any) -> bool:
    """Whether JSON gives the value back as it is."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False


def _skops() -> Any:
    """Return skops.io, or say how to install it."""
    try:
        return importlib.import_module("skops.io")
    except ImportError as error:
        msg = "Saving and loading scikit-learn's estimators needs skops, which is not installed. Run: pip install 'gpupipe[cpu]'"
        raise MissingExtraError(msg) from error


def load_model(folder: Path, facts: dict[str, Any], trusted: Sequence[str]) -> Any:
    """Return the estimator written by `save_model`.

    Parameters
    ----------
    trusted
        Types beyond those of scikit-learn, NumPy and SciPy that may be made.
    """
    file = folder / str(facts["file"])
    if file.suffix == ".ubj":
        module, _, name = str(facts["class"]).partition(":")
        if not module.startswith("xgboost."):
            msg = f"Expected an estimator of XGBoost in {file}, got {facts['class']!r}."
            raise ArtefactError(msg)
        try:
            model = getattr(importlib.import_module(module), name)(**facts["parameters"])
        except ImportError as error:
            msg = "Loading this model needs XGBoost, which is not installed. Run: pip install 'gpupipe[cpu]'"
            raise MissingExtraError(msg) from error
        model.load_model(file)
        return model
    skops = _skops()
    strange = [name for name in skops.get_untrusted_types(file=file) if not name.startswith(TRUSTED) and name not in trusted]
    if strange:
        msg = f"{file} holds types that are not trusted: {listing(strange)}. If you know where it comes from, pass them as trusted."
        raise ArtefactError(msg)
    return skops.load(file, trusted=skops.get_untrusted_types(file=file))
