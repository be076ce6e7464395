from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.progress import Progress

from gpupipe.cli.progress import LiveTeller, RoundsColumn, done_text, now_text

Command = Callable[..., Any]


class Sampled:
    """A step, as far as it is spoken of."""

    class node:  # noqa: N801
        title = "Learn(model)"


def test_events_in_words() -> None:
    step = Sampled()
    assert now_text("start", step, {}) == "Learn(model)"
    assert now_text("stretch", step, {"n_stages": 3}) == "3 stages as one query, for Learn(model)"
    told = now_text("progress", step, {"number": 7, "total": 20, "validation logloss": 0.25})
    assert told == "Learn(model): round 7 of 20  validation logloss 0.2500"
    assert done_text(step, {"rows": 1200, "seconds": 0.5}) == "Learn(model)  1,200 rows  500 ms"
    assert done_text(None, {"rows": None, "seconds": 0.0}) == "the pipeline"


def test_the_live_line_has_a_bar_for_rounds_alone() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False)
    with Progress(RoundsColumn(), console=console, auto_refresh=False) as progress:
        tell = LiveTeller(progress)
        tell("progress", Sampled(), {"number": 5, "total": 10})
        assert (progress.tasks[0].total, progress.tasks[0].completed) == (10, 5)
        tell("done", Sampled(), {"rows": 3, "seconds": 1.0})
        assert progress.tasks[0].total is None
        assert str(RoundsColumn().render(progress.tasks[0])) == ""
    assert "Learn(model)  3 rows  1.0 s" in console.file.getvalue()  # type: ignore[attr-defined]
