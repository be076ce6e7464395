"""What a stage says of its result in a report, as it is read back from a checkpoint: held to its form before it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gpupipe.report.cards import is_card


def is_description(given: Any) -> bool:
    """Whether it is what a stage says of its result (``facts``, ``models``, ``curves``, ``cards``), as it is read back.

    Examples
    --------
    >>> is_description({"curves": [{"kind": "roc", "x": [0.0], "y": [1.0], "auc": 0.5}]}), is_description({"curves": [{"kind": 3}]})
    (True, False)
    """
    if not isinstance(given, Mapping) or not set(given) <= {"facts", "models", "curves", "cards"} or not _are_facts(given.get("facts", {})):
        return False
    parts = [given.get(name, ()) for name in ("models", "curves", "cards")]
    if not all(isinstance(part, list | tuple) and all(isinstance(one, Mapping) for one in part) for part in parts):
        return False
    return all(map(_is_model, parts[0])) and all(map(_is_curve, parts[1])) and all(map(is_card, parts[2]))


def _are_facts(given: Any) -> bool:
    """Whether it is plain values by name."""
    return isinstance(given, Mapping) and all(
        isinstance(name, str) and (value is None or isinstance(value, bool | int | float | str)) for name, value in given.items()
    )


def _are_numbers(given: Any) -> bool:
    """Whether it is a sequence of numbers, some of which may be missing."""
    return isinstance(given, list | tuple) and all(one is None or isinstance(one, int | float) for one in given)


def _is_curve(curve: Mapping[str, Any]) -> bool:
    """Whether a curve has what its drawing needs."""
    along = all(_are_numbers(curve.get(axis)) for axis in ("x", "y"))
    return along and isinstance(curve.get("kind"), str) and _are_numbers([curve.get("auc")])


def _is_model(model: Mapping[str, Any]) -> bool:
    """Whether a model has what its part of a page needs."""
    features, importance = model.get("features") or (), model.get("importance") or ()
    history, parameters = model.get("history") or {}, model.get("parameters") or {}
    named = isinstance(model.get("estimator"), str) and isinstance(parameters, Mapping) and isinstance(features, list | tuple)
    pairs = isinstance(importance, list | tuple) and all(isinstance(one, list | tuple) and len(one) == 2 for one in importance)
    return named and pairs and _are_numbers([one[1] for one in importance]) and isinstance(history, Mapping) and _are_rounds(history)


def _are_rounds(history: Mapping[Any, Any]) -> bool:
    """Whether a training's history is numbers by name."""
    return all(isinstance(name, str) and _are_numbers(values) for name, values in history.items())
