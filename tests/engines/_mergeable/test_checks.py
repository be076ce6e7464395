"""Checks of one block, in scikit-learn's words."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from gpupipe.engines._mergeable.checks import CHUNK, checked_features, checked_labels, checked_numbers, checked_weight, chunks, require_rows


def test_a_block_of_no_rows_is_fine_and_one_of_other_columns_is_not() -> None:
    assert checked_features(Ridge(), np.zeros((0, 3)), 3).shape == (0, 3)
    with pytest.raises(ValueError, match="X has 2 features, but Ridge is expecting 3 features as input"):
        checked_features(Ridge(), np.zeros((1, 2)), 3)


def test_targets_and_weights_are_one_for_each_row() -> None:
    assert checked_weight(Ridge(), None, 3).tolist() == [1.0, 1.0, 1.0]
    assert checked_labels(Ridge(), np.array(["a", "b"]), 2).tolist() == ["a", "b"]
    for check in (checked_numbers, checked_labels, checked_weight):
        with pytest.raises(ValueError, match="for each of 3 rows, got an array of shape"):
            check(Ridge(), np.ones(2), 3)


def test_chunks_cover_the_rows_once_and_widen_floats() -> None:
    rows = np.arange(2 * CHUNK + 1, dtype=np.float32)[:, None]
    parts = list(chunks(rows, np.arange(len(rows))))
    assert [len(part) for part, _ in parts] == [CHUNK, CHUNK, 1]
    assert {part.dtype for part, _ in parts} == {np.dtype(np.float64)}
    assert np.concatenate([numbers for _, numbers in parts]).tolist() == list(range(len(rows)))


def test_rows_are_required_whatever_lies_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numpy.empty", lambda shape, *given, **more: np.full(shape, np.nan))
    require_rows(Ridge(), 5, 2)
    with pytest.raises(ValueError, match=r"Found array with 0 sample"):
        require_rows(Ridge(), 0, 2)
