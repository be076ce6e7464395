"""What a notebook shows of pipelines, nodes, stages and fitted things, and of a run while it goes on.

It is found by its name (`core/plain.py`), since what it shows is in core, and what it stands on is not.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gpupipe.core.errors import GpupipeError
from gpupipe.core.holding import Holding
from gpupipe.core.node import Node, Table
from gpupipe.core.secret import masked
from gpupipe.core.stage import Stage
from gpupipe.plan import make_plan
from gpupipe.report.cards import fact_text
from gpupipe.report.drawing import draw_svg
from gpupipe.report.form import KINDS, kind_of
from gpupipe.report.html import drawing_html, facts_html, progress_html
from gpupipe.report.units import plural, seconds_text

MOST_SIGNS = 200  # of a value
LEAST_SECONDS = 0.2  # between two looks at a run


def node_html(node: Node) -> str:
    """Return a node: where it was wired, what it gives, and the drawing of what leads to it; or why that cannot be."""
    rows: list[tuple[str, Any]] = [("wired at", node.where)]
    try:
        plan = make_plan("node", {"node": node})
    except GpupipeError as error:
        told = [f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]
        return facts_html(node.title, type(node).__name__.lower(), [*rows, ("error", "\n".join(told))])
    stages = plan.as_json()["stages"]
    shown = stages[plan.outputs["node"]]
    columns = [(name, f"{dtype}, {'may be null' if nullable else 'never null'}") for name, dtype, nullable in shown["schema"] or ()]
    what = f"{type(node).__name__.lower()} · {KINDS[kind_of(shown)]}"
    what += f" · {plural(len(columns), 'column')}" if isinstance(node, Table) else ""
    return facts_html(node.title, what, [*rows, *columns], draw_svg(stages, plan.outputs))


def stage_html(stage: Stage) -> str:
    """Return a stage, fitted or not, with what it was made with."""
    fields: tuple[Any, ...] = dataclasses.fields(stage) if dataclasses.is_dataclass(stage) else ()
    shown = [field for field in fields if field.repr and not field.name.startswith("_")]
    shown = [field for field in shown if repr(getattr(stage, field.name)) != repr(field.default)]  # what was left as it is says little
    rows = [(field.name, _short(getattr(stage, field.name))) for field in shown]
    return facts_html(stage.name, type(stage).__name__, rows)


def holding_html(holding: Holding) -> str:
    """Return what a run held of a node that is no table, with what there is to say of it."""
    facts = holding.describe().get("facts", {})
    return facts_html(holding.word, "", [(str(name), fact_text(value)) for name, value in facts.items()])


def pipeline_html(name: str, plan: Any) -> str:
    """Return a pipeline: its drawing, and its outputs."""
    stages = plan.as_json()["stages"]
    told = f"{plural(len(stages), 'stage')}; outputs {', '.join(plan.outputs)}"
    return drawing_html(f"Pipeline {name}", told, draw_svg(stages, plan.outputs))


def _short(value: Any) -> str:
    """Return a value in a line; of what is no plain value, what it is."""
    if isinstance(value, bytes | bytearray):
        return plural(len(value), "byte")
    shape = getattr(value, "shape", None)
    text = f"{type(value).__name__} of shape {tuple(shape)}" if isinstance(shape, tuple) else str(masked(repr(value)))
    return text if len(text) <= MOST_SIGNS else f"{text[:MOST_SIGNS]}…"


def is_notebook() -> bool:
    """Return whether this process is a notebook's."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


class NotebookTeller:
    """Keeps one line below a cell about what a run is doing, and leaves a line behind about how it ended."""

    def __init__(self, name: str, display: Any) -> None:
        self.name, self.started, self.told_at, self.n_done = name, time.monotonic(), 0.0, 0
        self.handle = display({"text/html": progress_html(f"{name}: planning", None)}, raw=True, display_id=True)

    def __call__(self, event: str, step: Any, facts: Mapping[str, Any]) -> None:
        """Show an event; of many in a short time the last."""
        self.n_done += event == "done"
        now = time.monotonic()
        if event == "done" or now - self.told_at < LEAST_SECONDS:
            return
        self.told_at = now
        done, of = facts.get("number", facts.get("done")), facts.get("total", facts.get("of"))
        what = self.name if step is None else f"{self.name}: {step.node.title}"
        share = done / of if isinstance(done, int) and isinstance(of, int) and of else None
        self._show(f"{what}{f', {done} of {of}' if share is not None else ''}, {seconds_text(now - self.started)}", share)

    def end(self, error: BaseException | None) -> None:
        """Leave a line behind."""
        how = f"✕ {self.name} ended with {type(error).__name__} after" if error is not None else f"✓ {self.name} ran in"
        self._show(f"{how} {seconds_text(time.monotonic() - self.started)}", 1.0)

    def _show(self, text: str, share: float | None) -> None:
        self.handle.update({"text/html": progress_html(text, share)}, raw=True)


Tell = Callable[[str, Any, Mapping[str, Any]], None]


def telling(name: str) -> Tell:
    """Return what a run tells of its events where nobody asked: a notebook, or nobody."""
    return NotebookTeller(name, sys.modules["IPython"].display.display) if is_notebook() else _nobody


def _nobody(_event: str, _step: Any, _facts: Mapping[str, Any]) -> None:
    """Tell nobody."""


@contextmanager
def ended(tell: Tell) -> Iterator[None]:
    """Tell a notebook how what is in the block ended."""
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        if isinstance(tell, NotebookTeller):
            tell.end(error)
