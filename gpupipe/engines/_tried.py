"""Stages tried on empty tables: what comes out, with the errors of the libraries below in gpupipe's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from polars.exceptions import PanicException

from gpupipe.core.barrier import Barrier
from gpupipe.core.errors import ColumnError, GpupipeError, PlanError
from gpupipe.core.fit import FitStage
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, Outcome, TableStage
from gpupipe.core.want import Want
from gpupipe.engines._promises import require_one_meaning, require_promises
from gpupipe.engines._query import keeps_rows as query_keeps_rows
from gpupipe.engines._symbolic import AT_ONCE, VERBS, Frame, collect_symbolic, collects, empty_frame, frame_schema

_SHOWN = 20  # columns that an error lists


@dataclass(frozen=True)
class Tried:
    """What came of a table stage on empty tables.

    Parameters
    ----------
    stage
        The stage as it is run on such tables.
    frame
        What it makes of them.
    said
        What the stage says itself.
    keeps_rows
        Whether as many rows come out, as far as the stage says so.
    """

    stage: TableStage
    frame: Frame
    schema: Schema
    said: Outcome
    keeps_rows: bool


def try_stage(stage: TableStage, schemas: Sequence[Schema], *, strict: bool = True) -> Tried:
    """Return what comes of a table stage on empty tables of the schemas, with what it says itself (`TableStage.plan`).

    Parameters
    ----------
    strict
        Whether its query is run as well, a user's function is held to its promises, and every engine must have the dtypes made.
    """

    def run() -> Tried:
        said = stage.plan(*schemas) or Outcome()
        planned = said.stage or stage
        frame = planned.run(VERBS, *map(empty_frame, schemas))
        if strict and (stage.is_users or any(not isinstance(given, str) for _, given in stage.expressions())):
            frame.to_native().collect(engine=AT_ONCE)  # some things, such as a comparison of two time zones, fail only here
            require_one_meaning(planned, frame.to_native())
        if strict and stage.is_users:
            require_promises(planned, schemas)
        schema = _with_missing(frame_schema(frame, _proven(stage, said, schemas)), stage, schemas)
        return Tried(planned, frame, schema, said, stage.keeps_rows or said.keeps_rows)

    made: Tried = translated(run, schemas)
    if strict:
        made.schema.require_known()
    return made


def _proven(stage: TableStage, said: Outcome, schemas: Sequence[Schema]) -> frozenset[str]:
    """Return the columns of a result that are proven to hold no missing value."""
    if said.not_null is not None:
        return said.not_null
    return schemas[0].not_null if stage.keeps_values else frozenset()


def _with_missing(schema: Schema, stage: TableStage, schemas: Sequence[Schema]) -> Schema:
    """Return the schema of a result with the columns marked that may well hold the missing values that a source has seen in them.

    Those are the columns that would be known to hold none, had they come in without.
    """
    seen = {name for given in schemas for name, field in given.items() if field.seen_missing}
    if not seen:
        return schema
    without = [given.without_missing(seen) for given in schemas]
    said = stage.plan(*without) or Outcome()
    return schema if said.seeks_missing else schema.with_missing((_proven(stage, said, without) - schema.not_null) & seen)


def wanted_tables(stage: Barrier, specs: Sequence[Any]) -> list[tuple[Want, Schema]]:
    """Return what a barrier wants of each of its tables, with the table's schema."""
    pairs = zip(stage.wants(*specs), specs, strict=True)
    return [(want, spec) for want, spec in pairs if want is not None]


def wanted_of_nothing(stage: Barrier, specs: Sequence[Any]) -> list[Any]:
    """Return what a barrier wants of empty tables, as Arrow."""
    wanted = wanted_tables(stage, specs)

    def run() -> list[Any]:
        return collect_symbolic([want.prepare(VERBS, empty_frame(schema)) for want, schema in wanted])

    made: list[Any] = translated(run, [schema for _, schema in wanted])
    return made


def planned_spec(stage: Barrier, specs: Sequence[Any]) -> Any:
    """Return what is known of a barrier's result: what it says, or else what a fit makes of empty tables; None where that is nothing."""
    made = stage.plan(*specs)
    if made is not None:
        return made
    results = wanted_of_nothing(stage, specs)
    return stage.finish(results[0]) if isinstance(stage, FitStage) else None


def keeps_rows(stage: TableStage, frame: Frame, schemas: Sequence[Schema]) -> bool:
    """Whether the query that a row or key stage made of empty frames shows that it only adds, drops or changes columns."""
    drops = stage.keeps() is not None or (isinstance(stage, KeyStage) and stage.grouping() is not None)
    if drops or stage.kind not in ("row", "key") or (stage.is_users and collects(stage, schemas)):
        return False
    query = frame.to_native()  # a reduction of nothing is one row
    return query_keeps_rows(query, selects=stage.kind == "row") and len(query.collect(engine=AT_ONCE)) == 0


def translated(run: Any, schemas: Sequence[Schema]) -> Any:
    """Return what `run` returns; an error of the libraries below becomes a PlanError with the nearest name."""
    try:
        return run()
    except GpupipeError:
        raise
    except (Exception, PanicException) as error:
        known = list(dict.fromkeys(name for schema in schemas for name in schema))
        message = str(error).strip()
        if "ColumnNotFound" in type(error).__name__:
            missing = _missing_name(message, known)
            raise ColumnError.of(missing, known) from error
        if "does not aggregate" in message:
            msg = (
                "Expected aggregates, which make one value of all rows of a key, such as total=nw.col('x').sum(), "
                "got an expression that keeps rows."
            )
            raise PlanError(msg) from error
        told = f"{type(error).__name__}: {_without_plan(message)}" if message else type(error).__name__
        raise PlanError(
            f"{told}\nThe stage was tried on empty tables with the columns {_with_dtypes(schemas)}; it must accept those."
        ) from error


def _without_plan(message: str) -> str:
    """Return what a library says in a line or two: of what Polars adds, the expression, and not the drawing of the query."""
    told = re.split(r"\s*(?:Resolved plan until failure|This error occurred (?:in|with) the following)", message)[0].strip()
    within = re.search(r"This error occurred in the following expression:\s*(.+)", message)
    return f"{told}, in {within[1]}" if within else told


def _with_dtypes(schemas: Sequence[Schema]) -> str:
    """Return the columns of tables, each with its dtype, as a list that is cut where it is long."""
    columns = {name: str(field.dtype) for schema in schemas for name, field in schema.items()}
    shown = ", ".join(f"{name!r} ({dtype})" for name, dtype in list(columns.items())[:_SHOWN])
    return shown if len(columns) <= _SHOWN else f"{shown} and {len(columns) - _SHOWN} more"


def _missing_name(message: str, known: Sequence[str]) -> str:
    """Return the column name that a library's error says is not there."""
    quoted = [name for name in re.findall(r"[\"'`]([^\"'`]+)[\"'`]", message) if name not in known]
    if quoted:
        return str(quoted[0])
    words = re.findall(r"[\w.]+", message)
    return next((str(word) for word in words if word not in known), message)
