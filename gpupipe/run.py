"""The executor: takes a plan through an engine, phase by phase, and keeps the record.

Within a phase, tables are only described; then everything that the phase's barriers, sinks and outputs need, and every table that a later
phase needs, is demanded from the engine at once. A lazy engine makes one query of that; an eager one is asked step by step. A result is
let go when its last consumer has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from gpupipe.blame import blamed, find_blame
from gpupipe.core.barrier import Barrier
from gpupipe.core.demand import Demand
from gpupipe.core.ends import Sink, Source, Writer
from gpupipe.core.engine import Engine
from gpupipe.core.errors import GpupipeError
from gpupipe.core.literal import Literal
from gpupipe.core.node import Fitted, Table
from gpupipe.core.schema import Schema
from gpupipe.core.secret import masked
from gpupipe.core.stage import Outcome, TableStage
from gpupipe.core.want import Want
from gpupipe.engines._arrow import arrow_schema
from gpupipe.engines._tried import translated, try_stage
from gpupipe.known import table_stage_of
from gpupipe.plan import Plan, Step, describe_step
from gpupipe.report.counts import RowCounts
from gpupipe.report.preview import preview_cards
from gpupipe.report.record import MemoryWatch, Record

if TYPE_CHECKING:
    from gpupipe.checkpoints.keeper import Keeper

HEAD_ROWS = 5
Tell = Callable[[str, Step | None, Mapping[str, Any]], None]


def silent(event: str, step: Step | None, facts: Mapping[str, Any]) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class TableLeftOut:
    """Stands for a table among the outputs that was not brought into this process but for a few rows, `first`."""

    n_rows: int
    n_columns: int
    first: Any = None

    def head(self, n_rows: int) -> Any:
        """Return at most so many of the rows that are here."""
        return self.first.head(n_rows)

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows and of columns."""
        return self.n_rows, self.n_columns


@dataclass
class Execution:
    """One run of a plan on an engine.

    Parameters
    ----------
    gather
        Whether tables among the outputs are brought into this process from wherever the engine has them.
    preview
        Whether the report has first rows of tables.
    """

    plan: Plan
    engine: Engine
    tell: Tell = silent
    profile: bool = False
    gather: bool = True
    preview: bool = True
    file: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    checkpoints: Keeper | None = None

    def __post_init__(self) -> None:
        self.watch = MemoryWatch()
        self.record = self._new_record()
        self.writers: dict[int, Writer] = {}
        self.wants: dict[int, tuple[Want | None, ...]] = {}  # of barriers whose tables are demanded

    def run(self) -> dict[str, Any]:
        """Return the outputs; an engine may have the run begun again after an error whose cause it could change."""
        page = self.engine.dashboard()
        if page is not None:
            self.tell("cluster", None, {"dashboard": page})
        while True:
            try:
                self._begin()
                for phase in sorted({step.phase for step in self.steps}):
                    self._phase([step for step in self.steps if step.phase == phase])
                return self._outputs()
            except GpupipeError as error:
                if not self.engine.another_try(error):
                    raise
                self.record = self._new_record()
            finally:
                for writer in self.writers.values():
                    writer.abort()

    def close(self, outputs: Mapping[str, Any], failure: BaseException | None) -> dict[str, Any]:
        """Close the engine, and return the report.

        Parameters
        ----------
        outputs
            The outputs as plain values.
        """
        self.record.cluster = self.engine.where()
        self.engine.close()
        report = self.record.as_json(self.watch, self.engine.ledger, outputs, failure)
        if self.checkpoints is not None:
            self.checkpoints.enter(report)
        return cast(dict[str, Any], masked(report))

    def _new_record(self) -> Record:
        """Return the empty record of a run."""
        stages = [describe_step(step) for step in self.plan.steps]
        record = Record(self.plan.name, self.engine.name, stages, self.file, self.parameters, clock=lambda: self.watch.now)
        for step in self.plan.steps:
            record.stages[step.id]["columns_out"] = None if step.delivered is None else len(step.delivered)
        return record

    def _begin(self) -> None:
        """Find the steps to do, and what of each result is waited for."""
        self.results: dict[int, Any] = {}
        self.schemas: dict[int, Schema] = {}
        self.writers = {}
        self.steps: Sequence[Step] = self.plan.steps
        if self.checkpoints is not None:
            self.steps, taken = self.checkpoints.begin()
            for number, found in taken.items():
                self.results[number] = found.value
                self._describe(self.plan.steps[number], found.value, found.described)
        self.uses = dict.fromkeys(range(len(self.plan.steps)), 0)
        for step in self.steps:
            for given in step.inputs:
                self.uses[given] += 1
        for number in self.plan.outputs.values():
            self.uses[number] += 1
        alike = [(step.id, step.tables[-1]) for step in self.plan.steps if step.same_rows]
        self.counts = RowCounts(self.record, [*alike, *((step.id, step.inputs[0]) for step in self.plan.steps if _writes(step))])

    def _outputs(self) -> dict[str, Any]:
        """Return the outputs; what sinks wrote is put in place now that everything has succeeded."""
        self.engine.ledger.turn_to(None)
        outputs = {name: self._output(number) for name, number in self.plan.outputs.items()}
        written: dict[int, Any] = {}
        for number, writer in list(self.writers.items()):
            started = time.perf_counter()
            with blamed(self.plan.steps[number], self.plan, self.engine):
                value = writer.commit()
            del self.writers[number]
            self.record.spend(number, time.perf_counter() - started)
            written[number] = writer.first_rows() if self.preview else None
            self._wrote(number, value)
            outputs |= {name: value for name, output in self.plan.outputs.items() if output == number}
        for step in self.steps:
            if isinstance(step.stage, Source):
                self.record.describe(step.id, step.stage.name, {"facts": dict(step.stage.told())})
        self.record.previews += preview_cards(outputs, self.plan.outputs, written) if self.preview else ()
        return outputs

    def _phase(self, steps: Sequence[Step]) -> None:
        """Run the steps of one phase."""
        waiting: list[Step] = []
        for step in steps:
            demanding = isinstance(step.stage, Barrier | Sink)
            if not demanding:
                self._table(step)
            if demanding or self._is_held(step):
                waiting.append(step)
            if waiting and (self.profile or not self.engine.lazy):
                self._compute(waiting, [step])
                waiting = []
        tables = [step for step in steps if not isinstance(step.stage, Barrier | Sink)]
        if waiting:
            self._compute(waiting, tables)
        if self.engine.lazy and not self.profile:  # a query needs them until it has run
            for step in tables:
                self._let_go(step)

    def _is_held(self, step: Step) -> bool:
        """Whether a table must be there as rows: it is an output, a later phase needs it, or every stage is looked at by itself."""
        if self.profile or not self.engine.lazy:
            return True
        if step.id in self.plan.outputs.values():
            return True
        return any(step.id in other.inputs and other.phase > step.phase for other in self.steps)

    def _table(self, step: Step) -> None:
        """Describe, or on an eager engine make, the table of one step."""
        started = time.perf_counter()
        self.engine.ledger.turn_to(step.id)
        self.tell("start", step, {})
        with blamed(step, self.plan, self.engine):
            if isinstance(step.stage, Source):
                assert step.reading is not None and step.delivered is not None and step.schema is not None
                self.schemas[step.id] = step.delivered
                self.results[step.id] = self.engine.read(step.stage, step.reading, step.schema if self.engine.is_wide else step.delivered)
                self.counts.enter(step.id, step.stage.known_rows() if step.reading.predicate is None else None)
            else:
                stage = step.ready or self._ready(step)
                self.schemas[step.id] = self._schema(step, stage, step.tables)
                self.results[step.id] = self.engine.run(
                    stage if step.any_order else stage.in_order(), [self.results[given] for given in step.tables], self.schemas[step.id]
                )
        self.record.spend(step.id, time.perf_counter() - started)
        if self.profile or not self.engine.lazy:
            self._let_go(step)

    def _ready(self, step: Step) -> TableStage:
        """Return the stage of a step as it is run, where what earlier phases concluded decides it."""
        schemas = [self.schemas[given] for given in step.tables]
        stage = table_stage_of(step.stage, [self._known(given) for given in step.inputs])
        said: Outcome | None = translated(lambda: stage.plan(*schemas), schemas)
        return stage if said is None or said.stage is None else said.stage

    def _known(self, number: int) -> Any:
        """Return a fitted stage or a number that a stage is given; a number with the dtype that it has in expressions."""
        return Literal(self.results[number], self.plan.steps[number].dtype) if self.plan.steps[number].dtype else self.results[number]

    def _schema(self, step: Step, stage: TableStage, tables: Sequence[int]) -> Schema:
        """Return what the step delivers: as planned, or where that depends on what was learned, planned again from it."""
        assert step.delivered is not None
        if not step.open:
            return step.delivered
        schema = try_stage(stage, [self.schemas[given] for given in tables]).schema
        self.record.stages[step.id] |= {"schema": schema.as_json(), "columns_out": len(schema)}
        return schema

    def _let_go(self, step: Step) -> None:
        """Let go of inputs whose last consumer this step was."""
        for given in step.inputs:
            self.uses[given] -= 1
            if not self.uses[given]:
                self.results.pop(given, None)

    def _compute(self, waiting: Sequence[Step], lazy: Sequence[Step]) -> None:
        """Demand what the waiting steps need, all at once, and conclude them."""
        asked = [(step, self._demands(step)) for step in waiting]
        demands = [demand for _, own in asked for demand in own]
        inside = [step for step, own in asked if not (isinstance(step.stage, Barrier) and any(demand.form == "held" for demand in own))]
        counted = self._to_count(lazy, waiting)
        demands += [Demand("rows", self.results[number]) for number in counted]
        started, at = time.perf_counter(), self.watch.now
        self.engine.ledger.turn_to(waiting[0].id)
        self.tell("stretch", waiting[0], {"n_stages": len({step.id for step in (*waiting, *lazy)})})
        self.engine.on_tasks = lambda done, of: self.tell("tasks", waiting[0], {"done": done, "of": of})
        try:
            results = self.engine.compute(demands) if demands else []
        except GpupipeError as error:
            find_blame(lazy, waiting, error, self.plan, self.engine, self.results)
            raise
        self._enter_stretch({step.id: step for step in [*lazy, *inside] or waiting}, time.perf_counter() - started, at)
        parts = iter(results)
        for step in waiting:
            self._conclude(step, parts)
        for number in counted:
            self.counts.enter(number, next(parts))

    def _to_count(self, lazy: Sequence[Step], waiting: Sequence[Step]) -> list[int]:
        """Return the steps whose rows are counted along with what is demanded, on engines where that costs no work of its own."""
        if not self.engine.counts_along or self.profile:
            return []
        will_tell = {step.inputs[0] if _writes(step) else step.id for step in waiting if not isinstance(step.stage, Barrier)}
        told = set(self.counts.unknown(sorted(will_tell)))
        return [number for number in self.counts.unknown([step.id for step in lazy]) if number not in told | will_tell]

    def _demands(self, step: Step) -> list[Demand]:
        """Return what one waiting step needs."""
        if isinstance(step.stage, Sink):
            given = step.inputs[0]
            with blamed(step, self.plan, self.engine):
                self.writers[step.id] = step.stage.open(arrow_schema(self.schemas[given]))
            return [Demand("write", self.results[given], writer=self.writers[step.id], schema=self.schemas[given])]
        if isinstance(step.stage, Barrier):
            with blamed(step, self.plan, self.engine):
                step.stage.require_room([self.record.stages[given]["rows_out"] for given in step.inputs], self.engine.task_bytes)
            self.wants[step.id] = wants = step.stage.wants(*(self._spec(step, given) for given in step.inputs))
            pairs = zip(wants, step.inputs, strict=True)
            return [Demand(want.form, self.results[given], want, schema=self.schemas[given]) for want, given in pairs if want is not None]
        return [Demand("held", self.results[step.id], schema=self.schemas[step.id])]

    def _conclude(self, step: Step, parts: Iterator[Any]) -> None:
        """Finish one waiting step with its parts of the results."""
        started = time.perf_counter()
        self.engine.ledger.turn_to(step.id)
        entry = self.record.stages[step.id]
        if isinstance(step.stage, Barrier):
            self.tell("start", step, {})
            with blamed(step, self.plan, self.engine):
                self.results[step.id] = self._barrier(step, step.stage, parts)
            self._let_go(step)
        elif isinstance(step.stage, Sink):
            next(parts)
            self._let_go(step)
        else:
            self.results[step.id] = next(parts)
            self._hold(step)
        self.record.spend(step.id, time.perf_counter() - started)
        self.tell("done", step, {"rows": entry["rows_out"], "seconds": entry["seconds"]})

    def _hold(self, step: Step) -> None:
        """Enter, and keep, a table that is there as rows."""
        held = self.results[step.id]
        self.record.stages[step.id]["bytes"] = self.engine.size(held)
        self.counts.enter(step.id, self.engine.compute([Demand("rows", held)])[0])
        if self.checkpoints is not None:
            self.checkpoints.keep_table(step, held, self.schemas[step.id], self.engine)

    def _spec(self, step: Step, given: int) -> Any:
        """Return what is known of a step's input: a table's columns, what was fitted itself, of another kind what the plan knows."""
        if given in self.schemas:
            return self.schemas[given]
        result = self.results[given]
        return result if isinstance(self.plan.steps[given].node, Fitted) else step.specs[step.inputs.index(given)]

    def _barrier(self, step: Step, stage: Barrier, parts: Iterator[Any]) -> Any:
        """Return what a barrier concludes, entered in the record.

        Parameters
        ----------
        parts
            Gives what was computed for each of its tables.
        """
        wants = self.wants.pop(step.id)
        results = [self.results[given] if want is None else next(parts) for want, given in zip(wants, step.inputs, strict=True)]

        def progress(number: int, total: int | None, facts: Mapping[str, float]) -> None:
            self.tell("progress", step, {"number": number, "total": total, **facts})

        self.engine.noted = {}
        value = stage.conclude(self.engine, results, progress, step.schema)
        self.record.describe(step.id, step.stage.name, self.engine.noted)
        if step.schema is not None:
            self.results[step.id], self.schemas[step.id] = value, step.schema
            self._hold(step)
            return value
        described = self._describe(step, value, None)
        if self.checkpoints is not None:
            self.checkpoints.keep_result(step, self.engine.brought(value), described)
        return value

    def _describe(self, step: Step, value: Any, known: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """Return what the report says of a barrier's result, entered there; `known` is what was said of it when it was made."""
        assert isinstance(step.stage, Barrier)
        described = {**self.engine.told(value), **step.stage.describe(value)} if known is None else known
        label = step.node.label or next((name for name, number in self.plan.outputs.items() if number == step.id), step.stage.name)
        self.record.describe(step.id, label, described, getattr(value, "n_bytes", None))
        return described

    def _output(self, number: int) -> Any:
        """Return the value of an output."""
        node = self.plan.steps[number].node
        if isinstance(node, Table):
            if self.engine.remote and not self.gather:
                first = self.engine.head(self.results[number], HEAD_ROWS)
                return TableLeftOut(self.record.stages[number]["rows_out"], len(self.schemas[number]), first)
            return self.engine.deliver(self.results[number])
        return self.engine.brought(self.results.get(number))

    def _wrote(self, number: int, value: Any) -> None:
        """Enter what a sink wrote."""
        if isinstance(value, Mapping):
            self.record.stages[number] |= {"rows_out": value.get("rows"), "bytes": value.get("bytes")}
            self.counts.enter(number, value.get("rows"))

    def _enter_stretch(self, steps: Mapping[int, Step], seconds: float, at: float) -> None:
        """Enter the time of a query: of the one stage it was for, or of the stages fused in it.

        A learner is none of these: the query only hands it its rows, and what it does with them takes time of its own.
        """
        if len(steps) == 1 or all(isinstance(step.stage, Barrier) for step in steps.values()):
            for number in steps:
                self.record.spend(number, seconds / len(steps))
            return
        self.watch.sample()
        self.record.fuse(sorted(steps), seconds, self.watch.peak_since(at))


def _writes(step: Step) -> bool:
    """Whether a step writes its input, and so has as many rows."""
    return isinstance(step.stage, Sink)
