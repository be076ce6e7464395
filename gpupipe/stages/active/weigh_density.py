"""Weighs scores by how many rows are like a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.active._arrays import array_module
from gpupipe.active.scorers.density import weighed_by
from gpupipe.core.errors import UsageError
from gpupipe.core.fit import FitStage
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage, as_columns
from gpupipe.core.verbs import ArrayMap, Verbs

_COUNT = "__gpupipe_count__"


@dataclass(frozen=True, init=False)
class WeighDensity(FitStage):
    """Multiplies scores by how much of the pool is like a row, so that odd rows are not asked about first.

    ``gp.WeighDensity(["x", "y"]).fit(pool)(scored)``: fitted to the pool, or a sample of it, it knows the mean of all directions, whose
    product with a row is the mean of its cosines with all rows. A cosine below 0 counts as 0; a row with a missing number has no score.

    Parameters
    ----------
    embedding
        The columns in which rows are alike or not.
    score
        The column of scores, from 0 on: least confidence, entropy, BALD; not the margin, which is below.
    beta
        How much density counts against the score.

    Source
    ------
    Settles and Craven (2008), "An analysis of active learning strategies for sequence labeling tasks", equation 12 (information density).

    Examples
    --------
    >>> import polars as pl
    >>> pool = pl.DataFrame({"x": [3.0, 1.0, 0.0], "y": [0.0, 0.0, 1.0], "score": [0.5, 0.5, 0.5]})
    >>> WeighDensity(["x", "y"]).fit_plain(pool).apply(pool)["score"].round(3).to_list()
    [0.333, 0.333, 0.167]
    """

    embedding: tuple[str, ...]
    score: str
    beta: float

    def __init__(self, embedding: str | Sequence[str], *, score: str = "score", beta: float = 1.0) -> None:
        if not beta >= 0:
            raise UsageError(f"WeighDensity expects beta from 0 on, how much density counts, got {beta!r}.")
        settle(self, embedding=as_columns(embedding, "WeighDensity's embedding"), score=score, beta=float(beta))

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one that holds no numbers."""
        schemas[0].require_numeric(self.embedding, "WeighDensity")

    def needed(self, schema: Schema) -> tuple[str, ...]:
        """Return the embedding."""
        return self.embedding

    def measure(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the sum of the rows' directions, and how many have one."""
        columns = [nw.col(name).cast(nw.Float64) for name in self.embedding]
        length = nw.sum_horizontal(*(column * column for column in columns)) ** 0.5
        whole = frame.select(*columns, length.alias(_COUNT)).drop_nulls().filter(nw.col(_COUNT) > 0)
        parts = whole.select(*((nw.col(name) / nw.col(_COUNT)).alias(name) for name in self.embedding), nw.lit(1.0).alias(_COUNT))
        return parts.select(nw.all().sum())

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return the sums of all rows."""
        both = pa.concat_tables(measured)
        return pa.table({name: pa.array([pc.sum(both[name]).as_py() or 0.0], pa.float64()) for name in both.column_names})

    def finish(self, statistics: pa.Table) -> DensityWeighed:
        """Return the weighing by the mean direction; of no rows there is none."""
        row = statistics.to_pylist()[0] if statistics.num_rows else {}
        count = row.get(_COUNT) or 1.0
        return DensityWeighed(self.embedding, tuple((row.get(name) or 0.0) / count for name in self.embedding), self.score, self.beta)


@dataclass(frozen=True)
class DensityWeighed(RowStage):
    """Multiplies scores by the product of a row's direction with the `mean` of directions."""

    keeps_rows: ClassVar[bool] = True

    embedding: tuple[str, ...]
    mean: tuple[float, ...]
    score: str
    beta: float

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one that holds no numbers."""
        schemas[0].require_numeric([*self.embedding, self.score], "WeighDensity")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the scores weighed."""
        made = ((self.score, nw.Float64()),)
        return verbs.map_arrays(frames[0], ArrayMap((*self.embedding, self.score), made, partial(_weighed, self), nan_as_null=True))


def _weighed(stage: DensityWeighed, array: Any) -> list[Any]:
    """Return the weighed scores of rows of the embedding and a score."""
    mean = array_module(array).asarray(np.array(stage.mean), dtype=array.dtype)
    return [weighed_by(array[:, -1], array[:, :-1], mean, stage.beta)]
