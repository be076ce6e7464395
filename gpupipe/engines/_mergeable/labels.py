"""Classes that no block knows all of: each block names those it saw, in sorted order, and merging unites them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from gpupipe.engines._mergeable.contract import Array, Part

FEW = 16


def positions_of(labels: Array, classes: Array) -> Array:
    """Return each label's position among the classes, which are sorted.

    Raises
    ------
    ValueError
        A label is none of the classes.

    Examples
    --------
    >>> positions_of(np.array(["b", "a", "b"]), np.array(["a", "b"])).tolist()
    [1, 0, 1]
    """
    if len(labels) == 0:
        return np.zeros(0, np.intp)
    if len(classes) > FEW:
        return np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    positions = np.full(len(labels), -1)
    for number, value in enumerate(classes):  # on strings far quicker than a search in each row
        positions[labels == value] = number
    if (positions < 0).any():
        msg = f"y has labels that were not there in the pass before: {np.unique(labels[positions < 0])}"
        raise ValueError(msg)
    return positions


def unite(parts: Sequence[Part]) -> tuple[Array, list[Array]]:
    """Return the sorted classes of all parts, and where each part's classes stand among them."""
    named = [part["classes"] for part in parts if len(part["classes"])]
    classes = np.unique(np.concatenate(named)) if named else np.zeros(0)
    return classes, [_standing(part["classes"], classes) for part in parts]


def _standing(own: Array, classes: Array) -> Array:
    """Return where the classes of a part stand among all; of none, whatever their dtype, nowhere."""
    return np.asarray(np.searchsorted(classes, own)) if len(own) else np.zeros(0, np.intp)


def spread(values: Array, positions: Array, n_classes: int) -> Array:
    """Return rows of values, one a class, at their positions among all classes; zeros for the classes a part has not."""
    spread_out = np.zeros((n_classes, *values.shape[1:]), values.dtype)
    spread_out[positions] = values
    return spread_out


def sums_by_class(positions: Array, n_classes: int, weight: Array) -> Array:
    """Return the weight of each class."""
    return np.bincount(positions, weights=weight, minlength=n_classes).astype(np.float64)


def require_classes(classes: Array) -> None:
    """Raise what scikit-learn raises where the target is no set of classes, such as fractions."""
    check_classification_targets(np.repeat(classes, 3))


def count_labels(labels: Array, weight: Array) -> dict[str, Any]:
    """Return the classes of a block and the weight of each."""
    classes, positions = np.unique(labels, return_inverse=True)
    return {"classes": classes, "class_weight": sums_by_class(positions, len(classes), weight), "n_rows": np.int64(len(labels))}


def merge_labels(parts: Sequence[Part]) -> dict[str, Any]:
    """Return the classes of all parts and the weight of each."""
    classes, where = unite(parts)
    spread_out = [spread(part["class_weight"], at, len(classes)) for part, at in zip(parts, where, strict=True)]
    return {"classes": classes, "class_weight": np.sum(spread_out, axis=0), "n_rows": sum(part["n_rows"] for part in parts)}
