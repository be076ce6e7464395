"""Mean shares of topics by a column of the documents: by label, or over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import ColumnError, DtypeError, StageError
from gpupipe.core.node import Node, Table
from gpupipe.core.present import as_text, text_of
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.stages._lines import along_line, curve_part
from gpupipe.stages.topics._model import MOST_TOPICS, TopicModel, on_host
from gpupipe.stages.topics._shares import shares_of

TOGETHER = 4  # curves of one picture
MOST_LABELS = 30  # that are shown as bars


@dataclass(frozen=True)
class MeanShares(TaskStage):
    """Gives, for each value of a column, how many documents have it and the means of their shares: ``documents``, ``topic_1`` and so on.

    Values are in ascending order. Documents without rows of words, or without a value, are not counted. The report shows times and
    regular numbers as lines, and everything else as bars.

    Parameters
    ----------
    by
        The column of the second table, which has each document once.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)

    model: TopicModel
    by: str

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return document, word and count, and of the documents the document and the column."""
        return [self.model.cells.names, [self.model.cells.document, self.by]]

    def plan(self, *specs: Any) -> Schema:
        """Return the column, the number of documents, and a column for each topic."""
        rows, documents = specs
        cells = self.model.cells
        cells.require_words(rows, self.model.known.schema[cells.word], "shares_by")
        documents.require([cells.document, self.by])
        if documents[cells.document].dtype != rows[cells.document].dtype:
            got = f"{rows[cells.document].dtype} and {documents[cells.document].dtype}"
            msg = f"shares_by expects documents of one dtype in both tables, got {got} in {cells.document!r}. Cast one of them."
            raise DtypeError(msg)
        if self.by in ("documents", *self.model.shares):
            msg = f"shares_by makes a column {self.by!r}, and is to be by one of that name. Rename it first."
            raise ColumnError(msg)
        columns = {self.by: text_of(documents[self.by].dtype), "documents": nw.Int64(), **dict.fromkeys(self.model.shares, nw.Float64())}
        return Schema(tuple((name, Field(kind, nullable=False)) for name, kind in columns.items()))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the means."""
        model = self.model.adopted(tools)
        corpus = model.corpus(tools, inputs[0], "shares_by")
        groups, of_group = self._groups(tools, corpus.documents, inputs[1])
        held = on_host(of_group >= 0)
        shares = on_host(shares_of(tools, corpus.matrix, model))[held]
        places = on_host(of_group)[held]
        counts = np.bincount(places, minlength=len(groups))
        sums = np.stack([np.bincount(places, shares[:, topic], len(groups)) for topic in range(shares.shape[1])], axis=1)
        there = np.flatnonzero(counts)
        means: Any = sums[there] / counts[there, None]
        table = plain_table(groups.to_arrow()).take(pa.array(there))
        tools.show("Shares of topics", *self._parts(table.column(0).to_pylist(), means))
        nothing = np.zeros(len(there))
        columns = {name: means[:, place] if place < means.shape[1] else nothing for place, name in enumerate(model.shares)}
        made = {name: np.ascontiguousarray(column) for name, column in columns.items()}
        return tools.frame({"documents": tools.xp.asarray(counts[there]), **_moved(tools, made)}, beside=tools.adopted(table))

    def _groups(self, tools: Tools, documents: nw.DataFrame[Any], told: nw.DataFrame[Any]) -> tuple[nw.DataFrame[Any], Any]:
        """Return the values of the column, in order, and that of each document; -1 is none."""
        name = self.model.cells.document
        told = told.filter(~nw.col(name).is_null(), ~nw.col(self.by).is_null())
        if len(told) > int(told[name].n_unique() if len(told) else 0):
            msg = f"shares_by expects a table with each document once, got some twice in {name!r}. Drop those rows."
            raise StageError(msg)
        groups = tools.coded((as_text(told, [self.by]), [self.by]))
        codes = tools.coded((documents, [name]), (told, [name]))
        of_key = tools.xp.full(len(codes.keys), -1, dtype=tools.xp.int64)
        of_key[codes.numbers[1]] = groups.numbers[0]
        return groups.keys, of_key[codes.numbers[0]]

    def _parts(self, values: Sequence[Any], means: Any) -> list[Mapping[str, Any]]:
        """Return the means as lines where values lie along one, else as bars of each topic."""
        shown = range(min(means.shape[1], MOST_TOPICS))
        line = along_line(self.by, values)
        if line is None:
            few = values[:MOST_LABELS]
            bars = ([[str(value), float(mean)] for value, mean in zip(few, means[:, topic], strict=False)] for topic in shown)
            return [
                {"kind": "bars", "title": f"topic {topic + 1} by {self.by}", "bars": made} for topic, made in zip(shown, bars, strict=True)
            ]
        title, places = line
        parts = []
        for first in range(0, len(shown), TOGETHER):
            some = shown[first : first + TOGETHER]
            curves = {f"topic {topic + 1}": means[:, topic].tolist() for topic in some}
            parts.append(curve_part(f"Topics {some[0] + 1} to {some[-1] + 1}", title, "mean share", places, curves))
        return parts


def _moved(tools: Tools, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return arrays of the host as the engine's."""
    return {name: tools.xp.asarray(column) for name, column in columns.items()}
