"""What is needed of each table: from the outputs backwards, which columns; and of each source, which rows.

Both follow from the stages alone. A stage says which columns it needs (`TableStage.needs`), or is run by itself on empty tables. A source
is read for fewer rows only where everything that takes its rows filters them, each row by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from gpupipe.core.barrier import Barrier
from gpupipe.core.ends import Sink, Source
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Apply, TableStage, WithResults, stage_of
from gpupipe.core.want import Want
from gpupipe.engines._symbolic import VERBS, any_of, filter_of, needed_columns


class Planned(Protocol):
    """The nodes of a pipeline, run on empty tables."""

    nodes: list[Node]
    inputs: list[tuple[int, ...]]
    stages: dict[int, TableStage]
    same_rows: set[int]
    open: set[int]

    def spec(self, number: int) -> Any:
        """Return what is known of a step's result."""

    def schema(self, number: int) -> Schema:
        """Return a table step's schema."""


def live_columns(planned: Planned, outputs: set[int]) -> dict[int, frozenset[str]]:
    """Return the columns that are needed of each table.

    An output and what a sink writes are needed whole; so is a table whose columns depend on what a barrier learns, and what it is made of.
    """
    live: dict[int, set[str]] = {number: set() for number in range(len(planned.nodes))}
    for number in reversed(range(len(planned.nodes))):
        node, inputs = planned.nodes[number], planned.inputs[number]
        if isinstance(node.stage, Source):
            live[number] |= set(planned.schema(number)) if number in outputs else set()
        elif isinstance(node.stage, Sink):
            live[inputs[0]] |= set(planned.schema(inputs[0]))
        elif isinstance(node.stage, Barrier):
            specs = [planned.spec(given) for given in inputs]
            for given, spec, want in zip(inputs, specs, node.stage.wants(*specs), strict=True):
                if want is not None:
                    live[given] |= _wanted(want, spec) if want.columns is None else want.columns
        else:
            schema = planned.schema(number)
            if number in outputs or number in planned.open:
                live[number] = set(schema)
            live[number] = live[number] or set(list(schema)[:1])
            stage, tables = planned.stages[number], stage_of(node).tables(inputs)
            for given, names in zip(tables, _needs(planned, number, stage, tables, live[number]), strict=True):
                live[given] |= names
    return _carried(planned, live)


def _wanted(want: Want, schema: Schema) -> frozenset[str]:
    """Return the columns that a barrier looks at."""
    return needed_columns(lambda frame: want.prepare(VERBS, frame), [schema])[0]


def _carried(planned: Planned, live: dict[int, set[str]]) -> dict[int, frozenset[str]]:
    """Return the columns that are needed, with those that row and key stages have at hand and would have to drop.

    So what a stage delivers depends on what the sources are read for, and not on each of the stages after it, and a result that was kept
    stands as long as that does.
    """
    for number, node in enumerate(planned.nodes):
        stage = planned.stages.get(number)
        if stage is not None and stage.kind in ("row", "key"):
            tables = stage_of(node).tables(planned.inputs[number])
            gone = {name for given in tables for name in planned.schema(given) if name not in live[given]}
            live[number] |= set(planned.schema(number)) - gone
    return {number: frozenset(names) for number, names in live.items()}


def _needs(planned: Planned, number: int, stage: TableStage, given: Sequence[int], wanted: set[str]) -> Sequence[frozenset[str]]:
    """Return the columns of each of its tables that a stage needs for some columns of its result."""
    schemas = [planned.schema(each) for each in given]
    if number in planned.open:
        return [frozenset(schema) for schema in schemas]
    known = stage.needs(frozenset(wanted), *schemas)
    return needed_columns(lambda *frames: stage.run(VERBS, *frames), schemas, wanted) if known is None else known


def predicates_of(planned: Planned, outputs: set[int]) -> dict[int, Any]:
    """Return, for sources of which not all rows are needed, the condition that keeps those that are."""
    consumers: dict[int, list[int]] = {}
    for number, inputs in enumerate(planned.inputs):
        for given in inputs:
            consumers.setdefault(given, []).append(number)
    found: dict[int, Any] = {}
    for number, node in enumerate(planned.nodes):
        if isinstance(node.stage, Source) and number not in outputs:
            chains = [_chain(planned, consumer, consumers, outputs) for consumer in consumers[number]]
            schema, stages = planned.schema(number), planned.stages
            predicate = any_of([filter_of(schema, [stages[each] for each in chain], len({*chain} - planned.same_rows)) for chain in chains])
            if predicate is not None:
                found[number] = predicate
    return found


def _chain(planned: Planned, first: int, consumers: dict[int, list[int]], outputs: set[int]) -> list[int]:
    """Return the steps of the row stages that follow one another from a source on, each the only one to take what the one before makes."""
    chain: list[int] = []
    number = first
    while (stage := planned.stages.get(number)) is not None:
        fixed = not isinstance(planned.nodes[number].stage, Apply | WithResults)  # what depends on results is not known before the run
        if not fixed or stage.kind != "row" or number in planned.open:
            break
        chain.append(number)
        after = consumers.get(number, [])
        if number in outputs or len(after) != 1:
            break
        number = after[0]
    return chain
