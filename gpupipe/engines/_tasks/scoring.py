"""Scoring on the host, by scikit-learn's metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gpupipe.core.engine import Engine
from gpupipe.core.progress import Progress
from gpupipe.core.task import Scoring
from gpupipe.engines._estimators import score_arrays


def solve(engine: Engine, task: Scoring, inputs: Sequence[Any], progress: Progress | None) -> Mapping[str, Any]:
    """Return the metrics of predictions."""
    return score_arrays(task, inputs[0].collect())
