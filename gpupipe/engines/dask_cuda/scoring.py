"""Metrics of predictions in blocks: they come together on one worker, whose block engine works the metrics out where its frames are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gpupipe.core.engine import ScoringRecipe
from gpupipe.engines._blocks import PACKED, At, carrying, given
from gpupipe.engines.dask.blocks import Blocks, Site, mapped
from gpupipe.engines.dask.tables import gathered
from gpupipe.engines.dask.waiting import Waiter


@dataclass(frozen=True)
class ScoreOnWorker:
    """Scores one block that has all predictions."""

    at: At
    recipe: ScoringRecipe

    def __call__(self, block: Any) -> pd.DataFrame:
        """Return the metrics."""
        with self.at.work() as engine:
            return carrying(engine.score(self.recipe, given(engine, block)))


def score_on_one_worker(recipe: ScoringRecipe, data: Blocks, waiter: Waiter, site: Site) -> Mapping[str, Any]:
    """Return the metrics; over what a worker may hold the run ends with what was needed."""
    single = gathered(data, site, "Evaluate")
    (frame,) = waiter.brought([mapped(ScoreOnWorker(site.at, recipe), "score", PACKED, single.frame)])
    made: Mapping[str, Any] = frame["table"].iloc[0]
    return made
