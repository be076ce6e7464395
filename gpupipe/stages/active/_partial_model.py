"""A classifier that learned from partial labels, as rows are scored by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.active.partial.classifier import probabilities_of
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage
from gpupipe.core.verbs import ArrayMap, Joining, Verbs


@dataclass(frozen=True, eq=False)
class ScoredByPartial(RowStage):
    """Appends what a model of partial labels says of each row: a probability of each class, or the likeliest class's number."""

    keeps_rows: ClassVar[bool] = True

    model: Any
    output: str
    likeliest: bool

    @property
    def name(self) -> str:
        """The stage's name and the answer's."""
        return f"LearnPartial.{'predict' if self.likeliest else 'predict_proba'}"

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a feature that is not there, DtypeError for one that is no number."""
        schemas[0].require_numeric(self.model.features, "LearnPartial")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the columns."""
        features = tuple(self.model.features)
        if not self.likeliest:
            outputs = tuple((f"{self.output}_{name}", nw.Float64()) for name in self.model.classes)
            return verbs.map_arrays(frames[0], ArrayMap(features, outputs, self._probabilities))
        place = "__gpupipe_class__"
        numbered = verbs.map_arrays(frames[0], ArrayMap(features, ((place, nw.Int64()),), self._places))
        count = len(self.model.classes)
        names = verbs.literal(pa.table({place: pa.array(range(count)), self.output: pa.array(self.model.classes, pa.large_string())}))
        return verbs.join(numbered, names, Joining((place,), (place,), "left")).drop(place)

    def _probabilities(self, array: Any) -> Sequence[Any]:
        """Return a column for each class."""
        made = probabilities_of(self.model.weights, array)
        return [made[:, number] for number in range(made.shape[1])]

    def _places(self, array: Any) -> Sequence[Any]:
        """Return the number of the likeliest class."""
        return [probabilities_of(self.model.weights, array).argmax(axis=1)]
