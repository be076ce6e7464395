"""Rows of documents, words and counts as a sparse matrix whose columns are known words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core._cells import Cells
from gpupipe.core.errors import StageError
from gpupipe.core.tools import Tools
from gpupipe.topics.counts import sparse_counts


@dataclass(frozen=True, eq=False)
class Words:
    """Documents as rows of a sparse matrix.

    Parameters
    ----------
    documents
        A frame of the documents, each once, in ascending order.
    known
        A frame of one column, the words in the order of the matrix's columns.
    matrix
        [n_documents, n_words] CSR.
    places
        Of each row of the table of documents that was given, its row of the matrix.
    n_left_out
        How many rows are of words, or of documents, that are not known.
    """

    documents: nw.DataFrame[Any]
    known: nw.DataFrame[Any]
    matrix: Any
    places: Any
    n_left_out: int

    def tell(self, tools: Tools, what: str) -> None:
        """Tell the report of rows that were left out, where there are some."""
        if self.n_left_out:
            tools.note(**{what: self.n_left_out})


def read_words(tools: Tools, rows: nw.DataFrame[Any], cells: Cells, known: Any, stage: str, documents: nw.DataFrame[Any] | None) -> Words:
    """Return the documents of rows, or those of a table, with the known words; None for `known` are the words of the rows.

    Raises
    ------
    StageError
        Something is missing, a count is not finite, a document stands in the table twice, or there is nothing to read.
    """
    xp, values = tools.xp, _values(tools, rows, cells, stage)
    of_rows = (rows, [cells.document])
    coded = tools.coded(of_rows) if documents is None else tools.coded((_once(documents, cells, stage), [cells.document]), of_rows)
    words = tools.coded((rows, [cells.word])) if known is None else tools.coded((known, known.columns), (rows, [cells.word]))
    column = words.numbers[-1]
    if known is None:
        known = words.keys
    else:
        place_of = xp.full(len(words.keys), -1, dtype=xp.int64)
        place_of[words.numbers[0]] = xp.arange(len(known))
        column = place_of[column]
    row, keys, places = coded.numbers[-1], coded.keys, None
    if documents is not None:
        listed = xp.full(len(keys), -1, dtype=xp.int64)
        ranks = xp.sort(coded.numbers[0])
        listed[ranks] = xp.arange(len(ranks))
        row, places = listed[row], host(listed[coded.numbers[0]])
        keys = documents.select(cells.document).sort(cells.document)
    held = (column >= 0) & (row >= 0)
    small = xp.int32 if max(len(keys), len(known), len(values)) < 2**31 else xp.int64  # liblinear and others take no wider ones
    matrix = sparse_counts(row[held].astype(small), column[held].astype(small), values[held], (len(keys), len(known)))
    return Words(keys, known, matrix, places, int((~held).sum()))


def _once(documents: nw.DataFrame[Any], cells: Cells, stage: str) -> nw.DataFrame[Any]:
    """Return the documents of a table, or raise StageError where one is missing or there twice."""
    column = documents[cells.document]
    missing = int(column.null_count())
    twice = 0 if missing else len(column) - int(column.n_unique())
    if missing or twice:
        got = f"{missing} missing" if missing else f"{twice} of {len(column)} a second time"
        msg = f"{stage} expects a table with each document once, got {got} in {cells.document!r}. Drop those rows."
        raise StageError(msg)
    return documents


def _values(tools: Tools, rows: nw.DataFrame[Any], cells: Cells, stage: str) -> Any:
    """Return the counts as floats, or raise StageError where something is missing or not finite."""
    cells.require_present(rows, stage)
    values = tools.array(rows, cells.count).astype(float)
    wrong = tools.xp.flatnonzero(~tools.xp.isfinite(values))
    if len(wrong):
        msg = f"{stage} expects counts that are finite, got {float(values[wrong[0]])} and {len(wrong) - 1} more. Drop those rows."
        raise StageError(msg)
    return values


def host(array: Any) -> Any:
    """Return an array or a sparse matrix in the host's memory, where scikit-learn works."""
    return array.get() if hasattr(array, "get") else array
