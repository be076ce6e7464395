"""Training on the devices of a cluster: by XGBoost or by cuml.dask on all of them, or on one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpupipe.core.progress import Progress
from gpupipe.core.task import Training
from gpupipe.engines._estimators import is_xgboost
from gpupipe.engines.cudf.models import check_boosting
from gpupipe.engines.dask.blocks import Blocks
from gpupipe.engines.dask.boosting import train_xgboost
from gpupipe.engines.dask.learners import train_on_one_worker
from gpupipe.engines.dask_cuda.choice import why_alone
from gpupipe.engines.dask_cuda.clusters import are_shared
from gpupipe.engines.dask_cuda.engine import DaskCudaEngine
from gpupipe.engines.dask_cuda.learners import train_on_devices


def solve(engine: DaskCudaEngine, task: Training, inputs: Sequence[Blocks], progress: Progress | None) -> Any:
    """Return the fitted estimator."""
    train, *others = inputs
    validation = others[0] if others else None
    waiter, site = engine.waiter, engine.site  # which open the cluster
    if are_shared(engine.devices):
        reason: str | None = "workers share a GPU, and NCCL takes one process a GPU"
    elif task.group is not None:
        reason = "blocks would cut its groups"
    elif is_xgboost(task.estimator):
        check_boosting(task.estimator)
        return train_xgboost(task, train, validation, waiter, site)
    else:
        reason = why_alone(task, train.schema)
        if reason is None and validation is None and train.n_blocks > 1:
            return train_on_devices(task, train, waiter, site, engine.ledger)
    return train_on_one_worker(task, train, validation, waiter, site, engine.ledger, reason)
