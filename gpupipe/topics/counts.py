"""Counts of words in documents: a sparse matrix in CSR form, checked once, and gone through a block of documents at a time.

Its own library does the products: SciPy for one on the host, CuPy for one on a device. Nothing here makes it dense.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.core.errors import DtypeError, MissingExtraError, UsageError
from gpupipe.tensors._arrays import array_module

_HOST_BLOCK, _DEVICE_BLOCK = 1 << 19, 1 << 26  # counts in a block of documents


@dataclass(frozen=True, eq=False)
class Counts:
    """Documents as rows of words' counts.

    Parameters
    ----------
    matrix
        [n_documents, n_words] CSR of float64 with whole numbers above zero, each word of a document once, in order; see `as_counts`.
    lengths
        [n_documents] the number of words of each document, float64.
    """

    matrix: Any
    lengths: Any

    @property
    def xp(self) -> Any:
        """The array library of the counts."""
        return array_module(self.matrix.data)

    @property
    def n_documents(self) -> int:
        """The number of documents."""
        return int(self.matrix.shape[0])

    @property
    def n_words(self) -> int:
        """The number of words of the vocabulary."""
        return int(self.matrix.shape[1])

    def with_values(self, values: Any) -> Any:
        """Return a matrix of other values at the same places."""
        return type(self.matrix)((values, self.matrix.indices, self.matrix.indptr), shape=self.matrix.shape)

    def rows(self) -> Any:
        """Return the document of each value."""
        xp, starts = self.xp, self.matrix.indptr
        if xp is np:
            return np.repeat(np.arange(self.n_documents), np.diff(starts))
        return xp.searchsorted(starts[1:], xp.arange(len(self.matrix.data), dtype=starts.dtype), side="right")

    def part(self, start: int, stop: int) -> Counts:
        """Return the documents from `start` to before `stop`; nothing is copied."""
        matrix = self.matrix
        first, last = (int(matrix.indptr[at]) for at in (start, stop))
        held = (matrix.data[first:last], matrix.indices[first:last], matrix.indptr[start : stop + 1] - first)
        return Counts(type(matrix)(held, shape=(stop - start, self.n_words)), self.lengths[start:stop])

    def blocks(self, n_values: int = 0) -> Iterator[Counts]:
        """Yield the documents in order, blocks of about that many counts, and a document at least."""
        size = n_values or (_HOST_BLOCK if self.xp is np else _DEVICE_BLOCK)
        starts = self.matrix.indptr if self.xp is np else self.matrix.indptr.get()
        start = 0
        while start < self.n_documents:
            stop = max(start + 1, int(np.searchsorted(starts[1:], int(starts[start]) + size, side="right")))
            yield self.part(start, stop)
            start = stop


def as_counts(X: Any, n_words: int | None = None) -> Counts:
    """Return counts of a sparse matrix [n_documents, n_words] of SciPy's or CuPy's, in any format; duplicates are added up.

    Parameters
    ----------
    X
        Whole numbers, none below zero, in any dtype of real numbers.
    n_words
        How many words there must be.

    Raises
    ------
    UsageError
        It is no sparse matrix, has no rows or columns or others than expected, or a count is negative, no whole number or not finite.
    DtypeError
        It has no real numbers.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> as_counts(csr_array(np.array([[2, 0, 1], [0, 0, 4]]))).lengths
    array([3., 4.])
    """
    if isinstance(X, Counts):
        _require_words(X.n_words, n_words)
        return X
    if not hasattr(X, "tocsr") or len(X.shape) != 2:
        msg = (
            f"Expected counts as a sparse matrix of documents x words, got {type(X).__name__}. "
            "Make one: scipy.sparse.csr_array(...), or sparse_counts(documents, words, counts, shape)."
        )
        raise UsageError(msg)
    if 0 in X.shape:
        msg = f"Expected counts of at least one document and one word, got shape {tuple(X.shape)}."
        raise UsageError(msg)
    _require_words(X.shape[1], n_words)
    if X.dtype.kind not in "fiub":
        msg = f"Expected counts of real numbers, got dtype {X.dtype}. Cast them to float64."
        raise DtypeError(msg)
    matrix = X.tocsr()
    if matrix.dtype != np.float64:
        matrix = matrix.astype(np.float64)
    if not matrix.has_canonical_format:
        matrix = matrix.copy() if matrix is X else matrix
        matrix.sum_duplicates()
    _require_counts(matrix.data)
    if not bool((matrix.data > 0).all()):
        matrix = matrix.copy() if matrix is X else matrix
        matrix.eliminate_zeros()
    xp = array_module(matrix.data)
    return Counts(matrix, xp.asarray(matrix.sum(axis=1)).reshape(-1))


def _require_words(found: int, expected: int | None) -> None:
    if expected is not None and found != expected:
        msg = f"Expected counts of {expected} words, got {found}. Number the words by one vocabulary everywhere."
        raise UsageError(msg)


def _require_counts(values: Any) -> None:
    """Raise where a value is no count: the first one is named."""
    xp = array_module(values)
    wrong = ~((values >= 0) & (xp.floor(values) == values) & (values < np.inf))
    if not bool(wrong.any()):
        return
    value = float(values[wrong][0])
    if not np.isfinite(value):
        msg = f"Expected counts, got {value}. Leave missing values out."
    elif value < 0:
        msg = f"Expected counts of 0 and more, got {value:g}. Counts of words cannot be negative."
    else:
        msg = (
            f"Expected whole numbers, got {value:g}. The moments take pairs of a word with itself off the counts, which is right for "
            "counts alone: give them before any weighting such as TF-IDF."
        )
    raise UsageError(msg)


def sparse_counts(documents: Any, words: Any, counts: Any, shape: tuple[int, int]) -> Any:
    """Return the CSR matrix of columns (document, word, count), the numbers of one place added up.

    Parameters
    ----------
    documents, words
        [n] whole numbers from 0 on, arrays of NumPy or of CuPy.
    counts
        [n].
    shape
        How many documents and words there are.

    Raises
    ------
    UsageError
        The columns differ in length, or a number is outside the shape.
    MissingExtraError
        SciPy is not installed, and the columns are NumPy's.

    Examples
    --------
    >>> sparse_counts(np.array([1, 0, 1]), np.array([2, 0, 2]), np.array([1, 3, 1]), (2, 3)).toarray()
    array([[3, 0, 0],
           [0, 0, 2]])
    """
    xp = array_module(documents)
    if not len(documents) == len(words) == len(counts):
        msg = f"Expected columns of one length, got {len(documents)} documents, {len(words)} words and {len(counts)} counts."
        raise UsageError(msg)
    for name, numbers, size in (("document", documents, shape[0]), ("word", words, shape[1])):
        if numbers.dtype.kind not in "iu" or (len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < size):
            msg = f"Expected {name}s numbered from 0 to {size - 1}, got {numbers.dtype} outside that."
            raise UsageError(msg)
    if xp is not np:
        from cupyx.scipy.sparse import csr_matrix  # local: only on a device

        return csr_matrix((counts.astype(xp.float64), (documents, words)), shape=shape)
    try:
        from scipy.sparse import csr_array  # type: ignore[import-untyped]  # local: only who has columns needs SciPy for them
    except ImportError as error:
        raise MissingExtraError.of(f"Sparse matrices need {error.name}", "cpu") from error
    return csr_array((counts, (documents, words)), shape=shape)
