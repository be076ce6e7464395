"""One stage on one engine, through the engine's contract alone: read, run, compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from gpupipe.core.arrow import schema_of
from gpupipe.core.demand import Demand
from gpupipe.core.ends import Reading, Source
from gpupipe.engines._arrow import arrow_schema
from gpupipe.engines._symbolic import VERBS, collect_symbolic, empty_frame
from gpupipe.engines._tried import try_stage
from gpupipe.engines.load import load_engine
from gpupipe.testing.compare import assert_same_rows

if TYPE_CHECKING:
    from gpupipe.core.fit import FitStage
    from gpupipe.core.schema import Schema
    from gpupipe.core.stage import TableStage


@dataclass(frozen=True, eq=False)
class HeldTable(Source):
    """Starts from an Arrow table exactly as it is: NaN stays a number, and columns that cannot be null are not."""

    table: pa.Table

    def schema(self) -> Schema:
        """Return the table's columns."""
        return schema_of(self.table.schema)

    def batches(self, reading: Reading) -> pa.RecordBatchReader:
        """Return the columns wanted."""
        chosen = self.table.select(list(reading.columns))
        return pa.RecordBatchReader.from_batches(chosen.schema, chosen.to_batches())


class Trial:
    """An engine to try stages on; closed at the end of a ``with`` block."""

    def __init__(self, engine: str) -> None:
        self.engine = load_engine(engine)
        self._plans: dict[tuple[int, tuple[Schema, ...]], tuple[TableStage, TableStage, Schema]] = {}

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.engine.close()

    def run(self, stage: TableStage, *tables: pa.Table) -> pa.Table:
        """Return the stage's rows, after looking whether the promises about them and about the inputs are kept."""
        stage, planned = self._planned(stage, tuple(schema_of(table.schema) for table in tables))
        inputs = [self._read(table) for table in tables]
        made, *after = self.engine.compute(
            [Demand("arrow", self.engine.run(stage, inputs, planned)), *(Demand("arrow", given) for given in inputs)]
        )
        self._assert_planned(stage, made, planned)
        self._assert_untouched(stage, tables, after)
        return made

    def _planned(self, stage: TableStage, schemas: tuple[Schema, ...]) -> tuple[TableStage, Schema]:
        """Return the stage as it is run, and what the plan promises of it; blocks of one table share it."""
        key = (id(stage), schemas)
        if key not in self._plans:  # which holds the stage, so that no other one gets its id
            tried = try_stage(stage, schemas)
            self._plans[key] = (stage, tried.stage, tried.schema)
        return self._plans[key][1:]

    def measure(self, stage: FitStage, table: pa.Table) -> pa.Table:
        """Return what a fit stage measures, after looking whether it is what the plan says and the input is as it was."""
        schema = schema_of(table.schema)
        stage.plan(schema)
        (want,) = stage.wants(schema)
        assert want is not None
        given = self._read(table)
        of_parts = replace(want, whole=None)  # as it is merged: an engine that has the whole may leave rows out
        measured, after = self.engine.compute([Demand("arrow", given, of_parts), Demand("arrow", given)])
        (empty,) = collect_symbolic([want.prepare(VERBS, empty_frame(schema))])
        if measured.column_names != empty.column_names:
            names = (measured.column_names, empty.column_names)
            msg = f"{stage.name} measures {names[0]} on engine {self.engine.name!r}, but {names[1]} in the plan."
            raise AssertionError(msg)
        self._assert_untouched(stage, [table], [after])
        return measured

    def _read(self, table: pa.Table) -> Any:
        """Return the table as the engine's data."""
        source = HeldTable(table)
        return self.engine.read(source, Reading(tuple(table.column_names)), source.schema())

    def _assert_planned(self, stage: TableStage, made: pa.Table, planned: Schema) -> None:
        """Raise AssertionError where the rows break what the plan promised: columns, dtypes, no missing values."""
        wanted = arrow_schema(planned)
        got = [(field.name, field.type) for field in made.schema]
        expected = [(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type) for field in wanted]
        if got != expected:
            msg = f"{stage.name} on engine {self.engine.name!r} promised {expected}, got {got}."
            raise AssertionError(msg)
        for name in planned.not_null:
            if n_missing := made[name].null_count:
                msg = f"{stage.name} promised no missing values in {name!r}, got {n_missing} on engine {self.engine.name!r}."
                raise AssertionError(msg)

    def _assert_untouched(self, stage: Any, before: Sequence[pa.Table], after: Sequence[pa.Table]) -> None:
        """Raise AssertionError where an input has changed."""
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            try:
                assert_same_rows(one, other, ordered=True)
            except AssertionError as error:
                msg = f"{stage.name} changed its input {number} on engine {self.engine.name!r}: {error}"
                raise AssertionError(msg) from error
