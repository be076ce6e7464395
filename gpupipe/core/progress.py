"""Progress: who is told of the rounds of a task, and what."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Progress = Callable[[int, int | None, Mapping[str, float]], None]  # round, rounds in all, figures of the round
