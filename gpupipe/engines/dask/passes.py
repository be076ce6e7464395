"""Estimators fitted from blocks, exactly: every pass measures each block, and a tree of tasks merges what was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gpupipe.core.errors import StageError
from gpupipe.core.fit import fitted_in_passes
from gpupipe.core.schema import Schema
from gpupipe.core.task import Training
from gpupipe.engines._arrow import arrow_schema, as_array
from gpupipe.engines._block_engine import PACKED, carrying
from gpupipe.engines._blocks import TaskContext
from gpupipe.engines._estimators import target_values, weight_values
from gpupipe.engines._mergeable.contract import EstimatorFit
from gpupipe.engines.dask.blocks import Blocks, Site, mapped, reduced
from gpupipe.engines.dask.lowering import frame_of
from gpupipe.engines.dask.waiting import Waiter


@dataclass(frozen=True)
class ToArrays:
    """Makes of a block the arrays that a fit takes: features, target, weight."""

    at: TaskContext
    recipe: Training
    dtype: Any
    schema: Schema

    def __call__(self, block: Any) -> pd.DataFrame:
        """Return the arrays as the one value of a frame."""
        with self.at.work() as engine:
            frame = engine.opened(block, self.schema)
            rows = frame.collect()
            features = as_array(engine.to_arrow(frame.select(list(self.recipe.features)))).astype(self.dtype, copy=False)
            target = None if self.recipe.target is None else target_values(rows, self.recipe.target)
            weight = None if self.recipe.weight is None else weight_values(rows, self.recipe.weight)
            return carrying((features, target, weight))


class RefusedError(StageError):
    """An estimator refuses the data; the message is its own."""


@dataclass(frozen=True)
class MeasurePass:
    """Measures one block in one pass."""

    at: TaskContext
    measure: Callable[..., Any]

    def __call__(self, arrays: pd.DataFrame) -> pd.DataFrame:
        """Return what was measured."""
        with self.at.work():
            try:
                return carrying(self.measure(*arrays["table"].iloc[0]))
            except (ValueError, TypeError) as error:
                raise RefusedError(str(error)) from error


@dataclass(frozen=True)
class CountArrays:
    """Counts the rows of a block's arrays."""

    def __call__(self, arrays: pd.DataFrame) -> pd.DataFrame:
        """Return the count."""
        return carrying(len(arrays["table"].iloc[0][0]))


@dataclass(frozen=True)
class MergePass:
    """Merges what was measured of several blocks."""

    at: TaskContext
    fit: EstimatorFit

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the merged measurement."""
        with self.at.work():
            return carrying(self.fit.merge(list(rows["table"])))


def fit_by_passes(fit: EstimatorFit, recipe: Training, blocks: Blocks, waiter: Waiter, site: Site) -> Any:
    """Return the estimator fitted on all blocks."""
    narrow = as_array(_empty(blocks, recipe.features)).dtype
    arrays = mapped(ToArrays(site.at, _plain(recipe), narrow, blocks.schema), "to-arrays", PACKED, frame_of(blocks))
    (held,) = waiter.held([arrays])
    name = type(recipe.estimator).__name__
    n_rows = checked_rows(waiter, mapped(CountArrays(), "count", PACKED, held))

    def total_of(measure: Callable[..., Any]) -> Any:
        measured = mapped(MeasurePass(site.at, measure), f"measure-{name}", PACKED, held)
        (total,) = waiter.brought([reduced(measured, MergePass(site.at, fit), f"merge-{name}")])
        return total["table"].iloc[0]

    try:
        return fitted_in_passes(fit, fit.start(len(recipe.features), narrow), total_of, recipe.progress)
    except (ValueError, RefusedError) as error:
        msg = f"{name} could not be trained on {n_rows} rows: {error}"
        raise StageError(msg) from error


def checked_rows(waiter: Waiter, counted: Any) -> int:
    """Return how many rows there are to train on, or raise StageError where there are none."""
    (counts,) = waiter.brought([counted])
    n_rows = int(sum(counts["table"]))
    if not n_rows:
        msg = "Expected rows to train on, got an empty table. Look at the filters and splits before it."
        raise StageError(msg)
    return n_rows


def _plain(recipe: Training) -> Training:
    """Return the recipe without what stays in this process."""
    return Training(None, recipe.features, recipe.target, recipe.weight)


def _empty(blocks: Blocks, columns: Sequence[str]) -> Any:
    """Return no rows of some of the columns, as Arrow."""
    return arrow_schema(blocks.schema).empty_table().select(list(columns))
