"""Counts are checked once: what is none is named, and what is given is left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix

from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.topics import sparse_counts
from gpupipe.topics.counts import as_counts

DENSE = np.array([[2, 0, 1, 0], [0, 0, 0, 0], [0, 3, 0, 1]])


@pytest.mark.parametrize("make", [csr_array, csr_matrix, csc_array, coo_array])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
def test_any_format_and_dtype(make: Any, dtype: type) -> None:
    counts = as_counts(make(DENSE.astype(dtype)))
    assert np.array_equal(counts.matrix.toarray(), DENSE)
    assert counts.matrix.dtype == np.float64
    assert counts.lengths.tolist() == [3, 0, 4]
    assert counts.rows().tolist() == [0, 0, 2, 2]


def test_duplicates_add_up_and_zeros_go_and_the_input_stays() -> None:
    X = csr_array((np.array([1.0, 2.0, 0.0, 4.0]), np.array([1, 1, 0, 2]), np.array([0, 3, 4])), shape=(2, 3))
    counts = as_counts(X)
    assert counts.matrix.data.tolist() == [3.0, 4.0]
    assert X.data.tolist() == [1.0, 2.0, 0.0, 4.0]
    zero = csr_array((np.array([0.0, 1.0]), np.array([0, 1]), np.array([0, 2])), shape=(1, 2))
    assert as_counts(zero).matrix.nnz == 1
    assert zero.nnz == 2


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (-1.0, "Expected counts of 0 and more, got -1"),
        (0.5, "Expected whole numbers, got 0.5. .*before any weighting such as TF-IDF"),
        (np.nan, "Expected counts, got nan. Leave missing values out"),
        (np.inf, "Expected counts, got inf"),
    ],
)
def test_what_is_no_count(value: float, said: str) -> None:
    wrong = DENSE.astype(float)
    wrong[2, 1] = value
    with pytest.raises(UsageError, match=said):
        as_counts(csr_array(wrong))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (DENSE, r"a sparse matrix of documents x words, got ndarray\. Make one: scipy\.sparse\.csr_array"),
        ([[1, 2]], "got list"),
        (csr_array((0, 3)), r"at least one document and one word, got shape \(0, 3\)"),
        (csr_array((3, 0)), r"got shape \(3, 0\)"),
        (coo_array(np.array([1, 2])), "got coo_array"),
    ],
)
def test_what_is_no_matrix_of_counts(given: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        as_counts(given)


def test_other_words_and_other_dtypes() -> None:
    with pytest.raises(UsageError, match="Expected counts of 5 words, got 4"):
        as_counts(csr_array(DENSE), 5)
    with pytest.raises(UsageError, match="Expected counts of 5 words, got 4"):
        as_counts(as_counts(csr_array(DENSE)), 5)
    with pytest.raises(DtypeError, match="dtype complex128"):
        as_counts(csr_array(DENSE.astype(complex)))


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_blocks_are_all_documents_in_order(size: int) -> None:
    dense = np.random.default_rng(0).integers(0, 2, (40, 6))
    blocks = list(as_counts(csr_array(dense)).blocks(size))
    assert np.array_equal(np.concatenate([block.matrix.toarray() for block in blocks]), dense)
    assert np.array_equal(np.concatenate([block.lengths for block in blocks]), dense.sum(axis=1))
    assert all(block.matrix.nnz <= size or block.n_documents == 1 for block in blocks)


def test_blocks_share_the_memory_of_the_whole() -> None:
    counts = as_counts(csr_array(DENSE))
    assert all(np.shares_memory(block.matrix.data, counts.matrix.data) for block in counts.blocks(2) if block.matrix.nnz)


def test_columns_make_a_matrix() -> None:
    documents, words = DENSE.nonzero()
    turn = np.array([3, 1, 0, 2])
    made = sparse_counts(documents[turn], words[turn], DENSE[documents, words][turn], DENSE.shape)
    assert np.array_equal(made.toarray(), DENSE)


def test_columns_that_do_not_fit() -> None:
    one = np.array([0, 1])
    with pytest.raises(UsageError, match="Expected columns of one length, got 2 documents, 2 words and 1 counts"):
        sparse_counts(one, one, one[:1], (2, 2))
    with pytest.raises(UsageError, match="Expected words numbered from 0 to 0, got int64 outside that"):
        sparse_counts(one, one, one, (2, 1))
    with pytest.raises(UsageError, match="Expected documents numbered from 0 to 1"):
        sparse_counts(one - 1, one, one, (2, 2))
    with pytest.raises(UsageError, match="Expected documents numbered"):
        sparse_counts(one.astype(float), one, one, (2, 2))
