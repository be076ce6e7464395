"""Training on tables in blocks: XGBoost's own distributed training, exact fits from parts, or all rows on one worker."""

from __future__ import annotations

from typing import Any

from gpupipe.core.ledger import Ledger
from gpupipe.core.task import Training
from gpupipe.engines._estimators import is_xgboost
from gpupipe.engines._mergeable.choose import mergeable, why_not_mergeable
from gpupipe.engines.dask.blocks import Blocks, Site
from gpupipe.engines.dask.boosting import train_xgboost
from gpupipe.engines.dask.passes import fit_by_passes
from gpupipe.engines.dask.solving import solved_on_one_worker
from gpupipe.engines.dask.waiting import Waiter


def train_on_blocks(recipe: Training, train: Blocks, validation: Blocks | None, waiter: Waiter, site: Site, ledger: Ledger) -> Any:
    """Return the fitted estimator."""
    if recipe.group is not None:
        return train_on_one_worker(recipe, train, validation, waiter, site, ledger, "blocks would cut its groups")
    if type(recipe.estimator).__name__.startswith("XGBRF"):
        reason = "XGBoost's forests are not trained in parts here"
        return train_on_one_worker(recipe, train, validation, waiter, site, ledger, reason)
    if is_xgboost(recipe.estimator):
        return train_xgboost(recipe, train, validation, waiter, site)
    fit = None if validation is not None else mergeable(recipe.estimator)
    if fit is not None:
        return fit_by_passes(fit, recipe, train, waiter, site)
    return train_on_one_worker(recipe, train, validation, waiter, site, ledger, why_not_mergeable(recipe.estimator))


def train_on_one_worker(
    recipe: Training, train: Blocks, validation: Blocks | None, waiter: Waiter, site: Site, ledger: Ledger, reason: str | None
) -> Any:
    """Return the estimator fitted by one worker's block engine, where all rows come together, with a line in the report."""
    name = type(recipe.estimator).__name__
    if train.n_blocks > 1:
        ledger.fall_back(f"{name} is trained on one worker, where all rows come together: {reason}.")
    tables = [blocks for blocks in (train, validation) if blocks is not None]
    made, _ = solved_on_one_worker(recipe, tables, waiter, site, None, name)
    return made
