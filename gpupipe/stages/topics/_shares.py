"""The shares of topics in documents, as a table with a row for each document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.by_blocks import EachBlock
from gpupipe.core.errors import ColumnError
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.stages.topics._cells import read_corpus
from gpupipe.stages.topics._model import TopicModel
from gpupipe.topics import document_topics


@dataclass(frozen=True)
class Shares(TaskStage):
    """Gives each document's shares of the topics, ``topic_1`` and so on, which add up to 1.

    A document's row depends on that document alone. One of words that the fit does not know alone has the mean shares. Where fewer
    topics were found than asked for, the shares of the others are 0.
    """

    model: TopicModel

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return document, word and count."""
        return [self.model.cells.names]

    def plan(self, *specs: Any) -> Schema:
        """Return the document and a column for each topic, none of them with missing values."""
        cells, (schema,) = self.model.cells, specs
        cells.require_words(schema, self.model.known.schema[cells.word], "transform")
        if cells.document in self.model.shares:
            msg = f"transform makes a column {cells.document!r}, so that of the documents needs another name. Rename it before the fit."
            raise ColumnError(msg)
        columns = {cells.document: schema[cells.document].dtype, **dict.fromkeys(self.model.shares, nw.Float64())}
        return Schema(tuple((name, Field(dtype, nullable=False)) for name, dtype in columns.items()))

    def by_blocks(self, *schemas: Schema) -> EachBlock:
        """Return the way by blocks of whole documents."""
        return EachBlock((self.model.cells.document,), self)

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the shares."""
        made, n_unknown = self.of_block(tools, inputs[0])
        self.tell(tools, n_unknown)
        return made

    def tell(self, tools: Tools, n_unknown: int) -> None:
        """Tell the report of words that are not known."""
        self.model.tell(tools, n_unknown)

    def of_block(self, tools: Tools, rows: nw.DataFrame[Any]) -> tuple[nw.DataFrame[Any], int]:
        """Return the shares of some documents, and how many of their words are not known."""
        model = self.model.adopted(tools)
        corpus = read_corpus(tools, rows, model.cells, model.known, "transform")
        made = shares_of(tools, corpus.matrix, model)
        nothing = tools.xp.zeros(len(made))
        found = {name: made[:, place] if place < made.shape[1] else nothing for place, name in enumerate(model.shares)}
        columns = {name: tools.xp.ascontiguousarray(column) for name, column in found.items()}
        return tools.frame(columns, beside=corpus.documents), corpus.n_unknown


def shares_of(tools: Tools, matrix: Any, model: TopicModel) -> Any:
    """Return the shares of the topics that were found, [n_documents, n_found]."""
    if not matrix.shape[0]:
        return tools.xp.zeros((0, len(model.alpha)))
    gamma = document_topics(matrix, model.components, model.alpha)
    return gamma / gamma.sum(axis=1, keepdims=True)
