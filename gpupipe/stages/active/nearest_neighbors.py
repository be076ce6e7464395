"""Finds the nearest neighbours of rows, as edges of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.active._arrays import on_host
from gpupipe.active.neighbors import nearest_neighbors
from gpupipe.core.errors import StageError, UsageError, listing
from gpupipe.core.options import settle
from gpupipe.core.schema import Field, Schema
from gpupipe.core.stage import as_columns
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools


@dataclass(frozen=True, init=False)
class NearestNeighbors(TaskStage):
    """Gives each row's nearest other rows: the id, ``neighbour``, ``distance``, and ``similarity``, which is 1 / (1 + distance).

    The edges make a graph: ``gp.ToGraph("id", "neighbour", weight="similarity", directed=False, duplicates="max")``, of which labels
    are spread, communities found, and so on. All distances are computed, so it is for some ten thousands of rows.

    Parameters
    ----------
    features
        The columns of numbers that distances are of.
    n_neighbors
        How many a row.
    id
        The column of ids.

    Examples
    --------
    >>> import polars as pl
    >>> made = NearestNeighbors("x", n_neighbors=1).apply(pl.DataFrame({"id": ["a", "b", "c"], "x": [0.0, 1.0, 3.0]}))
    >>> made.sort("id").select("id", "neighbour", "distance").rows()
    [('a', 'b', 1.0), ('b', 'a', 1.0), ('c', 'b', 2.0)]
    """

    keeps_rows: ClassVar[bool] = False

    features: tuple[str, ...]
    n_neighbors: int
    id: str

    def __init__(self, features: str | Sequence[str], *, n_neighbors: int = 10, id: str = "id") -> None:
        if n_neighbors < 1:
            raise UsageError(f"NearestNeighbors expects n_neighbors from 1 on, got {n_neighbors}.")
        settle(self, features=as_columns(features, "NearestNeighbors' features"), n_neighbors=n_neighbors, id=id)

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the id and the features."""
        return [list(dict.fromkeys([self.id, *self.features]))]

    def plan(self, *specs: Any) -> Schema:
        """Return the columns; raise ColumnError for a column that is not there, DtypeError for a feature that is no number."""
        specs[0].require([self.id])
        specs[0].require_numeric(self.features, "NearestNeighbors")
        key, number = Field(specs[0][self.id].dtype), Field(nw.Float64(), nullable=False)
        return Schema(((self.id, key), ("neighbour", key), ("distance", number), ("similarity", number)))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the edges; rows are taken in the order of their ids, so that of equal distances the same come first."""
        rows = inputs[0].sort(self.id)
        values = tools.xp.stack([tools.array(rows, name).astype(float) for name in self.features], axis=1)
        if not bool(tools.xp.isfinite(values).all()):
            msg = f"NearestNeighbors expects finite numbers, got a missing or infinite one in {listing(self.features, limit=5)}."
            raise StageError(f"{msg} Fill or drop such rows.")
        if len(rows) <= self.n_neighbors:
            raise StageError(f"NearestNeighbors expects more than {self.n_neighbors} rows, as each has so many others, got {len(rows)}.")
        places, distances = nearest_neighbors(values, self.n_neighbors)
        own = rows[np.repeat(np.arange(len(rows)), self.n_neighbors).tolist()].select(self.id)
        others = rows[on_host(places).reshape(-1).tolist()].select(nw.col(self.id).alias("neighbour"))
        flat = distances.reshape(-1)
        return tools.frame({"distance": flat, "similarity": 1 / (1 + flat)}, beside=nw.concat([own, others], how="horizontal"))
