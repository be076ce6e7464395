"""Classes that no block knows all of."""

from __future__ import annotations

import numpy as np
import pytest

from gpupipe.engines._mergeable.labels import count_labels, merge_labels, positions_of, require_classes, spread, unite


@pytest.mark.parametrize(
    ("first", "second"),
    [(["a", "c"], ["b", "c", "c"]), ([True], [False, True]), ([3, 1], [2]), (np.array(["x"], dtype=object), np.array([], dtype=object))],
)
def test_counts_of_parts_are_counts_of_the_whole(first: list[object], second: list[object]) -> None:
    parts = [count_labels(np.asarray(labels), np.arange(1.0, len(labels) + 1)) for labels in (first, second)]
    empty = count_labels(np.zeros(0), np.zeros(0))
    merged = merge_labels([empty, *parts, empty])
    whole, counts = np.unique(np.asarray([*first, *second]), return_inverse=True)
    weights = np.concatenate([np.arange(1.0, len(first) + 1), np.arange(1.0, len(second) + 1)])
    assert merged["classes"].tolist() == whole.tolist()
    assert merged["classes"].dtype == np.asarray(first).dtype
    assert merged["class_weight"].tolist() == np.bincount(counts, weights=weights).tolist()


def test_rows_of_each_class_find_their_place_among_all() -> None:
    parts = [{"classes": np.array(["c", "d"])}, {"classes": np.array(["a"])}, {"classes": np.array([])}]
    classes, where = unite(parts)
    assert classes.tolist() == ["a", "c", "d"]
    assert spread(np.array([[1.0], [2.0]]), where[0], 3).tolist() == [[0.0], [1.0], [2.0]]
    assert where[2].tolist() == []


def test_positions_among_many_classes_and_among_few() -> None:
    many = np.arange(40) * 2
    assert positions_of(np.array([78, 0, 4]), many).tolist() == [39, 0, 2]
    with pytest.raises(ValueError, match=r"labels that were not there in the pass before: \['z'\]"):
        positions_of(np.array(["a", "z"]), np.array(["a", "b"]))


def test_fractions_are_no_classes_and_many_whole_numbers_are() -> None:
    require_classes(np.arange(100))
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        require_classes(np.array([0.5, 1.5]))
