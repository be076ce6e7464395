"""Training on tables in blocks: XGBoost's own distributed training, exact fits from parts, or all rows on one worker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cloudpickle
import pandas as pd

from gpupipe.core.engine import TrainingRecipe
from gpupipe.core.ledger import Ledger
from gpupipe.engines._blocks import PACKED, At, carrying, given
from gpupipe.engines._estimators import is_xgboost
from gpupipe.engines._mergeable.choose import mergeable, why_not_mergeable
from gpupipe.engines._shipping import dumps
from gpupipe.engines.dask.blocks import Blocks, Site, mapped
from gpupipe.engines.dask.boosting import train_xgboost
from gpupipe.engines.dask.passes import fit_by_passes
from gpupipe.engines.dask.tables import gathered
from gpupipe.engines.dask.waiting import Waiter


def train_on_blocks(recipe: TrainingRecipe, train: Blocks, validation: Blocks | None, waiter: Waiter, site: Site, ledger: Ledger) -> Any:
    """Return the fitted estimator."""
    if is_xgboost(recipe.estimator):
        return train_xgboost(recipe, train, validation, waiter, site)
    fit = None if validation is not None else mergeable(recipe.estimator)
    if fit is not None:
        return fit_by_passes(fit, recipe, train, waiter, site)
    return train_on_one_worker(recipe, train, validation, waiter, site, ledger, why_not_mergeable(recipe.estimator))


def train_on_one_worker(
    recipe: TrainingRecipe, train: Blocks, validation: Blocks | None, waiter: Waiter, site: Site, ledger: Ledger, reason: str | None
) -> Any:
    """Return the estimator fitted by one worker's block engine, where all rows come together, with a line in the report."""
    name = type(recipe.estimator).__name__
    if train.n_blocks > 1:
        ledger.fall_back(f"{name} is trained on one worker, where all rows come together: {reason}.")
    tables = [gathered(blocks, site, name) for blocks in (train, validation) if blocks is not None]
    task = TrainOnWorker(site.at, replace(recipe, progress=None), len(tables))
    (frame,) = waiter.brought([mapped(task, f"train-{name}", PACKED, *(blocks.frame for blocks in tables))])
    return cloudpickle.loads(frame["table"].iloc[0])


@dataclass(frozen=True)
class TrainOnWorker:
    """Trains an estimator on one block that has all rows."""

    at: At
    recipe: TrainingRecipe
    n_tables: int

    def __call__(self, *blocks: Any) -> pd.DataFrame:
        """Return the estimator, pickled."""
        with self.at.work() as engine:
            frames = [given(engine, block) for block in blocks]
            trained = engine.train(self.recipe, frames[0], frames[1] if len(frames) > 1 else None)
        return carrying(dumps(trained))
