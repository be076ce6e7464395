"""Which stage an error belongs to, named in the error's notes with the line that wired it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from gpupipe.core.demand import Demand
from gpupipe.core.ends import Sink, Source
from gpupipe.core.engine import Engine
from gpupipe.core.errors import ClusterError, GpupipeError, SinkError
from gpupipe.engines._users import user_lines
from gpupipe.plan import Plan, Step, note


def _is_blamed(error: BaseException) -> bool:
    """Whether the error's notes name a stage already."""
    return any(text.startswith("In stage ") for text in getattr(error, "__notes__", []))


@contextmanager
def blamed(step: Step, plan: Plan, engine: Engine) -> Iterator[None]:
    """Name the step in the notes of an error that leaves the block."""
    try:
        yield
    except Exception as error:
        if not _is_blamed(error):
            blame(error, step, plan, engine)
        raise


def blame(error: Exception, step: Step, plan: Plan, engine: Engine) -> None:
    """Name a step in an error's notes: the one that the error itself knows, with the lines of the user's code, or else the given one."""
    known = getattr(error, "step", None)
    error.add_note(note((step if known is None else plan.steps[known]).node, engine.name))
    for line in getattr(error, "lines", None) or user_lines(error):
        error.add_note(line)


def find_blame(
    lazy: Sequence[Step], waiting: Sequence[Step], error: GpupipeError, plan: Plan, engine: Engine, results: Mapping[int, Any]
) -> None:
    """Name the stage at fault in the notes of a query's error; where nobody knows it, run the fused stages one by one until one fails.

    Parameters
    ----------
    lazy, waiting
        The steps inside the query, and those that it was for.
    results
        The engine's data of each step.
    """
    if _is_blamed(error) or isinstance(error, ClusterError):
        return
    sinks = [step for step in waiting if isinstance(step.stage, Sink)]
    if isinstance(error, SinkError) and sinks:
        named = (step for step in sinks if cast(Sink, step.stage).target() == error.target)
        error.step = next(named, sinks[0]).id
    if getattr(error, "step", None) is not None:
        blame(error, waiting[0], plan, engine)
        return
    for step in lazy:
        if step.id not in results:
            continue
        try:
            engine.compute([Demand("drain", results[step.id])])
        except GpupipeError as again:
            better = step.stage.explain(again) if isinstance(step.stage, Source) else None
            if better is None:
                error.add_note(note(step.node, engine.name))
                return
            better.add_note(note(step.node, engine.name))
            raise better from error
    error.add_note(note(waiting[0].node, engine.name))
