"""Topics that were found, with the words that they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import ArtefactError
from gpupipe.core.holding import Holding
from gpupipe.core.tools import Tools
from gpupipe.stages.topics._cells import Corpus, TopicCells, read_corpus
from gpupipe.topics import top_words

MOST_TOPICS, MOST_WORDS = 30, 10  # that the report shows
_NEAR = 1e-6  # how far a sum of probabilities in a file may be from 1


@dataclass(frozen=True, eq=False, repr=False)
class TopicModel(Holding):
    """Topics of documents, and what is needed to find their shares in others.

    Parameters
    ----------
    document_column, word_column, count_column
        What the columns of the table are called.
    n_topics
        How many topics were asked for; documents may have supported fewer.
    known, names
        Frames of one column: the words as the table has them, in the order of the topics' columns, and the words themselves.
    components
        [n_found, n_words] probabilities of words in each topic.
    alpha
        [n_found] the parameters of the Dirichlet distribution of shares.
    frequencies
        [n_words] how frequent words are in the documents of the fit.
    n_documents, n_supported, n_sweeps
        How many documents the moments are of, how many topics they support, and how many sweeps polished these.
    alpha0, residual, negative_mass
        What `gpupipe.topics.TensorLDA` tells of how far the documents follow its model.
    """

    word: ClassVar[str] = "topic model"

    document_column: str
    word_column: str
    count_column: str
    n_topics: int
    known: Any
    names: Any
    components: Any
    alpha: Any
    frequencies: Any
    n_documents: int
    n_supported: int
    n_sweeps: int
    alpha0: float
    residual: float
    negative_mass: float

    @property
    def cells(self) -> TopicCells:
        """Which columns of a table are what."""
        return TopicCells(self.document_column, self.word_column, self.count_column)

    @property
    def shares(self) -> list[str]:
        """The columns of the topics' shares."""
        return [f"topic_{number}" for number in range(1, self.n_topics + 1)]

    def corpus(self, tools: Tools, frame: nw.DataFrame[Any], answer: str) -> Corpus:
        """Return the documents of a table, and tell the report of words that the fit does not know."""
        found = read_corpus(tools, frame, self.cells, self.known, answer)
        self.tell(tools, found.n_unknown)
        return found

    def tell(self, tools: Tools, n_unknown: int) -> None:
        """Tell the report of words that the fit does not know, where there are some."""
        if n_unknown:
            tools.note(**{"words left out, not known to the fit": n_unknown})

    def words_at(self, places: Any) -> pa.ChunkedArray:
        """Return the words at some places, in Arrow."""
        column: pa.ChunkedArray = plain_table(self.names.to_arrow()).column(0)
        return column.take(pa.array(on_host(places)))

    def check(self) -> None:
        """Raise ArtefactError unless topics, words and numbers fit one another."""
        floats = (self.components, self.alpha, self.frequencies)
        sound = all(isinstance(array, np.ndarray) and array.dtype == np.float64 and bool(np.isfinite(array).all()) for array in floats)
        sound = sound and all(isinstance(frame, nw.DataFrame) and len(frame.columns) == 1 for frame in (self.known, self.names))
        sound = sound and self.known.columns == [self.word_column] and len(set(self.cells.names)) == len(self.cells.names)
        sound = sound and self.components.ndim == 2 and 1 <= len(self.components) <= self.n_topics <= self.components.shape[1]
        sound = sound and self.alpha.shape == self.components.shape[:1] and self.frequencies.shape == self.components.shape[1:]
        sound = sound and len(self.known) == len(self.names) == self.components.shape[1] > 0
        sound = sound and all(bool((array >= 0).all()) for array in floats) and bool((self.alpha > 0).all())
        sound = sound and bool((np.abs(self.components.sum(axis=1) - 1) < _NEAR).all()) and bool(self.frequencies.sum() > 0)
        sound = sound and not any(frame[frame.columns[0]].null_count() for frame in (self.known, self.names))
        sound = sound and bool(self.known[self.word_column].is_unique().all())
        if not sound:
            msg = "Expected topics as probabilities of known words, each word once, got others. Save what was fitted again."
            raise ArtefactError(msg)

    def describe(self) -> Mapping[str, Any]:
        """Return how many topics of how many words there are, how well they were found, and the words of each."""
        n_found, n_words = self.components.shape
        facts: dict[str, Any] = {"topics": n_found, "words": n_words, "documents": self.n_documents}
        if n_found < self.n_topics or self.n_supported < n_found:
            facts |= {"topics asked for": self.n_topics, "topics that the documents support": self.n_supported}
        facts["sweeps"] = self.n_sweeps
        told = {"alpha0": self.alpha0, "residual": self.residual, "negative mass": self.negative_mass}
        facts |= {name: float(f"{value:.4g}") for name, value in told.items()}
        return {"facts": facts, "cards": [{"title": "Topics", "parts": self._bars()}] if n_words else []}

    def _bars(self) -> list[Mapping[str, Any]]:
        """Return how large topics are on average, and the likeliest words of each, as bars."""
        alpha, components = on_host(self.alpha), on_host(self.components)
        share = alpha / alpha.sum()
        sizes = [[f"topic {number}", float(part)] for number, part in enumerate(share, 1)]
        parts: list[Mapping[str, Any]] = [{"kind": "bars", "title": "Mean share of each topic in a document", "bars": sizes}]
        best = top_words(components, min(MOST_WORDS, components.shape[1]))[:MOST_TOPICS]
        for number, places in enumerate(best):
            words = map(str, self.words_at(places).to_pylist())
            bars = [[word, float(components[number, place])] for word, place in zip(words, places, strict=True)]
            parts.append({"kind": "bars", "title": f"Topic {number + 1}, {share[number]:.0%} of a document", "bars": bars})
        return parts


def on_host(array: Any) -> Any:
    """Return an array in the host's memory."""
    return array.get() if hasattr(array, "get") else array
