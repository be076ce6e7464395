"""Whether a fitted estimator of scikit-learn is sound: its compiled trees follow the indices in them without looking.

skops checks which types a file makes, and not what is in them; for that reason it does not trust these by itself
(``UNTRUSTED_TYPE_REASONS`` in ``skops.io.exceptions``). Here they are trusted, once each index in them has been looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

# Estimators that hand rows as wide as their own `n_features_in_` to their trees without asking these.
_OWNERS = ("sklearn.tree.", "sklearn.ensemble._forest", "sklearn.ensemble._gb", "sklearn.ensemble._iforest", "sklearn.ensemble._hist")


def check_model(model: Any) -> None:
    """Raise ValueError where a compiled part of an estimator would be led out of its memory."""
    for part, width in _parts(model, None, {}):
        name = type(part).__name__
        if name == "Tree":
            _need(width is None or part.n_features <= width, "the width of a decision tree")
            _check_tree(part.__getstate__()["nodes"], part.n_features)
        elif name == "TreePredictor":
            _check_predictor(part, width)
        elif name in ("KDTree", "BallTree"):
            _check_neighbours(part.__getstate__(), 2 if name == "KDTree" else 1)
        elif name == "BSpline":
            type(part)(part.t, part.c, part.k)  # its constructor asks all that its evaluation relies on


def _parts(value: Any, width: int | None, seen: dict[int, Any]) -> Iterator[tuple[Any, int | None]]:
    """Yield every object that a value holds, with the number of features of the estimator whose tree it is."""
    if value is None or isinstance(value, bool | int | float | str | bytes) or id(value) in seen:
        return
    seen[id(value)] = value
    if isinstance(value, np.ndarray):
        inner: Any = value.flat if value.dtype.hasobject else ()
    elif isinstance(value, Mapping):
        inner = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        inner = value
    else:
        held = getattr(value, "__dict__", {})
        if type(value).__module__.startswith(_OWNERS) and isinstance(held.get("n_features_in_"), int):
            width = held["n_features_in_"] if width is None else min(width, held["n_features_in_"])
        yield value, width
        inner = held.values()
    for one in inner:
        yield from _parts(one, width, seen)


def _need(sound: Any, what: str) -> None:
    """Raise where something is not sound."""
    if not sound:
        msg = f"{what} cannot be so"
        raise ValueError(msg)


def _check_tree(nodes: Any, n_features: int) -> None:
    """Raise unless each node of a decision tree leads to later ones, and asks for a feature that there is."""
    places = np.arange(len(nodes))
    left, right = nodes["left_child"], nodes["right_child"]
    inner = left != -1
    later = (left > places) & (left < len(nodes)) & (right > places) & (right < len(nodes))
    _need(len(nodes) and np.all(later[inner]) and np.all(right[~inner] == -1), "the children in a decision tree")
    asked = nodes["feature"][inner]
    _need(np.all((asked >= 0) & (asked < n_features)), "the features that a decision tree asks for")


def _check_predictor(part: Any, width: int | None) -> None:
    """Raise unless each node of a tree over histograms leads to later ones, and asks for a feature and categories that there are."""
    nodes = part.nodes
    places, inner = np.arange(len(nodes)), nodes["is_leaf"] == 0
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    later = (left > places) & (left < len(nodes)) & (right > places) & (right < len(nodes))
    _need(len(nodes) and np.all(later[inner]), "the children in a tree over histograms")
    asked = nodes["feature_idx"][inner]
    _need(width is not None and np.all((asked >= 0) & (asked < width)), "the features that a tree over histograms asks for")
    sets = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    for held in (part.raw_left_cat_bitsets, part.binned_left_cat_bitsets):
        _need(held.ndim == 2 and held.shape[1] == 8 and np.all(sets < len(held)), "the categories of a tree over histograms")


def _check_neighbours(state: Any, n_bounds: int) -> None:
    """Raise unless the nodes of a tree of neighbours part its rows among them."""
    data, order, nodes, bounds, leaf_size, n_levels, n_nodes, *_, distance, weights = state
    n_rows, places = len(data), np.arange(len(nodes))
    _need(
        data.ndim == 2 and n_rows and leaf_size >= 1 and sorted(order.tolist()) == list(range(n_rows)), "the rows of a tree of neighbours"
    )
    _need(0 < n_levels < 63 and len(nodes) == n_nodes == 2**n_levels - 1, "the size of a tree of neighbours")
    starts, ends, is_leaf = nodes["idx_start"], nodes["idx_end"], nodes["is_leaf"]
    _need(np.all((starts >= 0) & (starts <= ends) & (ends <= n_rows)), "the nodes of a tree of neighbours")
    _need(np.all(is_leaf[2 * places + 1 >= n_nodes] == 1), "the leaves of a tree of neighbours")
    _need(bounds.shape == (n_bounds, n_nodes, data.shape[1]), "the bounds of a tree of neighbours")
    _need(type(distance).__name__ in ("EuclideanDistance64", "ManhattanDistance64", "ChebyshevDistance64"), "the distance of neighbours")
    _need(weights is None or len(weights) == n_rows, "the weights of a tree of neighbours")
