"""Empty Polars frames that stand for tables in the plan, and what a query on them tells of the columns and rows that it needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from typing import Any, Literal

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
from narwhals.stable.v2.dtypes import DType
from polars.io.plugins import register_io_source

from gpupipe.core.schema import Field, Schema
from gpupipe.core.stage import KeyStage, TableStage
from gpupipe.engines._query import EmptyScan, comes_through, scanned_columns, spelled
from gpupipe.engines._scan import empty_table
from gpupipe.engines.polars.verbs import PolarsVerbs

Frame = nw.LazyFrame[Any]
VERBS = PolarsVerbs()
AT_ONCE: Literal["in-memory"] = "in-memory"  # the engine for a few rows: to set the streaming one up takes longer than to run this one


@dataclass
class Recorder:
    """An empty table that notes by which conditions a query wants its rows."""

    schema: Schema
    predicates: list[pl.Expr | None] = field(default_factory=list)

    def frame(self) -> Frame:
        """Return the table as a lazy frame."""
        rows = empty_table(self.schema)

        def scan(
            columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
        ) -> Iterator[pl.DataFrame]:
            self.predicates.append(predicate if n_rows is None else None)  # a filter after a number of rows is none of the source
            empty = rows if predicate is None else rows.filter(predicate)
            yield empty if columns is None else empty.select(columns)

        return nw.from_native(register_io_source(scan, schema=rows.schema, is_pure=False))


def filter_of(schema: Schema, stages: Sequence[TableStage], n_fewer: int) -> pl.Expr | None:
    """Return the condition by which row stages, one after the other, keep the rows of a table of the schema; None where they keep all.

    Parameters
    ----------
    n_fewer
        How many of the stages may leave rows out.
    """
    if not n_fewer:
        return None
    kept = stages[0].keeps()
    if kept is not None and n_fewer == 1:  # most of them are one filter; of several, Polars knows which may stand together
        return reduce(pl.Expr.__and__, (_in_polars(condition, schema) for _, condition in kept))
    recorder = Recorder(schema)
    reduce(lambda frame, stage: stage.run(VERBS, frame), stages, recorder.frame()).to_native().collect(engine=AT_ONCE)
    return recorder.predicates[0] if len(recorder.predicates) == 1 else None


def _in_polars(expression: Any, schema: Schema) -> pl.Expr:
    """Return an expression of single rows of a table in Polars' own words."""
    if isinstance(expression, str):
        return pl.col(expression)
    made: pl.Expr = expression._to_compliant_expr(empty_frame(schema).__narwhals_namespace__()).native
    return made


def any_of(predicates: Sequence[pl.Expr | None]) -> pl.Expr | None:
    """Return the condition that one of some conditions holds; None, which holds always, where one of them is that."""
    known = [predicate for predicate in predicates if predicate is not None]
    if not known or len(known) < len(predicates):
        return None
    distinct = {predicate.meta.serialize(): predicate for predicate in known}  # as text, two sets of values would look alike
    return reduce(pl.Expr.__or__, distinct.values())


@lru_cache(maxsize=256)
def empty_frame(schema: Schema) -> Frame:
    """Return an empty frame of the schema; it never changes, so all who ask for one get the same."""
    return nw.from_native(empty_table(schema).lazy())


def frame_schema(frame: Frame, not_null: Collection[str]) -> Schema:
    """Return a symbolic frame's schema, of whose columns some are proven to have no missing value."""
    return Schema(tuple((name, _field(dtype, nullable=name not in not_null)) for name, dtype in frame.collect_schema().items()))


@lru_cache(maxsize=1024)
def _field(dtype: DType, *, nullable: bool) -> Field:
    """Return a field; the columns of a wide table have few."""
    return Field(dtype, nullable)


def collect_symbolic(frames: Sequence[Frame]) -> list[pa.Table]:
    """Return the results of queries on empty frames."""
    return [frame.to_native().collect(engine=AT_ONCE).to_arrow() for frame in frames]


def needed_columns(run: Callable[..., Frame], schemas: Sequence[Schema], wanted: Collection[str] | None = None) -> list[frozenset[str]]:
    """Return which columns of each table are needed by what a function makes of the tables.

    The function is run on empty tables, and Polars' optimized plan says what is read of each. Then it is run on tables of those columns
    alone: only where that makes the very same query does it do with fewer columns. A function that looks at the names it is given gets all.

    Parameters
    ----------
    wanted
        The columns of the result that are needed; all of them unless given. Columns that the function makes itself count as wanted, since
        it names what it makes them of.
    """
    whole = [frozenset(schema) for schema in schemas]
    passed = frozenset() if wanted is None else frozenset(name for names in whole for name in names if name not in wanted)
    for left_out in [passed, frozenset()] if passed else [passed]:  # what passes through need not, unless the function names it
        tables, query = _query(run, schemas, left_out)
        read = scanned_columns(query, tables)
        if read is None or read == whole:
            return whole
        fewer = [narrowed(schema, columns) for schema, columns in zip(schemas, read, strict=True)]
        try:
            _, again = _query(run, fewer, left_out)
            if again.collect_schema() == query.collect_schema() and spelled(again) == spelled(query):
                return read
        except Exception:  # noqa: BLE001, S112  (whatever a function says that cannot do with fewer columns: it gets more)
            continue
    return whole


def _query(run: Callable[..., Frame], schemas: Sequence[Schema], passed: Collection[str]) -> tuple[list[EmptyScan], pl.LazyFrame]:
    """Return the tables that a function was run on, and the query it made, without the columns that need not pass through."""
    tables = [EmptyScan(empty_table(schema)) for schema in schemas]
    made = run(*(nw.from_native(table.frame) for table in tables)).to_native()
    names = made.collect_schema().names()
    kept = [name for name in names if name not in passed]
    return tables, made.select(kept) if kept and len(kept) < len(names) else made


def collects(stage: TableStage, schemas: Sequence[Schema]) -> bool:
    """Whether a stage collects rows of its tables while it is run, so that the query that it makes does not show all that it does."""
    tables = [EmptyScan(empty_table(schema)) for schema in schemas]
    stage.run(VERBS, *(nw.from_native(table.frame) for table in tables))
    return any(table.collected is not None for table in tables)


def narrowed(schema: Schema, columns: Collection[str]) -> Schema:
    """Return the schema with some of its columns, at least the first one: rows of no columns cannot be counted."""
    kept = [(name, field) for name, field in schema.items() if name in columns]
    return Schema(tuple(kept or schema.columns[:1]))


def keeps_keys(stage: TableStage, schemas: Sequence[Schema], columns: Sequence[str]) -> bool:
    """Whether some columns of a stage's only table come out as they went in, be it in fewer rows or another order.

    The stage's query shows it, or a stage of a key that contains them says so. Such a stage may also aggregate by them.
    """
    is_of_key = isinstance(stage, KeyStage)
    if isinstance(stage, KeyStage) and stage.keeps_keys and set(columns) <= set(stage.keys):
        return True
    if len(schemas) != 1 or (stage.is_users and collects(stage, schemas)):
        return False
    frame = stage.run(VERBS, empty_frame(schemas[0])).to_native()
    return comes_through(frame, columns, grouped=is_of_key)
