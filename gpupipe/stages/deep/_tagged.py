"""What a tagger says of sentences: their tags, and how much it would help to ask for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.active import scorers
from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import ColumnError, DtypeError, StageError, UsageError, listing, nearest
from gpupipe.core.node import Node, Table
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.deep.sentences import Sentences
from gpupipe.deep.tagging import decode

STRATEGIES = ("mnlp", "least_confidence", "bald", "random")


@dataclass(frozen=True)
class OfSentences(TaskStage):
    """An answer about the rows of a table of sentences, which come with it."""

    takes: ClassVar[tuple[type[Node], ...]] = (Table,)

    model: Any

    def beside(self, schema: Schema, made: dict[str, Field]) -> Schema:
        """Return the rows' columns with further ones; raise ColumnError or DtypeError for words that are none."""
        schema.require([self.model.column])
        require_texts(schema, self.model.column, self.name)
        taken = next((name for name in made if name in schema), None)
        if taken is not None:
            raise ColumnError(f"{self.name} makes a column {taken!r}, and there is one. Rename or drop it.")
        return Schema((*((name, Field(field.dtype, field.nullable)) for name, field in schema.items()), *made.items()))

    def encoded(self, rows: nw.DataFrame[Any]) -> Sentences:
        """Return the sentences as the network knows them."""
        texts = sentences_of(plain_table(rows.select(self.model.column).to_arrow()), self.model.column, self.name)
        made: Sentences = self.model.vocabulary.encode(texts, self.model.learnt)
        return made


@dataclass(frozen=True)
class TaggedSentences(OfSentences):
    """Appends the tags that a tagger gives the words, and their log-probability along its path."""

    @property
    def name(self) -> str:
        """The stage's name and the answer's."""
        return "TagSequences.predict"

    def plan(self, *specs: Any) -> Schema:
        """Return the columns."""
        tags = Field(nw.List(nw.String()), nullable=False)
        return self.beside(specs[0], {"prediction": tags, "log_probability": Field(nw.Float64(), nullable=False)})

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the rows with both."""
        (rows,) = inputs
        sentences = self.encoded(rows)
        numbers, logs = decode(self.model.network, sentences, self.model.device)
        flat = pa.array(self.model.tags, pa.large_string()).take(pa.array(numbers))
        tags = pa.LargeListArray.from_arrays(pa.array(sentences.offsets), flat)
        whole = -scorers.sequence_confidence(logs, sentences.offsets) + 0.0  # no -0.0
        made: nw.DataFrame[Any] = tools.adopted(pa.table({"prediction": tags, "log_probability": whole}))
        return nw.concat([rows, made], how="horizontal")


@dataclass(frozen=True)
class ScoredSentences(OfSentences):
    """Appends how much it would help to ask for a sentence's tags: the higher, the sooner it should be asked."""

    by: str
    passes: int
    seed: int

    def __post_init__(self) -> None:
        if self.by not in STRATEGIES:
            msg = f"There is no strategy {self.by!r} of sentences.{nearest(str(self.by), STRATEGIES)} There are {listing(STRATEGIES)}."
            raise UsageError(msg)
        if isinstance(self.passes, bool) or not isinstance(self.passes, int) or self.passes < 1:
            raise UsageError(f"passes is how often a sentence is tagged with dropout, a whole number from 1 on, got {self.passes!r}.")

    @property
    def name(self) -> str:
        """The stage's name and the answer's."""
        return "TagSequences.score"

    def plan(self, *specs: Any) -> Schema:
        """Return the columns."""
        return self.beside(specs[0], {"score": Field(nw.Float64(), nullable=False)})

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the rows with their scores."""
        (rows,) = inputs
        made: nw.DataFrame[Any] = tools.adopted(pa.table({"score": self._scores(self.encoded(rows))}))
        return nw.concat([rows, made], how="horizontal")

    def _scores(self, sentences: Sentences) -> Any:
        """Return the scores."""
        if self.by == "random":
            return np.zeros(len(sentences))  # `Choose` goes by its hash
        if self.by == "bald":
            return self._disagreement(sentences)
        _, logs = decode(self.model.network, sentences, self.model.device)
        scorer = scorers.mnlp if self.by == "mnlp" else scorers.sequence_confidence
        return scorer(logs, sentences.offsets)

    def _disagreement(self, sentences: Sentences) -> Any:
        """Return how far passes with dropout disagree about each sentence."""
        votes: list[Counter[bytes]] = [Counter() for _ in range(len(sentences))]
        mean = np.zeros(len(sentences))
        bounds = list(zip(sentences.offsets[:-1].tolist(), sentences.offsets[1:].tolist(), strict=True))
        for number in range(self.passes):
            tags, logs = decode(self.model.network, sentences, self.model.device, seed=(self.seed << 20) + number)
            mean += scorers.mnlp(logs, sentences.offsets) / self.passes
            for counted, (start, stop) in zip(votes, bounds, strict=True):
                counted[tags[start:stop].tobytes()] += 1
        most = np.array([max(counted.values()) for counted in votes], np.int64)
        return scorers.sequence_disagreement(most, mean, self.passes)


def sentences_of(rows: pa.Table, column: str, stage: str) -> list[list[str]]:
    """Return the words of each row.

    Raises
    ------
    StageError
        A row has none, or a word is missing or of no characters.
    """
    made: list[Any] = rows[column].to_pylist()
    bad = sum(one is None or not all(one) for one in made)
    if bad:
        msg = f"{stage} expects a list of words in each row of {column!r}, got {bad} rows without, or with a word that is missing or empty."
        raise StageError(f"{msg} Leave them out.")
    return made


def require_texts(schema: Schema, name: str, stage: str) -> None:
    """Raise DtypeError for a column that is no list of texts."""
    dtype = schema[name].dtype
    if not (isinstance(dtype, nw.List) and dtype.inner == nw.String):
        msg = f"{stage} expects a list of texts in each row of {name!r}, as gp.ReadConll gives it, got {dtype}."
        raise DtypeError(msg)
