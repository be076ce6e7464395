"""Training on the host: scikit-learn's and XGBoost's own estimators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpupipe.core.engine import Engine
from gpupipe.core.progress import Progress
from gpupipe.core.task import Training
from gpupipe.engines._estimators import train_estimator


def solve(engine: Engine, task: Training, inputs: Sequence[Any], progress: Progress | None) -> Any:
    """Return the fitted estimator."""
    train, *validation = (table.collect() for table in inputs)
    return train_estimator(task, train, validation[0] if validation else None, engine.ledger)
