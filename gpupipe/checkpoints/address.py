"""Where the result of each step of a plan belongs: an address made of all that it is computed from.

There are two kinds. The result of a barrier depends on what its inputs *mean*: the stages above it and the sources' content. The rows of
a table depend, beyond that, on what this plan needs of them: the columns that are delivered and the filters that sources are read with.
So a stage that is added beside a fit does not disturb it, and rows that were left out are never missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gpupipe.checkpoints.code import UnaddressableError
from gpupipe.checkpoints.digest import digest
from gpupipe.core.barrier import Barrier
from gpupipe.core.ends import Sink, Source
from gpupipe.plan import Plan, Step
from gpupipe.report.record import versions

FORMAT = 1


@dataclass(frozen=True)
class Address:
    """A step's address, or why it has none."""

    key: str | None
    why: str | None = None


def marks_of(plan: Plan) -> dict[int, Any]:
    """Return what each source says that changes when its rows do; None where it cannot say."""
    return {step.id: mark_of(step.stage) for step in plan.steps if isinstance(step.stage, Source)}


def mark_of(source: Source) -> Any | None:
    """Return what a source says that changes when its rows do; None where it cannot say."""
    try:
        return source.fingerprint()
    except OSError:  # a file that went since the plan was made: whoever reads it says so
        return None


def addresses(plan: Plan, engine: str, marks: Mapping[int, Any]) -> dict[int, Address]:
    """Return the address of every step that is no sink; `marks` is what `marks_of` says of the sources.

    The engine counts, since sums of floats differ in their last bits from one to the next; and so do the versions of the libraries.
    """
    roots = (FORMAT, engine, versions())
    meanings: dict[int, Address] = {}
    found: dict[int, Address] = {}
    for step in plan.steps:
        if isinstance(step.stage, Sink):
            continue
        meanings[step.id] = _meaning(step, [meanings[given] for given in step.inputs], roots, marks.get(step.id))
        found[step.id] = meanings[step.id] if isinstance(step.stage, Barrier) else _content(plan, step, meanings[step.id])
    return found


def _meaning(step: Step, inputs: Sequence[Address], roots: tuple[Any, ...], mark: Any) -> Address:
    """Return the address of what a step means: its stage, and what its inputs mean."""
    unknown = next((given for given in inputs if given.key is None), None)
    if unknown is not None:
        return unknown
    try:
        parts: list[Any] = [roots, step.stage, [given.key for given in inputs]]
        if isinstance(step.stage, Source):
            if mark is None:
                return Address(None, f"whether the rows of {step.stage.origin()} have changed cannot be told without reading them")
            parts.append(mark)
        return Address(digest(*parts))
    except UnaddressableError as error:
        return Address(None, f"{step.node.title} depends on {error}, of which no address can be made")


def _content(plan: Plan, step: Step, meaning: Address) -> Address:
    """Return the address of the rows that a table step delivers in this plan."""
    if meaning.key is None or step.delivered is None:
        return meaning
    readings = [plan.steps[number].reading for number in sources_of(plan, step)]
    try:
        return Address(digest(meaning.key, step.delivered.as_json(), [reading and reading.predicate for reading in readings]))
    except Exception as error:  # noqa: BLE001  (whatever a filter's library says when it cannot write the filter down)
        return Address(None, f"the filter of a source cannot be written down ({error})")


def sources_of(plan: Plan, step: Step, *, through_barriers: bool = False) -> list[int]:
    """Return the sources whose rows a step's result is made of; those that only a barrier above it has seen, where it is asked for."""
    found: set[int] = set()
    stack = [*step.inputs] if step.inputs else [step.id]
    while stack:
        given = plan.steps[stack.pop()]
        if isinstance(given.stage, Source):
            found.add(given.id)
        elif through_barriers or not isinstance(given.stage, Barrier):
            stack += given.inputs
    return sorted(found)
