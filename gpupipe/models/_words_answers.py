"""What a model of words answers about documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.by_blocks import EachBlock
from gpupipe.core.errors import ColumnError, DtypeError, WiringError, listing
from gpupipe.core.node import Node, Table
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.models._words import host, read_words


@dataclass(frozen=True)
class WordsAnswer(TaskStage):
    """Gives what a model says of each document, which depends on that document alone.

    Parameters
    ----------
    model
        The model of words.
    method
        What it is asked: ``predict``, ``predict_proba`` or ``transform``.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    optional: ClassVar[int] = 1

    model: Any
    method: str

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return document, word and count, and of a table of documents the document."""
        return [self.model.cells.names, [self.model.cells.document]][: len(schemas)]

    def plan(self, *specs: Any) -> Schema:
        """Return the document and what is made, none of it with missing values."""
        model, cells = self.model, self.model.cells
        if self.method not in model.methods:
            msg = f"{model.estimator} is a {model.task} and has no {self.method!r}. It has {listing(model.methods) or 'none'}."
            raise WiringError(msg)
        cells.check(specs[0], self.method)
        if specs[0][cells.word].dtype != model.known.schema[cells.word]:
            got = f"{model.known.schema[cells.word]} in {cells.word!r}, got {specs[0][cells.word].dtype}"
            msg = f"LearnWords was fitted with {got} in {self.method}. Cast it first."
            raise DtypeError(msg)
        made = self._made()
        if cells.document in made:
            msg = f"{self.method} makes a column {cells.document!r}, and the documents are called so. Rename that column before the fit."
            raise ColumnError(msg)
        columns = {cells.document: specs[0][cells.document].dtype, **made}
        return Schema(tuple((name, Field(dtype, nullable=False)) for name, dtype in columns.items()))

    def _made(self) -> dict[str, Any]:
        """Return the columns beside the document."""
        ((label, dtype),) = self.model.labels.schema.items()
        if self.method == "transform":
            return dict.fromkeys(self.model.outputs, nw.Float64())
        if self.method == "predict_proba":
            return {label: dtype, "probability": nw.Float64()}
        return {"cluster": nw.Int32()} if self.model.task == "clusterer" else {"prediction": dtype}

    def by_blocks(self, *schemas: Schema) -> EachBlock | None:
        """Return the way by blocks of whole documents; None where a table says which documents there are."""
        return EachBlock((self.model.cells.document,), self) if len(schemas) == 1 else None

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the answers."""
        made, n_left_out = self.of_block(tools, *inputs)
        self.tell(tools, n_left_out)
        return made

    def tell(self, tools: Tools, n_left_out: int) -> None:
        """Tell the report of rows that were left out."""
        if n_left_out:
            tools.note(**{"rows left out, of words not known to the fit": n_left_out})

    def of_block(self, tools: Tools, *inputs: Any) -> tuple[nw.DataFrame[Any], int]:
        """Return the answers for some documents, and how many rows were left out."""
        model = self.model.adopted(tools)
        words = read_words(tools, inputs[0], model.cells, model.known, self.method, inputs[1] if len(inputs) > 1 else None)
        matrix, documents = host(words.matrix), pa.table(words.documents.to_arrow())
        found = self._answer(matrix)
        if self.method == "predict_proba":
            documents = documents.take(pa.array(np.repeat(np.arange(len(documents)), found["probability"].shape[1])))
            found["probability"] = found["probability"].reshape(-1)
        schema = self.plan(Schema.of_names(dict(inputs[0].schema.items())))
        beside = tools.adopted(documents)
        columns = [nw.new_series(name, values, schema[name].dtype, backend=beside.implementation) for name, values in found.items()]
        made: nw.DataFrame[Any] = nw.concat([beside, nw.from_dict({one.name: one for one in columns})], how="horizontal")
        return made.select(list(schema)), words.n_left_out

    def _answer(self, matrix: Any) -> dict[str, Any]:
        """Return the columns beside the document; of no document, none of their values."""
        names, (label, *_) = list(self._made()), self.model.labels.columns
        if self.method == "predict_proba":
            classes = np.asarray(self.model.model.classes_)
            scores = self.model.model.predict_proba(matrix) if matrix.shape[0] else np.zeros((0, len(classes)))
            return {label: np.tile(classes, matrix.shape[0]).tolist(), "probability": np.asarray(scores)}
        if not matrix.shape[0]:
            return {name: [] for name in names}
        made = getattr(self.model.model, self.method)(matrix)
        if self.method == "predict":
            return {names[0]: np.asarray(made).tolist()}
        rows = np.asarray(made)
        return {name: np.ascontiguousarray(rows[:, place]) for place, name in enumerate(names)}
