"""Scoring of predictions in blocks, whose few columns come together in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gpupipe.core.progress import Progress
from gpupipe.core.task import Scoring
from gpupipe.engines._estimators import score_arrays
from gpupipe.engines.dask.blocks import Blocks
from gpupipe.engines.dask.engine import DaskEngine


def solve(engine: DaskEngine, task: Scoring, inputs: Sequence[Blocks], progress: Progress | None) -> Mapping[str, Any]:
    """Return the metrics of predictions."""
    return score_arrays(task, engine.deliver(inputs[0]))
