"""Counts the words of texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.answers import answers
from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.core.fit import FitStage
from gpupipe.core.node import Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, RowStage
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.verbs import TextMap
from gpupipe.kernels.tokens import WORD, TokenRules, count_words, merge_documents, number_words, require_limits, vocabulary

if TYPE_CHECKING:
    from gpupipe.core.tools import Tools
    from gpupipe.core.verbs import Verbs

_MADE = ("word", "count")
_ALL = ""  # no word: stands for all documents among those that were measured
_VOCABULARY = {"word": nw.String(), "number": nw.Int32(), "documents": nw.Int64(), "count": nw.Int64()}


@dataclass(frozen=True)
class Tokenized(RowStage):
    """Makes of each text the numbers and counts of its words among `words`, beside the document's column."""

    column: str
    document: str
    pattern: str
    lowercase: bool
    stop_words: tuple[str, ...]
    n_grams: tuple[int, int]
    words: tuple[str, ...]
    documents: tuple[int, ...]
    counts: tuple[int, ...]

    @answers(gives=Table)
    def vocabulary(self) -> Vocabulary:
        """Return the words that are known: word, number, documents, count."""
        return Vocabulary(self.words, self.documents, self.counts)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns that cannot be missing: what is made, and the document where it could not.

        Raise ColumnError for a column that is not there, DtypeError for one that holds no texts.
        """
        _check(self, schemas[0])
        return Outcome(not_null=frozenset(_MADE) | ({self.document} & schemas[0].not_null))

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows of words."""
        function = _Numbered(_rules(self), self.words)
        return verbs.map_text(frames[0], TextMap(self.column, (self.document,), (("word", nw.Int32), ("count", nw.Int64)), function))

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns of texts and of documents; all others are left out."""
        return frozenset({self.column, self.document})


@dataclass(frozen=True)
class Vocabulary(TaskStage):
    """The words that a fitted `Tokenize` knows, with the numbers that stand for them."""

    takes: ClassVar[tuple[type[Node], ...]] = ()

    words: tuple[str, ...]
    documents: tuple[int, ...]
    counts: tuple[int, ...]

    def plan(self, *specs: Any) -> Schema:
        """Return word, number, documents, count."""
        return Schema.of_names(_VOCABULARY)

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the words in order."""
        numbers = pa.array(range(len(self.words)), pa.int32())
        columns = [
            pa.array(self.words, pa.large_string()),
            numbers,
            pa.array(self.documents, pa.int64()),
            pa.array(self.counts, pa.int64()),
        ]
        made: nw.DataFrame[Any] = tools.adopted(pa.table(columns, names=list(_VOCABULARY)))
        return made


@dataclass(frozen=True, init=False)
class Tokenize(FitStage):
    """Finds the words of texts where it is fitted, and makes of each text the numbers and counts of its words: document, word, count.

    The meaning is that of scikit-learn's CountVectorizer. A missing text has no words and is no document; words that were not seen, or
    not kept, are left out. Fitted, it gives the table of words with their numbers: ``fitted.vocabulary()``.

    Parameters
    ----------
    column
        The texts.
    document
        The column that says which document a text is; it stays, and all others are left out.
    pattern, lowercase, stop_words, n_grams
        What a word is; see `gpupipe.kernels.tokens.TokenRules`.
    min_documents, max_documents
        In how many documents a word is at least and at most: a whole number, or a share of all as a float.
    max_words
        Only so many of those, the most frequent ones.

    Raises
    ------
    UsageError
        An option is none of these, or the column of documents has the name of one that is made.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"id": [7, 8], "text": ["to be or not to be", "To do!"]})
    >>> Tokenize("text", document="id").fit_plain(frame).apply(frame).rows()
    [(7, 0, 2), (7, 2, 1), (7, 3, 1), (7, 4, 2), (8, 1, 1), (8, 4, 1)]
    """

    fitted: ClassVar[type] = Tokenized

    column: str
    document: str
    pattern: str
    lowercase: bool
    stop_words: tuple[str, ...]
    n_grams: tuple[int, int]
    min_documents: float
    max_documents: float
    max_words: int | None

    def __init__(
        self,
        column: str,
        *,
        document: str,
        pattern: str = WORD,
        lowercase: bool = True,
        stop_words: Iterable[str] = (),
        n_grams: tuple[int, int] = (1, 1),
        min_documents: float = 1,
        max_documents: float = 1.0,
        max_words: int | None = None,
    ) -> None:
        rules = TokenRules(pattern=pattern, lowercase=lowercase, stop_words=stop_words, n_grams=n_grams)
        require_limits(min_documents, max_documents, max_words)
        if document in _MADE:
            msg = f"Tokenize makes a column {document!r}, so that of the documents needs another name. Rename it first."
            raise UsageError(msg)
        settle(self, column=column, document=document, pattern=pattern, lowercase=lowercase, n_grams=rules.n_grams)
        settle(self, stop_words=tuple(sorted(rules.stop_words)))
        settle(self, min_documents=min_documents, max_documents=max_documents, max_words=max_words)

    def measure(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return of each word in how many documents it is, and how often; and, as no word, how many documents there are."""
        mapped = TextMap(self.column, (), (("word", nw.String), ("count", nw.Int64)), _Counted(_rules(self)))
        words = verbs.map_text(frame, mapped).group_by("word").agg(nw.len().alias("documents"), nw.col("count").sum())
        every = frame.select(nw.col(self.column).count().alias("documents")).with_columns(
            nw.lit(_ALL).alias("word"), nw.lit(0).alias("count")
        )
        columns = [nw.col("word"), nw.col("documents").cast(nw.Int64), nw.col("count").cast(nw.Int64)]
        return nw.concat([words.select(columns), every.select(columns)], how="vertical")

    def needed(self, schema: Schema) -> tuple[str]:
        """Return the column of texts."""
        return (self.column,)

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return the counts of all parts together, sorted."""
        return merge_documents(measured)

    def plan(self, *specs: Any) -> Tokenized:
        """Return what knows no words; raise ColumnError for a column that is not there, DtypeError for one that holds no texts."""
        _check(self, specs[0])
        return self._fitted(pa.table({"word": pa.array([], pa.large_string()), "documents": [], "count": []}))

    def finish(self, statistics: pa.Table) -> Tokenized:
        """Return what knows the words within the limits."""
        is_all = pc.equal(statistics["word"], _ALL)
        n_documents = statistics.filter(is_all)["documents"][0].as_py()
        seen = statistics.filter(pc.invert(is_all))
        if not len(seen):
            return self._fitted(seen)
        words = vocabulary(seen, n_documents, min_documents=self.min_documents, max_documents=self.max_documents, max_words=self.max_words)
        return self._fitted(words)

    def _fitted(self, words: pa.Table) -> Tokenized:
        known = (tuple(words[name].to_pylist()) for name in ("word", "documents", "count"))
        return Tokenized(self.column, self.document, self.pattern, self.lowercase, self.stop_words, self.n_grams, *known)


@dataclass(frozen=True)
class _Counted:
    """Texts to rows of words and counts."""

    rules: TokenRules

    def __call__(self, texts: pa.Array) -> pa.Table:
        counted = count_words(texts, self.rules)
        return pa.table({"row": counted["document"], "word": counted["word"].cast(pa.large_string()), "count": counted["count"]})


@dataclass(frozen=True)
class _Numbered:
    """Texts to rows of the numbers of known words, and counts."""

    rules: TokenRules
    words: tuple[str, ...]

    def __call__(self, texts: pa.Array) -> pa.Table:
        counted = number_words(count_words(texts, self.rules), self._known)
        return pa.table({"row": counted["document"], "word": counted["word"], "count": counted["count"]})

    @cached_property
    def _known(self) -> pa.Table:
        return pa.table({"word": pa.array(self.words, pa.large_string()), "number": pa.array(range(len(self.words)), pa.int64())})


def _rules(stage: Tokenize | Tokenized) -> TokenRules:
    return TokenRules(pattern=stage.pattern, lowercase=stage.lowercase, stop_words=stage.stop_words, n_grams=stage.n_grams)


def _check(stage: Tokenize | Tokenized, schema: Schema) -> None:
    """Raise where a column is not there, or that of the texts holds none."""
    schema.require((stage.column, stage.document))
    if (dtype := schema[stage.column].dtype) not in (nw.String, nw.Categorical):
        msg = f"Tokenize expects texts, got {dtype} in {stage.column!r}. Cast it to text first."
        raise DtypeError(msg)
