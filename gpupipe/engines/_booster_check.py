"""Whether a model of XGBoost is sound: XGBoost checks part of it, and follows wrong indices out of its memory otherwise.

Source: the fields are those of XGBoost's ``doc/model.schema`` and of ``RegTree::LoadModel`` and ``GBTreeModel::LoadModel``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gpupipe.engines._ubj import read_ubj

MAX_CATEGORY = 1 << 24  # XGBoost's own limit
MAX_GROUPS = 1 << 20
_BY_NODE = (
    *("base_weights", "default_left", "left_children", "loss_changes", "parents", "right_children"),
    *("split_conditions", "split_indices", "split_type", "sum_hessian"),
)
_TREE = {*_BY_NODE, "categories", "categories_nodes", "categories_segments", "categories_sizes", "id", "tree_param"}


def check_booster(content: bytes) -> None:
    """Raise ValueError unless the bytes are a model in UBJ whose parts fit one another."""
    model = read_ubj(content)
    _need(isinstance(model, dict) and set(model) <= {"learner", "version"}, "what it is")
    version = model["version"]
    _need(isinstance(version, list) and len(version) == 3 and all(isinstance(part, int) for part in version), "its version")
    learner = model["learner"]
    parameters = learner["learner_model_param"]
    _need(_is_text(parameters) and _is_text(learner["attributes"]), "its parameters")
    n_features = _number(parameters, "num_feature", 1 << 31)
    n_groups = max(1, _number(parameters, "num_class", MAX_GROUPS), _number(parameters, "num_target", MAX_GROUPS))
    for name in ("feature_names", "feature_types"):
        told = learner[name]
        _need(isinstance(told, list) and all(isinstance(one, str) for one in told) and len(told) in (0, n_features), name)
    _need(_is_objective(learner["objective"]), "its objective")
    _check_gradient_booster(learner["gradient_booster"], n_features, n_groups)


def _need(sound: bool, what: str) -> None:
    """Raise where something is not sound."""
    if not sound:
        msg = f"{what} cannot be so"
        raise ValueError(msg)


def _is_text(given: Any) -> bool:
    """Whether it is a mapping of texts."""
    return isinstance(given, dict) and all(isinstance(value, str) for value in given.values())


def _is_objective(given: Any) -> bool:
    """Whether it is a name, and parameters as texts."""
    named = isinstance(given, dict) and isinstance(given.get("name"), str)
    return named and all(isinstance(value, str) or _is_text(value) for value in given.values())


def _number(parameters: Mapping[str, str], name: str, limit: int) -> int:
    """Return a parameter that is a whole number below the limit."""
    text = parameters.get(name, "0")
    _need(len(text) <= 10 and text.isascii() and text.isdigit() and int(text) < limit, name)
    return int(text)


def _check_gradient_booster(given: Any, n_features: int, n_groups: int) -> None:
    """Raise unless the trees, or the weights of a linear model, fit the features and the groups."""
    kind = given["name"]
    if kind == "gblinear":
        _need(set(given) == {"name", "model"} and set(given["model"]) <= {"boosted_rounds", "weights"}, "its linear model")
        weights = _array(given["model"]["weights"], "f")
        _need(len(weights) == (n_features + 1) * n_groups, "the number of weights")
    elif kind == "dart":
        _need(set(given) == {"name", "gbtree", "weight_drop"} and given["gbtree"]["name"] == "gbtree", "its trees")
        n_trees = _check_trees(given["gbtree"]["model"], n_features, n_groups)
        _need(len(_array(given["weight_drop"], "f")) == n_trees, "the weights of its trees")
    else:
        _need(kind == "gbtree" and set(given) == {"name", "model"}, "the kind of its booster")
        _check_trees(given["model"], n_features, n_groups)


def _array(given: Any, kinds: str) -> np.ndarray[Any, Any]:
    """Return an array of one of the kinds of numbers; a list of numbers is one."""
    if isinstance(given, list):
        _need(all(type(one) in (int, float) for one in given), "a list of numbers")
        given = np.array(given, dtype=np.float64 if "f" in kinds else np.int64)
    _need(isinstance(given, np.ndarray) and given.dtype.kind in kinds, "an array")
    return np.asarray(given)


def _check_trees(model: Any, n_features: int, n_groups: int) -> int:
    """Return the number of trees, after looking at each."""
    _need(set(model) <= {"cats", "gbtree_model_param", "iteration_indptr", "tree_info", "trees"}, "its trees")
    cats = model.get("cats", {})
    _need(isinstance(cats, dict) and all(len(part) == 0 for part in cats.values()), "its table of categories")
    trees, groups = model["trees"], _array(model["tree_info"], "iu")
    _need(isinstance(trees, list) and _is_text(model["gbtree_model_param"]), "its trees")
    n_trees = _number(model["gbtree_model_param"], "num_trees", 1 << 31)
    _number(model["gbtree_model_param"], "num_parallel_tree", 1 << 20)
    _need(len(trees) == n_trees == len(groups) and bool(np.all((groups >= 0) & (groups < n_groups))), "the number of its trees")
    bounds = _array(model["iteration_indptr"], "iu")
    rising = len(bounds) > 0 and bounds[0] == 0 and bounds[-1] == n_trees and bool(np.all(np.diff(bounds) >= 0))
    _need(rising, "the bounds of its rounds")
    for number, tree in enumerate(trees):
        _need(isinstance(tree, dict) and tree.get("id") == number, "a tree's number")
        _check_tree(tree, n_features, n_groups)
    return n_trees


def _check_tree(tree: Mapping[str, Any], n_features: int, n_groups: int) -> None:
    """Raise unless each node of a tree but the first is the child of one other, and asks for a feature that there is."""
    _need(set(tree) - {"leaf_weights"} == _TREE and _is_text(tree["tree_param"]), "a tree's fields")
    n_nodes = _number(tree["tree_param"], "num_nodes", 1 << 31)
    width = _number(tree["tree_param"], "size_leaf_vector", MAX_GROUPS)
    _need(n_nodes > 0 and _number(tree["tree_param"], "num_feature", 1 << 31) == n_features, "a tree's size")
    _need(width <= 1 or width == n_groups, "the width of a tree's leaves")
    by_node = {name: _array(tree[name], "iuf") for name in _BY_NODE}
    several = max(1, width)
    _need(all(len(values) == n_nodes * (several if name == "base_weights" else 1) for name, values in by_node.items()), "a tree's size")
    left, right = by_node["left_children"].astype(np.int64), by_node["right_children"].astype(np.int64)
    inner, leaves = np.flatnonzero(left != -1), right[left == -1]
    if width > 1:  # a leaf's right child is its place among the leaves' vectors
        n_leaves = len(_array(tree["leaf_weights"], "f")) // width
        _need(bool(np.all((leaves >= 0) & (leaves < n_leaves))), "the vectors of a tree's leaves")
    else:
        _need(bool(np.all(leaves == -1)) and "leaf_weights" not in tree, "a tree's leaves")
    children = np.concatenate([left[inner], right[inner]])
    inside = bool(np.all((children > 0) & (children < n_nodes))) and len(np.unique(children)) == len(children)
    _need(inside and bool(np.all(by_node["parents"][children] == np.concatenate([inner, inner]))), "a tree's children")
    asked = by_node["split_indices"][inner]
    _need(bool(np.all((asked >= 0) & (asked < n_features))), "the features that a tree asks for")
    _need(bool(np.all(np.isin(by_node["split_type"], (0, 1)))), "the kind of a split")
    _check_categories(tree, n_nodes, np.flatnonzero(by_node["split_type"] == 1))


def _check_categories(tree: Mapping[str, Any], n_nodes: int, splitting: np.ndarray[Any, Any]) -> None:
    """Raise unless the nodes that split by categories have theirs."""
    categories, nodes = _array(tree["categories"], "iu"), _array(tree["categories_nodes"], "iu")
    starts, sizes = (_array(tree[f"categories_{name}"], "iu") for name in ("segments", "sizes"))
    _need(len(nodes) == len(starts) == len(sizes) and bool(np.all((nodes >= 0) & (nodes < n_nodes))), "a tree's categories")
    _need(bool(np.all(np.diff(nodes) > 0)) and bool(np.all(np.isin(splitting, nodes))), "the nodes of a tree's categories")
    _need(bool(np.all((starts >= 0) & (sizes > 0) & (sizes <= len(categories)))), "a tree's categories")
    _need(bool(np.all(starts + sizes <= len(categories))), "the bounds of a tree's categories")
    _need(bool(np.all((categories >= 0) & (categories < MAX_CATEGORY))), "a category")
