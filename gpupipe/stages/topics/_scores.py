"""How good topics are, each as one number: how well they predict words, and whether their words stand together."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import StageError
from gpupipe.core.node import Node, Value
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.stages.topics._cells import told_of_rows
from gpupipe.stages.topics._model import TopicModel, on_host
from gpupipe.stages.topics._shares import shares_of
from gpupipe.stages.topics._top_words import require_n_words
from gpupipe.topics import coherence, completion_perplexity, split_tokens


@dataclass(frozen=True)
class Score(TaskStage):
    """A number that documents give to topics."""

    gives: ClassVar[type[Node]] = Value
    answer: ClassVar[str]

    model: TopicModel

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return document, word and count."""
        return [self.model.cells.names]

    def plan(self, *specs: Any) -> Any:
        """Return the number's dtype."""
        cells = self.model.cells
        cells.require_words(specs[0], self.model.known.schema[cells.word], self.answer)
        return nw.Float64()

    def solve(self, tools: Tools, *inputs: Any) -> float:
        """Return the number."""
        model = self.model.adopted(tools)
        matrix = model.corpus(tools, inputs[0], self.answer).matrix
        if not matrix.shape[0]:
            msg = f"{self.answer} expects documents, got a table of no rows."
            raise StageError(msg)
        with told_of_rows(self.answer):
            return self.score(tools, matrix, model)

    @abstractmethod
    def score(self, tools: Tools, matrix: Any, model: TopicModel) -> float:
        """Return the number for the documents of a sparse matrix."""


@dataclass(frozen=True)
class Perplexity(Score):
    """Gives how many words, equally likely, it is as hard to choose from as to predict a held back word; see `gpupipe.topics`.

    Parameters
    ----------
    random_state
        The seed that deals the words of each document into those that are seen and those that are predicted.
    """

    answer: ClassVar[str] = "perplexity"

    random_state: int

    def score(self, tools: Tools, matrix: Any, model: TopicModel) -> float:
        """Return the perplexity."""
        seen, held = split_tokens(matrix, random_state=self.random_state)
        return completion_perplexity(held, shares_of(tools, seen, model), model.components, model.frequencies)


@dataclass(frozen=True)
class Coherence(Score):
    """Gives the mean over topics of the NPMI of their likeliest words in documents; the report has that of each topic.

    Parameters
    ----------
    n_words
        How many words of each topic, 2 or more.
    """

    answer: ClassVar[str] = "coherence"

    n_words: int

    def __post_init__(self) -> None:
        require_n_words("coherence", self.n_words, 2)

    def score(self, tools: Tools, matrix: Any, model: TopicModel) -> float:
        """Return the mean."""
        of_topics = coherence(matrix, model.components, self.n_words)
        tools.note(**{"coherence of each topic": [round(float(one), 4) for one in on_host(of_topics)]})
        return float(of_topics.mean())
