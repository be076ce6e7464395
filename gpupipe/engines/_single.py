"""What the engines of one process share: data is a lazy narwhals frame, and a stage runs on all of it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.core.engine import Engine, EngineOptions, ScoringRecipe, TrainingRecipe, Verbs
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.engines._estimators import score_arrays, train_estimator
from gpupipe.engines._scratch import Scratch

Frame = nw.LazyFrame[Any]


class SingleEngine(Engine):
    """An engine whose tables each are one narwhals frame."""

    verbs: Verbs

    def __init__(self, options: EngineOptions | None = None) -> None:
        super().__init__(options)
        self.scratch = Scratch()

    def run(self, stage: TableStage, inputs: Sequence[Any], schema: Schema) -> Any:
        """Return the stage's result."""
        return stage.run(self.verbs, *inputs)

    def train(self, recipe: TrainingRecipe, train: Frame, validation: Frame | None) -> Any:
        """Return the fitted estimator."""
        return train_estimator(recipe, train.collect(), None if validation is None else validation.collect(), self.ledger)

    def score(self, recipe: ScoringRecipe, data: Frame) -> Mapping[str, Any]:
        """Return the metrics of predictions."""
        return score_arrays(recipe, data.collect())

    def deliver(self, data: Any) -> nw.DataFrame[Any]:
        """Return the rows as an eager frame."""
        made: nw.DataFrame[Any] = data.collect()
        return made

    def close(self) -> None:
        """Remove the run's scratch folder."""
        self.scratch.close()


def batches_of(table: pa.Table, n_rows: int = 1 << 17) -> list[pa.RecordBatch]:
    """Return the table in batches of at most `n_rows`."""
    batches: list[pa.RecordBatch] = table.to_batches(max_chunksize=n_rows)
    return batches
