"""The plan: a pipeline run symbolically on empty tables, before anything is read.

Every stage is run by itself on empty tables of the schemas that reach it, which checks it and gives the schema of what it makes. From the
outputs backwards, `narrowing.py` finds which columns and rows are needed of each table. The work is ordered into phases: a stage in phase n
needs what barriers (fits, trainings, scores) of phase n - 1 conclude.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.barrier import Barrier
from gpupipe.core.ends import Reading, Sink, Source, check_targets
from gpupipe.core.errors import ColumnError
from gpupipe.core.literal import Literal
from gpupipe.core.node import Node, Value, ordered
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Apply, Promise, Stage, TableStage, WithResults, stage_of
from gpupipe.engines._symbolic import frame_schema, narrowed
from gpupipe.engines._tried import keeps_rows, planned_spec, try_stage
from gpupipe.known import table_stage_of
from gpupipe.narrowing import live_columns, predicates_of
from gpupipe.report.drawing import draw_svg, draw_text


@dataclass(frozen=True)
class Step:
    """One node in the plan.

    Parameters
    ----------
    inputs
        The ids of the steps that this one needs, in the order the stage takes them.
    schema
        What a table step promises; None for the others.
    delivered
        What of it is needed in a run: the promise less the columns that nothing after it needs, in the promise's order.
    reading
        What a source is read for.
    phase
        When the step can run: after all barriers of earlier phases.
    open
        Whether the columns depend on what a barrier learns, so that they are known only then.
    same_rows
        Whether a table has as many rows as its (last) table, so that nobody needs to count them.
    any_order
        Whether nothing after it depends on the order of its rows, which a learner's training does.
    dtype
        The dtype that a number has in expressions; None where the step makes none.
    ready
        The stage as it is run, where it is known before the run.
    specs
        What the plan knows of each input; see `Barrier`.
    """

    id: int
    node: Node
    inputs: tuple[int, ...]
    schema: Schema | None
    delivered: Schema | None
    reading: Reading | None
    phase: int
    open: bool = False
    same_rows: bool = False
    any_order: bool = True
    dtype: Any = None
    ready: TableStage | None = None
    specs: tuple[Any, ...] = ()

    @property
    def stage(self) -> Stage:
        """The step's stage."""
        return stage_of(self.node)

    @property
    def tables(self) -> tuple[int, ...]:
        """The inputs that are tables to the stage: not what was fitted, and no numbers that stand in its expressions."""
        return tuple(self.stage.tables(self.inputs))


@dataclass(frozen=True)
class Plan:
    """The steps of a pipeline, inputs before what is made of them, and which of them are outputs."""

    name: str
    steps: tuple[Step, ...]
    outputs: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain values, as ``gpupipe plan --json`` and the drawings take it."""
        return {"pipeline": self.name, "stages": [describe_step(step) for step in self.steps], "outputs": dict(self.outputs)}

    def _repr_svg_(self) -> str:
        return draw_svg(self.as_json()["stages"], self.outputs)

    def __str__(self) -> str:
        return draw_text(self.as_json()["stages"], self.outputs)


def describe_step(step: Step) -> dict[str, Any]:
    """Return one step as plain values."""
    pushed = None
    if step.reading is not None and isinstance(step.stage, Source):
        filter_ = None if step.reading.predicate is None else readable(str(step.reading.predicate))
        pushed = {"columns": list(step.reading.columns), "of": len(step.schema or ()), "filter": filter_}
    return {
        "id": step.id,
        "name": step.stage.name,
        "label": step.node.label or (step.stage.origin() if isinstance(step.stage, Source) else None),
        "kind": step.stage.kind,
        "inputs": list(step.inputs),
        "where": step.node.where,
        "pushed": pushed,
        "schema": None if step.schema is None else step.schema.as_json(),
    }


def readable(predicate: str) -> str:
    """Return a Polars predicate as a person would write it.

    Examples
    --------
    >>> readable('[(col("a")) > (dyn int: 3)]')
    '(a) > (3)'
    """
    plain = re.sub(r'col\("([^"]*)"\)', r"\1", predicate)
    return re.sub(r"dyn \w+: ", "", plain).removeprefix("[").removesuffix("]")


def check_nodes(outputs: dict[str, Node]) -> None:
    """Raise what `make_plan` would raise, without working out what each source is read for."""
    nodes = ordered(outputs)
    _planned(nodes)
    check_targets(nodes)


def make_plan(name: str, outputs: dict[str, Node]) -> Plan:
    """Return the plan of the outputs.

    Raises
    ------
    PlanError
        Where a stage cannot take what reaches it, with the stage and the line that wired it in the error's notes.
    SourceError
        Where a source's schema cannot be read.
    """
    nodes = ordered(outputs)
    planner = _planned(nodes)
    check_targets(nodes)
    ids = {output: planner.ids[id(node)] for output, node in outputs.items()}
    return Plan(name, tuple(planner.steps(set(ids.values()))), ids)


def _planned(nodes: Sequence[Node]) -> _Planner:
    """Return the planner that has run the nodes; a column that a fitted stage promises to make is there once something asks for it."""
    promised: dict[int, set[str]] = {}
    sources: dict[int, Schema] = {}
    while True:
        planner = _Planner(promised, sources)
        node = nodes[0]
        try:
            for node in nodes:
                planner.add(node)
        except Exception as error:
            source = planner.promiser(node, error.missing) if isinstance(error, ColumnError) else None
            missing = str(error.missing) if isinstance(error, ColumnError) else ""
            if source is None or missing in promised.get(id(source), ()):
                error.add_note(note(node))
                raise
            promised.setdefault(id(source), set()).add(missing)
        else:
            return planner


def note(node: Node, engine: str | None = None) -> str:
    """Return the note that tells where in the pipeline an error belongs."""
    on = f" on engine {engine!r}" if engine else ""
    return f"In stage {node.title}{on}, wired at {node.where}."


class _Planner:
    """Runs the nodes symbolically, one after the other, each on empty tables of its own."""

    def __init__(self, promised: Mapping[int, set[str]], sources: dict[int, Schema]) -> None:
        self.promised = promised
        self.sources = sources
        self.promises: dict[int, tuple[Promise, ...]] = {}
        self.nodes: list[Node] = []
        self.ids: dict[int, int] = {}
        self.same: dict[tuple[Any, ...], int] = {}  # the step of a stage on some inputs, whatever its node is called
        self.inputs: list[tuple[int, ...]] = []
        self.schemas: dict[int, Schema | None] = {}
        self.stages: dict[int, TableStage] = {}  # what makes each table, as far as it is known before the run
        self.same_rows: set[int] = set()
        self.sketches: dict[int, Any] = {}
        self.phases: dict[int, int] = {}
        self.open: set[int] = set()

    def add(self, node: Node) -> None:
        """Run one node whose inputs have been run; one that is another by another name (`Node.named`) is the same step."""
        number = len(self.nodes)
        inputs = tuple(self.ids[id(given)] for given in node.inputs)
        known = number if isinstance(node.stage, Sink) else self.same.setdefault((id(node.stage), type(node), inputs), number)
        if known != number:
            self.ids[id(node)] = known
            self.nodes[known] = node if node.label else self.nodes[known]
            return
        self.nodes.append(node)
        self.inputs.append(inputs)
        self.ids[id(node)] = number
        self.schemas[number] = None
        self.phases[number] = max((self._ready(given) for given in inputs), default=0)
        stage = stage_of(node)
        if isinstance(stage, Source):
            if id(node) not in self.sources:
                self.sources[id(node)] = stage.schema()
            self.schemas[number] = self.sources[id(node)]
            self.schema(number).require(stage.whole_keys())
        elif isinstance(stage, Sink):
            stage.check(self.schema(inputs[0]))
            stage.probe()
        elif isinstance(stage, Barrier):
            self._sketch(number, stage, inputs)
        else:
            self._table(number, stage, inputs)

    def _ready(self, number: int) -> int:
        """Return the phase from which a step's result is there."""
        return self.phases[number] + (1 if isinstance(self.nodes[number].stage, Barrier) else 0)

    def _table(self, number: int, given: Stage, inputs: Sequence[int]) -> None:
        """Run a stage that makes a table."""
        schemas = [self.schema(each) for each in given.tables(inputs)]
        tried = try_stage(table_stage_of(given, [self.sketches.get(each) for each in inputs]), schemas)
        frame, schema, self.stages[number], self.promises[number] = tried.frame, tried.schema, tried.stage, tried.said.promises
        if len(schemas) == 1 and (tried.keeps_rows or keeps_rows(tried.stage, frame, schemas)):
            self.same_rows.add(number)
        wanted = sorted(self.promised.get(id(self.nodes[number]), ()))
        if wanted:
            dtypes = {name: promise.dtype for name in wanted for promise in tried.said.promises if fnmatchcase(name, promise.pattern)}
            frame = frame.with_columns([nw.lit(None, dtype=dtype).alias(name) for name, dtype in dtypes.items()])
            schema = frame_schema(frame, schema.not_null)
        self.schemas[number] = schema
        if self.promises[number] or any(each in self.open for each in inputs):
            self.open.add(number)

    def promiser(self, node: Node, missing: str | None) -> Node | None:
        """Return the node above that promises to make a column that `node` misses, or None."""
        above = ordered({"": node})[:-1]
        for given in reversed(above):
            promises = self.promises.get(self.ids.get(id(given), -1), ())
            if missing is not None and any(fnmatchcase(missing, promise.pattern) for promise in promises):
                return given
        return None

    def _sketch(self, number: int, stage: Barrier, inputs: Sequence[int]) -> None:
        """Find what a barrier gives: from the specs of its inputs, or by running it on what it wants of empty tables."""
        made = planned_spec(stage, [self.spec(given) for given in inputs])
        if isinstance(made, Schema):
            made.require_known()
            self.schemas[number] = made
            return
        is_number = isinstance(self.nodes[number], Value) and isinstance(made, nw.dtypes.DType)  # whose spec is its dtype
        if made is None and isinstance(self.nodes[number], Value):
            made = Literal(None, nw.Float64())
        self.sketches[number] = Literal(0, made) if is_number else made

    def spec(self, number: int) -> Any:
        """Return what is known of a step's result: a table's schema, what stands for something fitted or a value, another kind's spec."""
        schema = self.schemas[number]
        return self.sketches.get(number) if schema is None else schema

    def schema(self, number: int) -> Schema:
        """Return a table step's schema."""
        schema = self.schemas[number]
        assert schema is not None
        return schema

    def steps(self, outputs: set[int]) -> list[Step]:
        """Return the steps, with what is needed of each of them."""
        live = live_columns(self, outputs)
        predicates = predicates_of(self, outputs)
        minded = self._minded()
        self.phases = _put_off(self, outputs)
        return [
            replace(self._step(number, node, live, predicates), any_order=number not in minded) for number, node in enumerate(self.nodes)
        ]

    def _minded(self) -> set[int]:
        """Return the steps on whose rows' order something after them depends."""
        found: set[int] = set()
        for number in reversed(range(len(self.nodes))):
            if number in found or stage_of(self.nodes[number]).minds_order:
                found |= set(self.inputs[number])
        return found

    def _step(self, number: int, node: Node, live: Mapping[int, Collection[str]], predicates: Mapping[int, Any]) -> Step:
        schema = self.schemas[number]
        whole = isinstance(node.stage, Barrier)  # its table is there with all of its columns
        delivered = schema if schema is None or whole else narrowed(schema, live[number])
        reading = Reading(tuple(delivered), predicates.get(number)) if isinstance(node.stage, Source) and delivered is not None else None
        stage = self.stages.get(number)
        sketch = self.sketches.get(number)
        dtype = sketch.dtype if isinstance(sketch, Literal) else None
        specs = tuple(self.spec(given) for given in self.inputs[number])
        phase, is_open = self.phases[number], number in self.open
        ready = None if is_open or isinstance(node.stage, Apply | WithResults) else stage
        made = Step(number, node, self.inputs[number], schema, delivered, reading, phase, is_open, number in self.same_rows)
        return replace(made, dtype=dtype, ready=ready, specs=specs)


def _put_off(planner: _Planner, outputs: set[int]) -> dict[int, int]:
    """Return the phases, later ones for tables that only a later phase needs, where all that they are made of is put off with them.

    So nobody need hold them meanwhile: what a model's predictions are joined to is read when they are. A table that a task makes is
    there as soon as it is made, so tasks are not put off.
    """
    latest = dict(planner.phases)
    users: dict[int, list[int]] = {number: [] for number in latest}
    for number, inputs in enumerate(planner.inputs):
        for given in inputs:
            users[given].append(number)
    is_task = {number for number, node in enumerate(planner.nodes) if isinstance(node.stage, Barrier)}
    described = {number for number, schema in planner.schemas.items() if schema is not None} - is_task
    tables = [number for number in sorted(described) if users[number] and number not in outputs]
    for number in reversed(tables):
        latest[number] = min(latest[user] for user in users[number])
    changed = True
    while changed:  # a table that is made of one which is needed before is not put off, and so neither is what else it is made of
        changed = False
        for number in (*tables, *reversed(tables)):
            made_of = [latest[given] for given in planner.inputs[number] if given in described]
            phase = max(planner.phases[number], min([latest[number], *made_of, *(latest[user] for user in users[number])]))
            changed, latest[number] = changed or phase != latest[number], phase
    return latest
