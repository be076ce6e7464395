"""Topics of tables in blocks of whole documents: sums over documents merge, so each pass of a fit is one over the blocks where they are."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Literal

import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.core.arrow import plain_table
from gpupipe.core.by_blocks import ByBlocks
from gpupipe.core.errors import StageError
from gpupipe.core.tools import Tools
from gpupipe.stages.topics._cells import told_of_rows
from gpupipe.topics import TensorLDA
from gpupipe.topics.counts import Counts, as_counts
from gpupipe.topics.documents import measure_documents, start_gamma
from gpupipe.topics.moments import TopicMoments, TopicSketch, start_basis
from gpupipe.topics.tensor_lda import SWEEP_ITERATIONS

N_SCANS = 3  # as `gpupipe.topics.find_basis` does


@dataclass(frozen=True, eq=False)
class Question:
    """What blocks are asked in a pass: which words there are, pairs of words in a basis, moments in it, or what topics explain."""

    what: Literal["words", "sketch", "moments", "sweep"]
    known: pa.Table | None = None
    basis: Any = None
    components: Any = None
    alpha: Any = None


@dataclass(frozen=True, eq=False)
class Documents:
    """What is kept of a block: its rows, until its words are numbered; then their counts, and where sweeps left each document."""

    rows: pa.Table | None
    vocabulary: pa.Table | None
    counts: Counts | None = None
    gamma: Any = None


@dataclass(frozen=True, eq=False)
class Words:
    """The words as the rows have them and the words themselves, in order, and how many documents were seen."""

    known: pa.Table
    names: pa.Table
    n_documents: int

    def merge(self, other: Words) -> Words:
        """Return the words of both: the same ones where there is a vocabulary."""
        n_documents = self.n_documents + other.n_documents
        if self.known.equals(other.known):
            return replace(self, n_documents=n_documents)
        (column,) = self.known.column_names
        both = pa.concat_tables([self.known, other.known]).group_by(column).aggregate([]).sort_by(column)
        return Words(both, both.rename_columns(self.names.column_names), n_documents)


@dataclass(frozen=True, eq=False)
class TopicState:
    """How far a fit is: the question of the next pass, the words, and the topics once they are found."""

    question: Question
    n_scans: int = 0
    words: Words | None = None
    model: TensorLDA | None = None


@dataclass(frozen=True)
class TopicsByDocuments(ByBlocks):
    """How `Topics` fits: the words of all blocks, three scans for a basis, one for the moments, and the sweeps.

    Parameters
    ----------
    stage
        The stage that is done so.
    """

    keys: tuple[str, ...]
    stage: Any

    def opened(self, tools: Tools, *frames: nw.DataFrame[Any]) -> Documents | None:
        """Return the rows, and the vocabulary where there is one; None where there are no rows."""
        tables = [plain_table(frame.to_arrow()) for frame in frames]
        return Documents(tables[0], tables[1] if len(tables) > 1 else None) if len(frames[0]) else None

    def start(self) -> TopicState:
        """Return that the words are asked for."""
        return TopicState(Question("words"))

    def question(self, state: TopicState) -> Question:
        """Return what is asked."""
        return state.question

    def measure(self, tools: Tools, question: Question, held: Documents | None) -> tuple[Any, Documents | None]:
        """Return the words, or sums over the documents."""
        if held is None:
            return None, None
        if question.what == "words":
            return self._words(tools, held), held
        with told_of_rows("Topics"):
            if held.counts is None:
                held = self._counted(tools, question, held)
            counts = held.counts
            if question.what == "sketch":
                return TopicSketch.of(counts, question.basis, self._asked.min_length), held
            if question.what == "moments":
                return TopicMoments.of(counts, question.basis, self._asked.min_length), held
            assert counts is not None
            gamma = start_gamma(counts, question.alpha) if held.gamma is None else held.gamma.copy()
            sums = measure_documents(counts, question.components, question.alpha, gamma, n_iter=SWEEP_ITERATIONS)
            return sums, replace(held, gamma=gamma)

    @property
    def _asked(self) -> TensorLDA:
        """The estimator, unfitted."""
        return TensorLDA(**dict(self.stage.parameters))

    def _words(self, tools: Tools, held: Documents) -> Words:
        """Return the words of a block, or of the vocabulary."""
        frames = [tools.adopted(table) for table in (held.rows, held.vocabulary) if table is not None]
        known, names = (plain_table(frame.to_arrow()) for frame in self.stage.vocabulary(tools, *frames))
        return Words(known, names, int(frames[0][self.stage.document].n_unique()))

    def _counted(self, tools: Tools, question: Question, held: Documents) -> Documents:
        """Return the block's counts in place of its rows."""
        matrix = self.stage.matrix(tools, tools.adopted(held.rows), tools.adopted(question.known))
        return Documents(None, None, as_counts(matrix))

    def merge(self, measured: Sequence[Any]) -> Any:
        """Return the words, or the sums over documents, of all; None where no block has rows."""
        known = [one for one in measured if one is not None]
        return reduce(lambda one, other: one.merge(other), known) if known else None

    def advance(self, tools: Tools, state: TopicState, total: Any) -> tuple[TopicState, bool]:
        """Return what is asked next."""
        if total is None or (state.question.what == "words" and not len(total.known)):
            msg = "Topics expects words, got none: the table or the vocabulary is empty. Look at Tokenize's limits of documents for a word."
            raise StageError(msg)
        with told_of_rows("Topics"):
            return self._advanced(state, total)

    def _advanced(self, state: TopicState, total: Any) -> tuple[TopicState, bool]:
        """Return the state after a pass, and whether it was the last."""
        asked = self._asked
        if state.question.what == "words":
            basis = start_basis(len(total.known), asked._width(len(total.known)), asked.random_state)
            return TopicState(Question("sketch", total.known, basis), words=total), False
        if state.question.what == "sketch":
            n_scans, basis = state.n_scans + 1, total.next_basis()
            what: Literal["sketch", "moments"] = "sketch" if n_scans < N_SCANS else "moments"
            return replace(state, question=Question(what, basis=basis), n_scans=n_scans), False
        model = asked._find(total) if state.model is None else copy.copy(state.model)._sweep(total)
        asking = Question("sweep", components=model.components_, alpha=model.alpha_)
        return replace(state, question=asking, model=model), model.n_iter_ >= asked.n_vb

    def finish(self, tools: Tools, state: TopicState) -> Any:
        """Return the topics."""
        assert state.words is not None and state.model is not None
        tools.note(documents=state.words.n_documents)
        return self.stage.fitted_topics(state.model._warn(), tools.adopted(state.words.known), tools.adopted(state.words.names))
