"""What a run takes from checkpoints instead of computing it, and what it keeps there.

Kept are the results of barriers, and the tables that are outputs or are needed by a later phase. Where all that a step is made for
comes from checkpoints, neither the step nor what is above it is computed, or read, at all.
"""

from __future__ import annotations

import base64
import posixpath
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from gpupipe.artefact import load, save
from gpupipe.checkpoints.address import addresses, mark_of, marks_of, sources_of
from gpupipe.checkpoints.digest import digest
from gpupipe.checkpoints.entry import DamagedError, Entry
from gpupipe.checkpoints.json_values import from_json, to_json
from gpupipe.checkpoints.store import DEFAULT_FOLDER, Store
from gpupipe.core.arrow import dtype_of, schema_of
from gpupipe.core.barrier import Barrier
from gpupipe.core.demand import Demand
from gpupipe.core.ends import Reading, Sink, Source
from gpupipe.core.engine import Engine
from gpupipe.core.errors import ArtefactError, DtypeError, GpupipeError, SinkError
from gpupipe.core.holding import Holding
from gpupipe.core.node import Table, Value
from gpupipe.core.schema import Schema
from gpupipe.core.secret import masked
from gpupipe.core.stage import RowStage, Stage
from gpupipe.core.work import WorkFolder
from gpupipe.engines._arrow import arrow_dtype, arrow_schema
from gpupipe.engines.load import CLUSTERED
from gpupipe.plan import Plan, Step
from gpupipe.report.descriptions import is_description
from gpupipe.sinks.write_parquet import WriteParquet
from gpupipe.sources.read_parquet import ReadParquet

Fate = Literal["taken", "kept", "skipped"]
NOTES: Mapping[Fate, str] = {"taken": "from checkpoint", "skipped": "not needed: what is made of it comes from checkpoints"}


@dataclass(frozen=True)
class Taken:
    """The result of a barrier, as it was, and what a report says of it."""

    value: Any
    described: Mapping[str, Any] | None


class Keeper:
    """The checkpoints of one run.

    Parameters
    ----------
    folder
        A path, or an address of fsspec's.
    engine
        The engine's name.
    resume
        Whether results are taken from there; they are kept there in any case.
    """

    def __init__(self, folder: str | None, plan: Plan, engine: str, *, resume: bool) -> None:
        self.store = Store(folder or DEFAULT_FOLDER, create=True)
        self.plan = plan
        self.engine = engine
        self.resume = resume
        self.marks = marks_of(plan)
        self.addresses = addresses(plan, engine, self.marks)
        self.fates: dict[int, Fate] = {}
        self.rows: dict[int, int] = {}
        self.remarks: dict[str, list[int]] = {}

    def begin(self) -> tuple[list[Step], dict[int, Taken]]:
        """Return the steps that are still to be done, and the results of barriers that are there.

        A table that is there becomes a step that reads it, under its own number.
        """
        todo: dict[int, Step] = {}
        results: dict[int, Taken] = {}
        stack = list(self.plan.outputs.values())
        while stack:
            step = self.plan.steps[stack.pop()]
            if step.id in todo or step.id in results:
                continue
            found = self._found(step) if self.resume and self._address(step) is not None else None
            if isinstance(found, Taken):
                results[step.id] = found
            else:
                todo[step.id] = found or step
                stack += todo[step.id].inputs
        needed = {*todo, *results}
        self.fates |= {step.id: "skipped" for step in self.plan.steps if step.id not in needed}
        return [todo[number] for number in sorted(todo)], results

    def _address(self, step: Step) -> str | None:
        """Return the address of a step whose result is worth keeping; a remark says why one has none."""
        if isinstance(step.stage, Sink) or not (isinstance(step.stage, Barrier) or self._is_held(step)):
            return None
        address = self.addresses[step.id]
        if address.key is None:
            self._remark(step, f"not kept: {address.why}")
        return address.key

    def _is_held(self, step: Step) -> bool:
        """Return whether a table is an output, or needed by a later phase."""
        if step.id in self.plan.outputs.values():
            return True
        return any(step.id in other.inputs and other.phase > step.phase for other in self.plan.steps)

    def _remark(self, step: Step, text: str) -> None:
        """Enter what is to be said of a step, once."""
        numbers = self.remarks.setdefault(text, [])
        if step.id not in numbers:
            numbers.append(step.id)

    def _found(self, step: Step) -> Taken | Step | None:
        """Return the result that is there, or the step that reads it; None where there is none, or a damaged one."""
        key = self.addresses[step.id].key
        assert key is not None
        try:
            entry = self.store.find(key)
            if entry is None:
                return None
            found = self._table(step, entry) if isinstance(step.node, Table) else self._barrier(step, entry)
        except Exception as error:  # noqa: BLE001  (whatever is wrong with what is there, the run can do without; the remark says what)
            self._remark(step, f"computed again, since its checkpoint is damaged: {error}")
            return None
        self.fates[step.id] = "taken"
        return found

    def _barrier(self, step: Step, entry: Entry) -> Taken:
        """Return a barrier's result."""
        held = entry.facts.get("described")
        described = None if held is None else from_json(held)
        if described is not None and not is_description(described):
            msg = f"{self.store.folder(entry)} does not say of its result what a report shows"
            raise DamagedError(msg)
        if entry.kind == "value":
            return Taken(from_json(entry.facts["value"]), described)
        with WorkFolder(tempfile.gettempdir(), "gpupipe-") as scratch:
            folder = scratch.path / "stage"
            for name in entry.files:
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.store.fs.cat_file(posixpath.join(self.store.folder(entry), name)))
            return Taken(load(folder, trusted=[*_fitted_beside(step.stage), *step.stage.refers_to]), described)

    def _table(self, step: Step, entry: Entry) -> Step:
        """Return the step that reads a table."""
        assert step.delivered is not None
        held = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(entry.facts["schema"])))
        schema = schema_of(held) if step.open else step.delivered
        if arrow_schema(schema) != held:
            msg = f"{self.store.folder(entry)} has other columns than planned"
            raise DamagedError(msg)
        rows = self.store.address(posixpath.join(self.store.folder(entry), "rows"))
        source = ReadParquet(rows, schema=schema.dtypes, hive=False, nan_as_null=False)
        source.schema()
        if type(entry.facts["rows"]) is not int:
            msg = f"{self.store.folder(entry)} does not say how many rows it has"
            raise DamagedError(msg)
        node = Table(source, (), f"{step.node.title}, from its checkpoint")
        node.path, node.line = step.node.path, step.node.line
        self.rows[step.id] = entry.facts["rows"]
        return Step(step.id, node, (), schema, schema, Reading(tuple(schema)), step.phase)

    def keep_result(self, step: Step, value: Any, described: Mapping[str, Any]) -> None:
        """Keep what a barrier concluded; where that cannot be done, a remark says why."""
        key = self._to_keep(step)
        if key is None:
            return
        folder = self.store.new_folder(key)
        try:
            facts: dict[str, Any] = {"described": to_json(dict(described))}
            is_saved = not isinstance(step.node, Value)
            if is_saved:
                self._save(value, folder)
            else:
                facts["value"] = to_json(value)
            self._commit(step, "fitted" if is_saved else "value", folder, facts)
        except (GpupipeError, OSError) as error:
            self._remark(step, f"not kept: {error}")
            self.store.discard(folder)

    def _save(self, stage: RowStage | Holding, folder: str) -> None:
        """Write something fitted, a graph, a tensor into a folder of the store."""
        with WorkFolder(tempfile.gettempdir(), "gpupipe-") as scratch:
            saved = save(stage, scratch.path / "stage")
            for file in sorted(path for path in saved.rglob("*") if path.is_file()):
                self.store.put(folder, file.relative_to(saved).as_posix(), file.read_bytes())

    def keep_table(self, step: Step, data: Any, schema: Schema, engine: Engine) -> None:
        """Keep a table that the engine holds; where that cannot be done, a remark says why."""
        key = self._to_keep(step)
        if key is None:
            return
        folder = self.store.new_folder(key)
        writer = None
        try:
            _check_dtypes(schema, is_open=step.open)
            rows = posixpath.join(folder, "rows") if engine.name in CLUSTERED else posixpath.join(folder, "rows", "part-00000.parquet")
            writer = WriteParquet(self.store.address(rows), compression="lz4").open(arrow_schema(schema))
            engine.compute([Demand("write", data, writer=writer)])
            written, writer = writer.commit(), None
            held = base64.b64encode(arrow_schema(schema).serialize().to_pybytes()).decode()
            self._commit(step, "table", folder, {"rows": written["rows"], "schema": held})
        except (DtypeError, ArtefactError, SinkError, OSError) as error:
            self._remark(step, f"not kept: {error}")
        finally:
            if writer is not None:
                writer.abort()
            if self.fates.get(step.id) != "kept":
                self.store.discard(folder)

    def _to_keep(self, step: Step) -> str | None:
        """Return the address to keep a step's result under; None where it is there, or is not worth keeping."""
        return None if self.fates.get(step.id) == "taken" else self._address(step)

    def _commit(self, step: Step, kind: str, folder: str, facts: Mapping[str, Any]) -> None:
        """Make an entry of what was written, unless a source has changed since its address was made."""
        for number in sources_of(self.plan, step, through_barriers=True):
            source = self.plan.steps[number]
            assert isinstance(source.stage, Source)
            if digest(mark_of(source.stage)) != digest(self.marks[number]):
                msg = f"{source.node.title} changed while the run read it."
                raise ArtefactError(msg)
        key = self.addresses[step.id].key
        assert key is not None
        self.store.commit(Entry(key, kind, masked(self.plan.name), masked(step.node.title), time.time(), folder, facts=facts))
        self.fates[step.id] = "kept"

    def enter(self, report: dict[str, Any]) -> None:
        """Enter in a report what came from checkpoints, what was kept, and why something was not."""
        for stage in report["stages"]:
            fate = self.fates.get(stage["id"])
            stage["checkpoint"] = fate
            if fate is not None and fate in NOTES:
                stage["note"] = NOTES[fate]
            if stage["id"] in self.rows and stage["rows_out"] is None:
                stage["rows_out"] = self.rows[stage["id"]]
        report["checkpoints"] = {
            "folder": self.store.shown,
            "resumed": self.resume,
            **{word: sorted(number for number, fate in self.fates.items() if fate == word) for word in ("taken", "kept", "skipped")},
            "remarks": [{"stages": sorted(numbers), "text": text} for text, numbers in self.remarks.items()],
        }


def _fitted_beside(stage: Stage) -> list[Any]:
    """Return what a stage may give that is saved: the fitted things in its module, which has been loaded, and its functions."""
    beside = vars(sys.modules[type(stage).__module__]).values()
    kinds = [kind for kind in beside if isinstance(kind, type) and issubclass(kind, RowStage | Holding)]
    return [*kinds, *getattr(stage, "trusted", ())]


def _check_dtypes(schema: Schema, *, is_open: bool) -> None:
    """Raise DtypeError for a column that would not come back as it was."""
    if not len(schema):
        msg = "a table without columns cannot be written."
        raise DtypeError(msg)
    for name, field in schema.items():
        same = dtype_of(arrow_dtype(field.dtype)) == field.dtype
        if not (same or (str(field.dtype) == "Categorical" and not is_open)):
            msg = f"column {name!r} is {field.dtype}, which Parquet does not give back."
            raise DtypeError(msg)
