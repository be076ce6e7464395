"""Training on tables in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpupipe.core.progress import Progress
from gpupipe.core.task import Training
from gpupipe.engines.dask.blocks import Blocks
from gpupipe.engines.dask.engine import DaskEngine
from gpupipe.engines.dask.learners import train_on_blocks
from gpupipe.engines.dask.waiting import connection_errors


def solve(engine: DaskEngine, task: Training, inputs: Sequence[Blocks], progress: Progress | None) -> Any:
    """Return the fitted estimator."""
    waiter = engine.waiter
    train, *validation = inputs
    with connection_errors(waiter.client, also=()):
        return train_on_blocks(task, train, validation[0] if validation else None, waiter, engine.site, engine.ledger)
