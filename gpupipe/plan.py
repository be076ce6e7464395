"""The plan: a pipeline run symbolically on empty tables, before anything is read.

It checks every stage against the schemas that reach it, learns from Polars' optimizer which columns and rows each source is asked for,
and orders the work into phases: a stage in phase n needs what barriers (fits, trainings, scores) of phase n - 1 conclude.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.ends import Sink, Source, check_targets
from gpupipe.core.engine import Reading
from gpupipe.core.errors import ColumnError, PlanError
from gpupipe.core.node import Node, Table, ordered
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Apply, Barrier, Promise, RowStage, Stage, TableStage
from gpupipe.engines._symbolic import VERBS, Frame, Recorder, collect_symbolic, empty_frame, frame_schema, named_columns
from gpupipe.engines._tried import QUERY_ERRORS, keeps_rows, translated
from gpupipe.report.drawing import draw_text


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
        What it delivers in a run: the promise less the columns that nothing after it needs.
    reading
        What a source is read for.
    phase
        When the step can run: after all barriers of earlier phases.
    open
        Whether the columns depend on what a barrier learns, so that they are known only then.
    same_rows
        Whether a table has as many rows as its (last) input, so that nobody needs to count them.
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

    @property
    def stage(self) -> Stage:
        """The step's stage."""
        return self.node.stage


@dataclass(frozen=True)
class Plan:
    """The steps of a pipeline, inputs before what is made of them, and which of them are outputs."""

    name: str
    steps: tuple[Step, ...]
    outputs: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain values, as ``gpupipe plan --json`` and the drawings take it."""
        return {"pipeline": self.name, "stages": [describe_step(step) for step in self.steps], "outputs": dict(self.outputs)}

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
    _checked(nodes, outputs)
    check_targets(nodes)


def _checked(nodes: Sequence[Node], outputs: Mapping[str, Node]) -> _Planner:
    """Return the planner that has run the nodes on all columns; an error names its stage and line."""
    try:
        planner = _planned(nodes, {}, {})
        planner.ask([planner.frames[planner.ids[id(node)]] for node in outputs.values() if isinstance(node, Table)])
        return planner
    except _FailedError as failed:
        failed.error.add_note(note(failed.node))
        raise failed.error from failed.error.__cause__


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
    planner = _checked(nodes, outputs)
    check_targets(nodes)
    ids = {output: planner.ids[id(node)] for output, node in outputs.items()}
    return Plan(name, tuple(planner.steps(_narrowed(planner))), ids)


def _narrowed(planner: _Planner) -> _Planner:
    """Return the planner that has run the nodes on as few columns of each source as will do.

    The optimizer drops a column that is computed but not used, while the stage that computes it still names it. So where a stage misses a
    column, the columns that it names are put back.
    """
    columns = {id(node): planner.asked(number) for number, node in enumerate(planner.nodes) if number in planner.recorders}
    while True:
        try:
            return _planned(planner.nodes, columns, planner.sources)
        except _FailedError as failed:
            before = dict(columns)
            for name in planner.named(failed.node) if isinstance(failed.error, ColumnError) else ():
                for number, recorder in planner.recorders.items():
                    source = id(planner.nodes[number])
                    if name in recorder.schema and name not in columns[source]:
                        columns[source] = tuple(known for known in recorder.schema if known in columns[source] or known == name)
            if columns == before:  # a stage that cannot do with fewer columns for a reason of its own: every source is read whole
                return planner


class _FailedError(Exception):
    """A node failed in the symbolic run."""

    def __init__(self, node: Node, error: Exception) -> None:
        super().__init__()
        self.node = node
        self.error = error


def _planned(nodes: Sequence[Node], narrowed: Mapping[int, tuple[str, ...]], sources: dict[int, Schema]) -> _Planner:
    """Return the planner that has run the nodes; a column that a fitted stage promises to make is there once something asks for it.

    Parameters
    ----------
    narrowed
        For sources, by identity of their nodes, the columns that are read.
    sources
        The sources' schemas, by identity of their nodes, as far as they have been asked for; the others are entered.
    """
    promised: dict[int, set[str]] = {}
    while True:
        planner = _Planner(promised, narrowed, sources)
        try:
            for node in nodes:
                planner.add(node)
        except ColumnError as error:
            source = planner.promiser(node, error.missing)
            if source is None or error.missing in promised.get(id(source), ()):
                raise _FailedError(node, error) from error
            promised.setdefault(id(source), set()).add(str(error.missing))
        except _FailedError:
            raise
        except Exception as error:
            raise _FailedError(node, error) from error
        else:
            return planner


def note(node: Node, engine: str | None = None) -> str:
    """Return the note that tells where in the pipeline an error belongs."""
    on = f" on engine {engine!r}" if engine else ""
    return f"In stage {node.title}{on}, wired at {node.where}."


class _Planner:
    """Runs the nodes symbolically, one after the other."""

    def __init__(self, promised: Mapping[int, set[str]], narrowed: Mapping[int, tuple[str, ...]], sources: dict[int, Schema]) -> None:
        self.promised = promised
        self.narrowed = narrowed
        self.sources = sources
        self.promises: dict[int, tuple[Promise, ...]] = {}
        self.nodes: list[Node] = []
        self.ids: dict[int, int] = {}
        self.schemas: dict[int, Schema | None] = {}
        self.frames: dict[int, Frame] = {}
        self.sketches: dict[int, Any] = {}
        self.recorders: dict[int, Recorder] = {}
        self.phases: dict[int, int] = {}
        self.open: set[int] = set()
        self.same_rows: set[int] = set()

    def add(self, node: Node) -> None:
        """Run one node whose inputs have been run."""
        number = len(self.nodes)
        inputs = [self.ids[id(given)] for given in node.inputs]
        self.nodes.append(node)
        self.ids[id(node)] = number
        self.schemas[number] = None
        self.phases[number] = max((self._ready(given) for given in inputs), default=0)
        stage = node.stage
        if isinstance(stage, Source):
            if id(node) not in self.sources:
                self.sources[id(node)] = stage.schema()
            schema = self.sources[id(node)]
            schema.require(stage.whole_keys())
            kept = self.narrowed.get(id(node), tuple(schema))
            self.schemas[number] = Schema(tuple((name, schema[name]) for name in kept))
            self.recorders[number] = Recorder(self._schema(number))
            self.frames[number] = self.recorders[number].frame()
        elif isinstance(stage, Sink):
            if not self.narrowed:
                stage.check(self._schema(inputs[0]))
                stage.probe()
                self.ask([self.frames[inputs[0]]])
        elif isinstance(stage, Barrier):
            self._sketch(number, stage, inputs)
        else:
            tables = inputs[1:] if isinstance(stage, Apply) else inputs
            table_stage = table_stage_of(stage, self.sketches.get(inputs[0]) if isinstance(stage, Apply) else None)
            self._table(number, table_stage, tables)
            self.promises[number] = table_stage.promises()
            if self.promises[number] or any(given in self.open for given in inputs):
                self.open.add(number)

    def _ready(self, number: int) -> int:
        """Return the phase from which a step's result is there."""
        return self.phases[number] + (1 if isinstance(self.nodes[number].stage, Barrier) else 0)

    def _table(self, number: int, stage: TableStage, inputs: Sequence[int]) -> None:
        """Run a stage that makes a table."""
        schemas = [self._schema(given) for given in inputs]
        apart = bool(self.narrowed)  # nothing is asked of the sources any more, and a stage by itself shows what it does to the rows
        frames = [empty_frame(schema) if apart else self.frames[given] for given, schema in zip(inputs, schemas, strict=True)]
        frame, schema = run_symbolic(stage, frames, schemas)
        if apart and len(inputs) == 1 and (stage.same_rows() or keeps_rows(stage, frame)):
            self.same_rows.add(number)
        wanted = sorted(self.promised.get(id(self.nodes[number]), ()))
        if wanted:
            dtypes = {name: promise.dtype for name in wanted for promise in stage.promises() if fnmatchcase(name, promise.pattern)}
            frame = frame.with_columns([nw.lit(None, dtype=dtype).alias(name) for name, dtype in dtypes.items()])
            known = schema.not_null
            schema = frame_schema(frame, lambda _: known)
        self.frames[number], self.schemas[number] = frame, schema

    def named(self, node: Node) -> set[str]:
        """Return the columns that a node's stage names, used or not."""
        inputs = [self.ids[id(given)] for given in node.inputs]
        stage = node.stage
        if isinstance(stage, Barrier):
            schemas = [self._schema(given) for given in inputs]
            pairs = zip(stage.wants(*schemas), schemas, strict=True)
            frames = [want.prepare(VERBS, empty_frame(schema)) for want, schema in pairs]
        elif isinstance(stage, Sink | Source):
            return set()
        else:
            tables = inputs[1:] if isinstance(stage, Apply) else inputs
            schemas = [self._schema(given) for given in tables]
            fitted = self.sketches.get(inputs[0]) if isinstance(stage, Apply) else None
            frames = [table_stage_of(stage, fitted).run(VERBS, *(empty_frame(schema) for schema in schemas))]
        return {name for frame in frames for name in named_columns(frame)}

    def promiser(self, node: Node, missing: str | None) -> Node | None:
        """Return the node above that promises to make a column that `node` misses, or None."""
        above = ordered({"": node})[:-1]
        for given in reversed(above):
            promises = self.promises.get(self.ids.get(id(given), -1), ())
            if missing is not None and any(fnmatchcase(missing, promise.pattern) for promise in promises):
                return given
        return None

    def _sketch(self, number: int, stage: Barrier, inputs: Sequence[int]) -> None:
        """Run a barrier: what it wants of empty tables is asked of the sources."""
        schemas = [self._schema(given) for given in inputs]
        stage.check(*schemas)
        wants = stage.wants(*schemas)
        frames = [
            translated(lambda w=want, g=given: w.prepare(VERBS, self.frames[g]), schemas) for want, given in zip(wants, inputs, strict=True)
        ]
        needed = [frame for want, frame in zip(wants, frames, strict=True) if want.form == "arrow" or not self.narrowed]
        results = self.ask(needed, schemas)
        self.sketches[number] = stage.sketch(results, *schemas)

    def ask(self, frames: Sequence[Frame], schemas: Sequence[Schema] = ()) -> list[Any]:
        """Return the results of empty queries; the sources record what they are asked.

        What only a query's run shows, such as a comparison of two time zones, belongs to the first stage that fails by itself.
        """
        try:
            return collect_symbolic(frames)
        except QUERY_ERRORS:
            for number, node in enumerate(self.nodes):
                if number in self.frames and number not in self.recorders:
                    self._try_alone(number, node)
            made: list[Any] = translated(lambda: collect_symbolic(frames), schemas)
            return made

    def _try_alone(self, number: int, node: Node) -> None:
        """Raise _FailedError where a stage's query on empty tables of its own fails."""
        inputs = [self.ids[id(given)] for given in node.inputs]
        tables = inputs[1:] if isinstance(node.stage, Apply) else inputs
        schemas = [self._schema(given) for given in tables]
        stage = table_stage_of(node.stage, self.sketches.get(inputs[0]) if isinstance(node.stage, Apply) else None)
        try:
            translated(lambda: collect_symbolic([stage.run(VERBS, *(empty_frame(schema) for schema in schemas))]), schemas)
        except PlanError as error:
            raise _FailedError(node, error) from error.__cause__

    def _schema(self, number: int) -> Schema:
        """Return a table step's schema."""
        schema = self.schemas[number]
        assert schema is not None
        return schema

    def asked(self, number: int) -> tuple[str, ...]:
        """Return the columns that a source was asked for; at least one, since rows of no columns cannot be counted."""
        recorder = self.recorders[number]
        asked = tuple(name for name in recorder.schema if name in recorder.columns)
        return asked or tuple(recorder.schema)[:1]

    def steps(self, narrow: _Planner) -> list[Step]:
        """Return the steps planned here, as they will run on the columns of the narrow planner."""
        return [self._step(number, node, narrow) for number, node in enumerate(self.nodes)]

    def _step(self, number: int, node: Node, narrow: _Planner) -> Step:
        inputs = tuple(self.ids[id(given)] for given in node.inputs)
        delivered = narrow.schemas[number]
        reading = None
        if number in self.recorders and delivered is not None:
            reading = Reading(tuple(delivered), self.recorders[number].predicate())
        return Step(
            number,
            node,
            inputs,
            self.schemas[number],
            delivered,
            reading,
            self.phases[number],
            number in self.open,
            number in narrow.same_rows,
        )


def table_stage_of(stage: Stage, fitted: Any) -> TableStage:
    """Return the stage that makes the table: itself, or for an applied one what was fitted."""
    if isinstance(stage, Apply):
        assert isinstance(fitted, RowStage)
        return fitted.using(stage.method)
    assert isinstance(stage, TableStage)
    return stage


def run_symbolic(stage: TableStage, frames: Sequence[Frame], schemas: Sequence[Schema]) -> tuple[Frame, Schema]:
    """Return a stage's empty result and its schema."""
    stage.check(*schemas)

    def run() -> tuple[Frame, Schema]:
        frame = stage.run(VERBS, *frames)
        return frame, frame_schema(frame, lambda names: stage.not_null(names, *schemas))

    made: tuple[Frame, Schema] = translated(run, schemas)
    made[1].require_known()
    return made[0], made[1].with_missing(stage.still_missing(list(made[1]), *schemas))
