"""Training on the device: cuML's and XGBoost's estimators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpupipe.core.progress import Progress
from gpupipe.core.task import Training
from gpupipe.engines.cudf.engine import CudfEngine
from gpupipe.engines.cudf.frames import native_of
from gpupipe.engines.cudf.models import train_on_device


def solve(engine: CudfEngine, task: Training, inputs: Sequence[Any], progress: Progress | None) -> Any:
    """Return the estimator, fitted on the device."""
    train, *validation = map(native_of, inputs)
    held_out = validation[0] if validation else None

    def trained() -> Any:
        return train_on_device(task, train, held_out, engine.crossing, engine.options.fallbacks)

    return engine.with_room(type(task.estimator).__name__, trained)
