"""XGBoost on tables in blocks: its own distributed training, straight from the blocks, watched so that a lost worker means again."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import distributed
import pandas as pd
from distributed.client import ClosedClientError
from sklearn.base import clone

from gpupipe.core.errors import ClusterError, StageError
from gpupipe.core.schema import Schema
from gpupipe.core.task import Training
from gpupipe.engines._block_engine import PACKED, TARGET, WEIGHT, carrying
from gpupipe.engines._blocks import TaskContext, block_engine
from gpupipe.engines._estimators import reason_of
from gpupipe.engines.dask.blocks import Blocks, Site, mapped
from gpupipe.engines.dask.lowering import frame_of
from gpupipe.engines.dask.passes import checked_rows
from gpupipe.engines.dask.waiting import Waiter, gone

_TRIES = 4
_WATCH_SECONDS = 0.5
_GRACE_SECONDS = 10.0  # a worker's peers in a training may know of its end before the scheduler does
_COLLECTIVE = re.compile(r"/collective/\w+\.(?:cc|h):\d+: ")


class LostWorkerError(Exception):
    """A worker that took part in a training is gone."""


@dataclass(frozen=True)
class TrainingBlock:
    """Makes of a block what XGBoost takes: a frame of floats, one column of them the target, and one the weight.

    Parameters
    ----------
    target, weight
        Their columns; None where there is none.
    """

    at: TaskContext
    features: tuple[str, ...]
    target: str | None
    weight: str | None
    schema: Schema

    def __call__(self, block: Any) -> Any:
        """Return the numbers of the block."""
        with self.at.work() as engine:
            return engine.numbers(engine.opened(block, self.schema), self.features, self.target, self.weight)


def train_xgboost(recipe: Training, train: Blocks, validation: Blocks | None, waiter: Waiter, site: Site) -> Any:
    """Return a copy of the recipe's estimator, trained on all workers."""
    import xgboost.dask  # local: only a caller with an XGBoost estimator has xgboost

    client = waiter.client
    kind = getattr(xgboost.dask, f"Dask{type(recipe.estimator).__name__}", None)
    if kind is None:
        msg = f"{type(recipe.estimator).__name__} has no distributed training in XGBoost. Use engine 'cpu', or another of its estimators."
        raise StageError(msg)
    engine = block_engine(site.at.engine)
    numbers = [numbers_of(recipe, blocks, site) for blocks in (train, validation) if blocks is not None]
    told = RoundsTold(client, recipe)
    for tried in range(1, _TRIES + 1):
        held = waiter.held(numbers)
        n_rows = checked_rows(waiter, mapped(CountNumbers(), "count", PACKED, held[0]))
        try:
            trained = client.sync(_trained, client, kind(**{**told.parameters(), **engine.boosting}), recipe, held)
            told.rest()
            return engine.adopted(_on_one_machine(recipe.estimator, trained))
        except (LostWorkerError, OSError) as error:
            if tried == _TRIES:
                msg = f"A worker was lost in each of {_TRIES} trainings of {type(recipe.estimator).__name__}. Give the workers more memory."
                raise ClusterError(msg) from error
            waiter.wait_for_worker()
        except (ValueError, TypeError, RuntimeError) as error:
            if client.status != "running":
                raise gone() from error
            msg = f"{type(recipe.estimator).__name__} could not be trained on {n_rows} rows: {reason_of(error)}"
            raise StageError(msg) from error
        finally:
            told.close()
    raise AssertionError


class RoundsTold:
    """Passes what the first worker tells of each boosting round on to the recipe's progress."""

    def __init__(self, client: distributed.Client, recipe: Training) -> None:
        self.client = client
        self.recipe = recipe
        self.topic = ""
        self.n_told = 0

    def parameters(self) -> dict[str, Any]:
        """Return the estimator's parameters, with a callback that tells of each round; on a topic of its own for each training."""
        parameters: dict[str, Any] = self.recipe.estimator.get_params()
        if self.recipe.progress is not None:
            self.topic, self.n_told = f"gpupipe-rounds-{uuid.uuid4().hex}", 0
            self.client.subscribe_topic(self.topic, self._tell)
            parameters["callbacks"] = [*(parameters.get("callbacks") or ()), rounds(self.topic)]
        return parameters

    def _tell(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Tell of one round, unless it was told of already."""
        told = event[1]
        if self.recipe.progress is not None and told["number"] > self.n_told:
            self.n_told = told["number"]
            self.recipe.progress(told["number"], self.recipe.estimator.get_params().get("n_estimators"), told["figures"])

    def rest(self) -> None:
        """Tell of the rounds whose events are still under way."""
        if self.topic:
            for event in self.client.get_events(self.topic):
                self._tell(event)

    def close(self) -> None:
        """Hear no more."""
        if self.topic:
            with suppress(ClosedClientError):  # the error under way tells of it
                self.client.unsubscribe_topic(self.topic)
            self.topic = ""


def rounds(topic: str) -> Any:
    """Return the XGBoost callback that logs each round on a topic of Dask's, from the first worker."""
    from xgboost.callback import TrainingCallback  # local: only a caller with an XGBoost estimator has xgboost

    class Rounds(TrainingCallback):
        """Logs each boosting round."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Any]) -> bool:
            from xgboost import collective  # local: as above

            if collective.get_rank() == 0:
                latest = {f"{data} {metric}": float(values[-1]) for data, log in evals_log.items() for metric, values in log.items()}
                distributed.get_worker().log_event(topic, {"number": epoch + 1, "figures": latest})
            return False

    return Rounds()


def numbers_of(recipe: Training, blocks: Blocks, site: Site) -> Any:
    """Return the blocks as XGBoost takes them."""
    engine = block_engine(site.at.engine)
    with engine.working():
        empty = engine.opened(engine.meta(blocks.schema), blocks.schema)
        meta = engine.numbers(empty, recipe.features, recipe.target, recipe.weight)
    task = TrainingBlock(site.at, recipe.features, recipe.target, recipe.weight, blocks.schema)
    return mapped(task, "to-numbers", meta, frame_of(blocks))


@dataclass(frozen=True)
class CountNumbers:
    """Counts the rows of a block of numbers."""

    def __call__(self, block: Any) -> pd.DataFrame:
        """Return the count."""
        return carrying(len(block))


async def _trained(client: distributed.Client, estimator: Any, recipe: Training, frames: Sequence[Any]) -> Any:
    """Return the estimator trained; raise LostWorkerError where a worker is gone before it is."""
    estimator.client = client
    options: dict[str, Any] = {"verbose": False}
    features = list(recipe.features)
    if recipe.weight is not None:
        options["sample_weight"] = frames[0][WEIGHT]
    if len(frames) > 1:
        options["eval_set"] = [(frames[1][features], frames[1][TARGET])]
        if recipe.weight is not None:
            options["sample_weight_eval_set"] = [frames[1][WEIGHT]]
    before = await _workers(client)
    # an array: of a column, XGBoost would have the distinct labels found by a shuffle
    training = asyncio.ensure_future(estimator.fit(frames[0][features], frames[0][TARGET].values, **options))
    try:
        while not training.done():
            await asyncio.wait({training}, timeout=_WATCH_SECONDS)
            await _check_workers(client, before)
        return training.result()
    except (LostWorkerError, ClusterError):
        raise
    except Exception as error:
        await _check_workers(client, before)
        ends = time.monotonic() + _GRACE_SECONDS
        while is_collective(error) and time.monotonic() < ends:
            await asyncio.sleep(_WATCH_SECONDS)
            await _check_workers(client, before)
        raise
    finally:
        training.cancel()


def is_collective(error: Exception) -> bool:
    r"""Whether an error is of XGBoost's workers talking to one another, as where one of them is gone.

    Examples
    --------
    >>> is_collective(ValueError("[12:00:00] /workspace/src/collective/result.cc:83: [coll.cc:38]:\n- Ring Allreduce failed."))
    True
    >>> is_collective(ValueError("[12:00:00] /workspace/src/data/data.cc:1: Check failed: Input data contains `inf`"))
    False
    """
    return _COLLECTIVE.search(str(error).partition("\nStack trace:")[0]) is not None


async def _check_workers(client: distributed.Client, before: set[str]) -> None:
    """Raise LostWorkerError where one of the workers is gone, and ClusterError where the scheduler is."""
    if client.status != "running":
        raise gone()
    if not before <= await _workers(client):
        raise LostWorkerError


async def _workers(client: distributed.Client) -> set[str]:
    """Return the addresses of the workers there are."""
    scheduler: Any = client.scheduler
    identity = await scheduler.identity(n_workers=-1)
    return set(identity["workers"])


def _on_one_machine(estimator: Any, trained: Any) -> Any:
    """Return the trained model as the estimator of one machine that was asked for."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "model.ubj"))
        trained.save_model(path)
        made = clone(estimator)
        made.load_model(path)
    made.set_params(callbacks=estimator.get_params().get("callbacks"))
    history = trained.__dict__.get("evals_result_")
    if history:
        made.evals_result_ = history
    return made
