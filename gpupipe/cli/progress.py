"""What a run tells while it goes, on stderr: a live line with a bar on a terminal, short plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from gpupipe.core.visible import visible
from gpupipe.report.units import number_text, plural, seconds_text

Tell = Callable[[str, Any, Mapping[str, Any]], None]
PLAIN_EVERY_SECONDS = 5.0


def is_live() -> bool:
    """Return whether stderr is a terminal that a line can be redrawn on."""
    return sys.stderr.isatty() and not Console(stderr=True).is_dumb_terminal


@contextmanager
def telling(*, quiet: bool) -> Iterator[Tell]:
    """Give the function that a run tells of its events, in the manner that stderr allows."""
    if quiet:
        yield _silent
    elif is_live():
        columns = (SpinnerColumn("line"), TextColumn("{task.description}"), RoundsColumn(bar_width=24), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True, highlight=False), transient=True) as progress:
            yield LiveTeller(progress)
    else:
        yield PlainTeller()


def _silent(_event: str, _step: Any, _facts: Mapping[str, Any]) -> None:
    """Tell nobody."""


class RoundsColumn(BarColumn):
    """A bar while the number of rounds is known, and nothing otherwise."""

    def render(self, task: Task) -> Any:
        """Return the bar of the task."""
        return Text() if task.total is None else BarColumn.render(self, task)


class LiveTeller:
    """Keeps one live line about what is being done, and leaves a line behind for what was."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.task = progress.add_task("loading and planning", total=None)

    def __call__(self, event: str, step: Any, facts: Mapping[str, Any]) -> None:
        """Show an event."""
        if event == "cluster":
            self.progress.console.print(escape(cluster_text(facts)), soft_wrap=True)
        elif event == "done":
            self.progress.console.print(f"[green]✓[/green] {escape(done_text(step, facts))}", soft_wrap=True)
            self._begin("running")
        elif event == "tasks":
            self.progress.update(self.task, total=facts["of"], completed=facts["done"])
        elif event == "progress" and facts.get("total"):
            rounds = {"total": facts["total"], "completed": facts.get("number", 0)}
            self.progress.update(self.task, description=escape(now_text(event, step, facts)), **rounds)
        else:
            self._begin(escape(now_text(event, step, facts)))

    def _begin(self, description: str) -> None:
        """Start a line anew: a task that has a total keeps it."""
        self.progress.remove_task(self.task)
        self.task = self.progress.add_task(description, total=None)


class PlainTeller:
    """Prints a line for each query and each finished stage, and of a training's rounds one now and then."""

    def __init__(self) -> None:
        self.told_at = time.monotonic()

    def __call__(self, event: str, step: Any, facts: Mapping[str, Any]) -> None:
        """Print an event."""
        if event == "cluster":
            self._print(cluster_text(facts))
            return
        if event == "done":
            self._print(done_text(step, facts))
            return
        if event == "tasks":
            if time.monotonic() - self.told_at >= PLAIN_EVERY_SECONDS:
                self._print(f"{facts['done']} of {facts['of']} tasks done on the cluster, for {title(step)}")
            return
        query = event == "stretch" and facts.get("n_stages", 1) > 1
        overdue = event == "progress" and time.monotonic() - self.told_at >= PLAIN_EVERY_SECONDS
        if query or overdue:
            self._print(now_text(event, step, facts))

    def _print(self, text: str) -> None:
        self.told_at = time.monotonic()
        print(text, file=sys.stderr, flush=True)  # noqa: T201  (a line of the command's own)


def title(step: Any) -> str:
    """Return what a step is called."""
    return "the pipeline" if step is None else visible(step.node.title)


def now_text(event: str, step: Any, facts: Mapping[str, Any]) -> str:
    """Return what an event says is being done."""
    if event == "stretch":
        n_stages = int(facts.get("n_stages", 1))
        return f"{plural(n_stages, 'stage')} as one query, for {title(step)}" if n_stages > 1 else title(step)
    if event == "progress":
        total = facts.get("total")
        figures = [f"{name} {number_text(value)}" for name, value in facts.items() if name not in ("number", "total")]
        return "  ".join([f"{title(step)}: round {facts.get('number', '')}{f' of {total}' if total else ''}", *figures])
    return title(step)


def cluster_text(facts: Mapping[str, Any]) -> str:
    """Return where a cluster can be watched."""
    return f"Dask's dashboard: {visible(facts['dashboard'])}"


def done_text(step: Any, facts: Mapping[str, Any]) -> str:
    """Return what a finished step came to."""
    rows, seconds = facts.get("rows"), facts.get("seconds")
    parts = [title(step)] + ([plural(rows, "row")] if rows is not None else []) + ([seconds_text(seconds)] if seconds else [])
    return "  ".join(parts)


@contextmanager
def counting(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """Give a function to call with how many of `total` are done."""
    if quiet or not is_live():
        yield None
        return
    columns = (SpinnerColumn("line"), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)
