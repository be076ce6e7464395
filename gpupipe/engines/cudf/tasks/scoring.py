"""Scoring on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gpupipe.core.progress import Progress
from gpupipe.core.task import Scoring
from gpupipe.engines.cudf.engine import CudfEngine
from gpupipe.engines.cudf.frames import native_of
from gpupipe.engines.cudf.scores import score_on_device


def solve(engine: CudfEngine, task: Scoring, inputs: Sequence[Any], progress: Progress | None) -> Mapping[str, Any]:
    """Return the metrics, computed on the device."""
    made: Mapping[str, Any] = engine.with_room("Evaluate", lambda: score_on_device(task, native_of(inputs[0])))
    return made
