"""The words that topics are told by, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import UsageError
from gpupipe.core.node import Node
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.stages.topics._cells import told_of_rows
from gpupipe.stages.topics._model import TopicModel, on_host
from gpupipe.topics import top_words


@dataclass(frozen=True)
class TopWords(TaskStage):
    """Gives the likeliest words of each topic: ``topic`` and ``rank``, both from 1 on, ``word`` and ``weight``, its probability.

    Parameters
    ----------
    n_words
        How many words of each topic.
    """

    takes: ClassVar[tuple[type[Node], ...]] = ()

    model: TopicModel
    n_words: int

    def __post_init__(self) -> None:
        require_n_words("topics", self.n_words, 1)

    def plan(self, *specs: Any) -> Schema:
        """Return the four columns, none of them with missing values."""
        (word,) = self.model.names.schema.values()
        columns = {"topic": nw.Int64(), "rank": nw.Int64(), "word": word, "weight": nw.Float64()}
        return Schema(tuple((name, Field(dtype, nullable=False)) for name, dtype in columns.items()))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the words, topic by topic."""
        components = on_host(self.model.components)
        with told_of_rows("topics"):
            places = top_words(components, self.n_words)
        n_found, n_words = places.shape
        numbers = np.repeat(np.arange(1, n_found + 1), n_words)
        ranks = np.tile(np.arange(1, n_words + 1), n_found)
        weights = np.take_along_axis(components, places, axis=1).reshape(-1)
        columns = {"topic": numbers, "rank": ranks, "word": self.model.words_at(places.reshape(-1)), "weight": weights}
        made: nw.DataFrame[Any] = tools.adopted(pa.table(columns))
        return made


def require_n_words(answer: str, n_words: Any, least: int) -> None:
    """Raise UsageError unless it is a number of words."""
    if isinstance(n_words, bool) or not isinstance(n_words, int) or n_words < least:
        msg = f"{answer} expects n_words, a whole number from {least} on, got {n_words!r}."
        raise UsageError(msg)
