"""Finds the topics of documents whose words were counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.answers import answers
from gpupipe.core.errors import DtypeError, StageError, UsageError
from gpupipe.core.node import Fitted, Node, Table, Value
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.stages.topics._by_documents import TopicsByDocuments
from gpupipe.stages.topics._cells import TopicCells, read_corpus, told_of_rows
from gpupipe.stages.topics._means import MeanShares
from gpupipe.stages.topics._model import TopicModel
from gpupipe.stages.topics._scores import Coherence, Perplexity
from gpupipe.stages.topics._shares import Shares
from gpupipe.stages.topics._top_words import TopWords
from gpupipe.topics import TensorLDA

_NUMBER, _WORD = "number", "word"  # of a vocabulary, as a fitted Tokenize gives it


@dataclass(frozen=True, eq=False, repr=False)
class FittedTopics(TopicModel):
    """Topics with their words, which answers about them and about documents."""

    @answers()
    def topics(self, n_words: int = 10) -> TopWords:
        """Return the likeliest words of each topic: topic, rank, word, weight."""
        return TopWords(self, n_words)

    @answers(Table)
    def transform(self) -> Shares:
        """Return the shares of topics in documents, a row for each."""
        return Shares(self)

    @answers(Table, Table)
    def shares_by(self, by: str) -> MeanShares:
        """Return the mean shares of topics by a column of the documents' table, such as a label or a time."""
        return MeanShares(self, by)

    @answers(Table, gives=Value)
    def perplexity(self, random_state: int = 0) -> Perplexity:
        """Return how hard it is to predict the documents' words: the lower the better."""
        return Perplexity(self, random_state)

    @answers(Table, gives=Value)
    def coherence(self, n_words: int = 10) -> Coherence:
        """Return how much the topics' words stand together in documents, from -1 to 1: the higher the better."""
        return Coherence(self, n_words)


@dataclass(frozen=True, init=False)
class Topics(TaskStage):
    """Finds topics of documents, of the rows (document, word, count) that `Tokenize` makes; what it fits answers.

    ================================================  ======================================================================
    ``fitted.topics(n_words=10)``                     the likeliest words of each topic: ``topic``, ``rank``, ``word``, ``weight``
    ``fitted.transform(rows)``                        a row for each document: its shares of the topics, ``topic_1``, ``topic_2`` ...
    ``fitted.shares_by(rows, documents, by="year")``  the mean shares of each value of a column, also as a picture
    ``fitted.perplexity(rows)``                       how hard it is to predict half of the words from the other half: a number
    ``fitted.coherence(rows)``                        the NPMI of the topics' words in these documents, mean over topics: a number
    ================================================  ======================================================================

    ``Topics(20, document="id").fit(rows, words.vocabulary())`` takes the words themselves from what `Tokenize` fitted; without the
    second table, topics are told by what stands in the column of words, and only the words of `rows` are known. Words that are not
    known are left out by answers, and the report says how many.

    Parameters
    ----------
    estimator
        A `gpupipe.topics.TensorLDA`, or how many topics, for one with its defaults.
    document, word, count
        The columns. Words are whole numbers or text, and counts whole numbers from 0 on; rows of one place are added up.

    Examples
    --------
    >>> import polars as pl
    >>> sky, kitchen = ["sun", "moon", "star"], ["salt", "milk", "bread"]
    >>> rows = [(place, word, 1 + place % 3) for place in range(40) for word in (sky if place % 2 else kitchen)]
    >>> fitted = Topics(2).apply(pl.DataFrame(rows, schema=["document", "word", "count"], orient="row"))
    >>> table = fitted.topics(n_words=3).apply()
    >>> sorted(table.filter(table["topic"] == 1)["word"].to_list()) in (sorted(sky), sorted(kitchen))
    True
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    optional: ClassVar[int] = 1
    gives: ClassVar[type[Node]] = Fitted
    fitted: ClassVar[type] = FittedTopics

    parameters: tuple[tuple[str, Any], ...]
    document: str
    word: str
    count: str

    def __init__(self, estimator: TensorLDA | int, *, document: str = "document", word: str = "word", count: str = "count") -> None:
        TopicCells(document, word, count).require_distinct("Topics")
        settle(self, parameters=_parameters(estimator), document=document, word=word, count=count)

    @property
    def cells(self) -> TopicCells:
        """Which columns are what."""
        return TopicCells(self.document, self.word, self.count)

    @property
    def n_topics(self) -> int:
        """How many topics are asked for."""
        return int(dict(self.parameters)["n_components"])

    def _require(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one of a dtype that it cannot have."""
        self.cells.check(schemas[0], "Topics")
        if len(schemas) == 1:
            return
        if not schemas[0][self.word].dtype.is_integer():
            msg = f"A vocabulary says which number is which word, and {self.word!r} is text already. Call Topics without it."
            raise DtypeError(msg)
        schemas[1].require([_NUMBER, _WORD])
        number, word = (schemas[1][name].dtype for name in (_NUMBER, _WORD))
        if not number.is_integer() or word != nw.String:
            msg = f"Topics expects a vocabulary of whole numbers and words, as Tokenize gives it, got {number} and {word}. Cast them first."
            raise DtypeError(msg)

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return document, word and count, and of a vocabulary the numbers and words."""
        return [self.cells.names, [_NUMBER, _WORD]][: len(schemas)]

    def plan(self, *specs: Any) -> FittedTopics:
        """Return topics of no words."""
        self._require(*specs)
        known = specs[0][self.word].dtype
        word = known if len(specs) == 1 else nw.String()
        empty = (nw.from_dict({name: []}, {name: dtype}, backend="pyarrow") for name, dtype in ((self.word, known), (_WORD, word)))
        frames = (next(empty), next(empty))
        arrays = (np.zeros((self.n_topics, 0)), np.ones(self.n_topics), np.zeros(0))
        return FittedTopics(self.document, self.word, self.count, self.n_topics, *frames, *arrays, 0, self.n_topics, 0, 0.0, 0.0, 0.0)

    def solve(self, tools: Tools, *inputs: Any) -> FittedTopics:
        """Return the topics."""
        known, names = self.vocabulary(tools, *inputs)
        matrix = self.matrix(tools, inputs[0], known)
        with told_of_rows("Topics"):
            made = TensorLDA(**dict(self.parameters)).fit(matrix)
        tools.note(documents=int(matrix.shape[0]))
        return self.fitted_topics(made, known, names)

    def by_blocks(self, *schemas: Schema) -> TopicsByDocuments:
        """Return the way by blocks of whole documents."""
        return TopicsByDocuments((self.document,), self)

    def matrix(self, tools: Tools, rows: nw.DataFrame[Any], known: nw.DataFrame[Any]) -> Any:
        """Return the counts of rows as a sparse matrix.

        Raises
        ------
        StageError
            There are no words, or some that are not known.
        """
        if not len(known):
            msg = "Topics expects words, got none: the table or the vocabulary is empty. Look at Tokenize's limits of documents for a word."
            raise StageError(msg)
        corpus = read_corpus(tools, rows, self.cells, known, "Topics")
        if corpus.n_unknown:
            msg = (
                f"Topics expects rows of words of the vocabulary, got {corpus.n_unknown} words that are none of its {len(known)}. "
                "Take rows and vocabulary of one fitted Tokenize."
            )
            raise StageError(msg)
        return corpus.matrix

    def fitted_topics(self, made: TensorLDA, known: nw.DataFrame[Any], names: nw.DataFrame[Any]) -> FittedTopics:
        """Return topics that were found as they are held."""
        arrays = (made.components_, made.alpha_, made.moments_.words[0])
        counted = (int(made.moments_.n_documents), int(made.n_supported_), int(made.n_iter_))
        told = (float(made.alpha0_), float(made.residual_), float(made.negative_mass_))
        return FittedTopics(self.document, self.word, self.count, self.n_topics, known, names, *arrays, *counted, *told)

    def vocabulary(self, tools: Tools, rows: nw.DataFrame[Any], vocabulary: nw.DataFrame[Any] | None = None) -> tuple[Any, Any]:
        """Return the words as the rows have them and the words themselves, frames of one column, in ascending order of the first.

        Raises
        ------
        StageError
            A number or a word of the vocabulary is missing, or a number stands for two words.
        """
        if vocabulary is None:
            self.cells.require_whole(tools, rows, "Topics")
            known = tools.coded((rows, [self.word])).keys
            return known, known.rename({self.word: _WORD})
        for name in (_NUMBER, _WORD):
            if missing := int(vocabulary[name].null_count()):
                msg = f"Topics expects a vocabulary with a number and a word in every row, got {missing} missing in {name!r}. Drop them."
                raise StageError(msg)
        ordered = vocabulary.with_columns(nw.col(_NUMBER).cast(rows.schema[self.word])).sort(_NUMBER)
        if not ordered[_NUMBER].is_unique().all():
            msg = "Topics expects a vocabulary in which each number stands for one word, got a number twice. Take that of one Tokenize."
            raise StageError(msg)
        return ordered.select(nw.col(_NUMBER).alias(self.word)), ordered.select(_WORD)


def _parameters(estimator: Any) -> tuple[tuple[str, Any], ...]:
    """Return the parameters of an estimator, which are looked at."""
    if isinstance(estimator, int) and not isinstance(estimator, bool):
        estimator = TensorLDA(estimator)
    if type(estimator) is not TensorLDA:
        got = f"the class {estimator.__name__}" if isinstance(estimator, type) else f"a {type(estimator).__name__}"
        msg = f"Topics expects a number of topics, or a gpupipe.topics.TensorLDA such as TensorLDA(20, n_vb=5), got {got}."
        raise UsageError(msg)
    estimator._check()
    return tuple(estimator.get_params().items())
