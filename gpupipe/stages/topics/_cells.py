"""Tables of documents, words and counts, as `Tokenize` gives them, read as sparse matrices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core._cells import Cells
from gpupipe.core.errors import DtypeError, StageError, UsageError
from gpupipe.core.schema import Schema
from gpupipe.core.tools import Tools
from gpupipe.topics import sparse_counts


class TopicCells(Cells):
    """The columns that topics are of."""

    def require_words(self, schema: Schema, known: Any, stage: str) -> None:
        """Raise DtypeError unless words have the dtype that they had in the fit."""
        self.check(schema, stage)
        if schema[self.word].dtype != known:
            msg = f"Topics was fitted with {known} in {self.word!r}, got {schema[self.word].dtype} in {stage}. Cast it first."
            raise DtypeError(msg)

    def require_whole(self, tools: Tools, frame: nw.DataFrame[Any], stage: str) -> Any:
        """Return the counts as an array.

        Raises
        ------
        StageError
            Something is missing, or a count is negative, no whole number or not finite; the first one is named with its place.
        """
        self.require_present(frame, stage)
        xp, values = tools.xp, tools.array(frame, self.count).astype(float)
        wrong = xp.flatnonzero(~((values >= 0) & (xp.floor(values) == values) & (values < xp.inf)))
        if len(wrong):
            at = int(wrong[0])
            document, word = frame.select([self.document, self.word])[at : at + 1].rows()[0]
            msg = (
                f"{stage} expects counts, whole numbers from 0 on, got {float(values[at]):g} at {self.document}={document!r}, "
                f"{self.word}={word!r}, and {len(wrong) - 1} more that are none. Give counts as Tokenize makes them, before any weighting."
            )
            raise StageError(msg)
        return values


@dataclass(frozen=True, eq=False)
class Corpus:
    """Documents as rows of a sparse matrix.

    Parameters
    ----------
    documents
        A frame of the documents, each once, in ascending order.
    matrix
        [n_documents, n_words] the counts, a sparse matrix of the engine's library.
    n_unknown
        How many words, each as often as it stands there, are none that are known, and were left out.
    """

    documents: nw.DataFrame[Any]
    matrix: Any
    n_unknown: int


def read_corpus(tools: Tools, frame: nw.DataFrame[Any], cells: TopicCells, known: nw.DataFrame[Any], stage: str) -> Corpus:
    """Return the documents of a table; words that are not known are left out, and a document that has no others has none.

    Parameters
    ----------
    known
        A frame of one column, the words in the order of the matrix's columns, each once.
    """
    xp, values = tools.xp, cells.require_whole(tools, frame, stage)
    documents = tools.coded((frame, [cells.document]))
    words = tools.coded((known, known.columns), (frame, [cells.word]))
    place_of = xp.full(len(words.keys), -1, dtype=xp.int64)
    place_of[words.numbers[0]] = xp.arange(len(known))
    places = place_of[words.numbers[1]]
    held = places >= 0
    shape = (len(documents.keys), len(known))
    matrix = sparse_counts(documents.numbers[0][held], places[held], values[held], shape)
    return Corpus(documents.keys, matrix, int(values[~held].sum()))


@contextmanager
def told_of_rows(stage: str) -> Iterator[None]:
    """Raise what the array library says of counts as an error about the rows: the call itself was right."""
    try:
        yield
    except UsageError as error:
        msg = f"{stage}: {error}"
        raise StageError(msg) from error
