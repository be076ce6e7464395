"""How far predicted tags have the true entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.active.spans import entity_scores
from gpupipe.core.errors import DtypeError, StageError, UsageError
from gpupipe.core.node import Node, Value
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools


@dataclass(frozen=True)
class EvaluateEntities(TaskStage):
    """Measures predicted tags against true ones by whole entities, as CoNLL-2003 did; gives ``{"f1", "precision", "recall", ...}``.

    An entity is right where its words and its type are. The report shows each type by itself.

    Parameters
    ----------
    tags, prediction
        Columns of lists of tags, in any form; see `gpupipe.active.spans`.

    Raises
    ------
    StageError
        A row has other than as many tags on both sides, none at all, or what is no tag.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"tags": [["B-PER", "I-PER", "O"]], "prediction": [["B-PER", "I-PER", "B-LOC"]]})
    >>> EvaluateEntities().apply(rows)["f1"]
    0.6666666666666666
    """

    gives: ClassVar[type[Node]] = Value

    tags: str = "tags"
    prediction: str = "prediction"

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the two columns."""
        return [[self.tags, self.prediction]]

    def plan(self, *specs: Any) -> None:
        """Return nothing: a value has no columns.

        Raise ColumnError for a column that is not there, DtypeError for one that holds no lists of texts.
        """
        specs[0].require([self.tags, self.prediction])
        for name in (self.tags, self.prediction):
            dtype = specs[0][name].dtype
            if not (isinstance(dtype, nw.List) and dtype.inner == nw.String):
                raise DtypeError(
                    f"EvaluateEntities expects lists of tags, got {dtype} in column {name!r}. Group the words of each sentence."
                )

    def solve(self, tools: Tools, *inputs: Any) -> Mapping[str, float]:
        """Return the scores."""
        table = inputs[0].select(self.tags, self.prediction).to_arrow()
        sides = [table.column(name).to_pylist() for name in (self.tags, self.prediction)]
        if any(tags is None for side in sides for tags in side):
            raise StageError("EvaluateEntities expects tags in every row, got a row without. Filter the rows that have some.")
        try:
            made = entity_scores(*sides)
        except UsageError as error:
            raise StageError(f"EvaluateEntities: {error}") from error
        rows = [
            [kind, *(round(found[name], 4) for name in ("precision", "recall", "f1")), found["n_true"]]
            for kind, found in made["by_type"].items()
        ]
        columns = ["type", "precision", "recall", "F1", "entities"]
        tools.show("Entities", {"kind": "table", "title": "By type", "columns": columns, "rows": rows})
        return {name: value for name, value in made.items() if name != "by_type"}
