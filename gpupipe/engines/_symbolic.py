"""Empty Polars frames that stand for tables in the plan, and tell which columns and rows a query asks of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source

from gpupipe.core.schema import Field, Schema
from gpupipe.core.stage import KeyStage, TableStage
from gpupipe.engines._scan import empty_table
from gpupipe.engines.polars.verbs import PolarsVerbs

Frame = nw.LazyFrame[Any]
VERBS = PolarsVerbs()


@dataclass
class Recorder:
    """What Polars' optimizer asked of one source, over all queries."""

    schema: Schema
    columns: set[str] = field(default_factory=set)
    predicates: list[pl.Expr | None] = field(default_factory=list)

    def frame(self) -> Frame:
        """Return an empty frame of the schema that records what is asked of it."""
        rows = empty_table(self.schema)

        def scan(
            columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
        ) -> Iterator[pl.DataFrame]:
            self.columns.update(rows.columns if columns is None else columns)
            self.predicates.append(
                predicate if n_rows is None else None
            )  # a filter that comes after a number of rows is none of the source
            empty = rows if predicate is None else rows.filter(predicate)
            yield empty if columns is None else empty.select(columns)

        return nw.from_native(register_io_source(scan, schema=rows.schema, is_pure=False))

    def predicate(self) -> pl.Expr | None:
        """Return what keeps every row that any query asked for, or None where one asked for all."""
        if not self.predicates or any(predicate is None for predicate in self.predicates):
            return None
        distinct = {_spelled(predicate): predicate for predicate in self.predicates if predicate is not None}
        return reduce(pl.Expr.__or__, distinct.values())


def _spelled(predicate: pl.Expr) -> bytes:
    """Return what tells a predicate from others; as text, two sets of values would look alike."""
    found = predicate.meta.serialize()
    assert isinstance(found, bytes)
    return found


def empty_frame(schema: Schema) -> Frame:
    """Return an empty frame of the schema."""
    return nw.from_native(empty_table(schema).lazy())


def frame_schema(frame: Frame, not_null: Callable[[Sequence[str]], frozenset[str]]) -> Schema:
    """Return a symbolic frame's schema; `not_null` says of its columns which are proven to have no missing value."""
    found = frame.collect_schema()
    proven = not_null(list(found))
    return Schema(tuple((name, Field(dtype, nullable=name not in proven)) for name, dtype in found.items()))


def collect_symbolic(frames: Sequence[Frame]) -> list[pa.Table]:
    """Return the results of the queries on empty frames, each run by itself so that what it asks of its sources is its own."""
    return [frame.to_native().collect().to_arrow() for frame in frames]


def named_columns(frame: Frame) -> set[str]:
    """Return the columns that the query names, whether or not its result depends on them."""
    return set(re.findall(r'col\("((?:[^"\\]|\\.)*)"\)', frame.to_native().explain(optimized=False)))


def operations(frame: Frame, *, optimized: bool = False) -> set[str]:
    """Return the names of the operations in the query, as Polars prints them."""
    return set(re.findall(r"^\s*(?:simple )?([A-Z][A-Z_]{1,})\b", frame.to_native().explain(optimized=optimized), flags=re.MULTILINE))


_IN_PLACE = frozenset({"FILTER", "FROM", "DF", "PROJECT", "SORT", "UNIQUE", "SLICE", "BY"})


def keeps_keys(stage: TableStage, schemas: Sequence[Schema], columns: Sequence[str]) -> bool:
    """Whether some columns of a stage's first table come out as they went in, be it in fewer rows or another order.

    The stage's query shows it, or a stage of a key that contains them says so. Such a stage may also aggregate by them.
    """
    if isinstance(stage, KeyStage) and stage.keeps_keys() and set(columns) <= set(stage.keys):
        return True
    frame = stage.run(VERBS, *(empty_frame(schema) for schema in schemas))
    if not set(columns) <= set(frame.collect_schema()):
        return False
    alone = frame.select(list(columns))
    done = operations(alone, optimized=True)
    if done <= _IN_PLACE:
        return True
    if not isinstance(stage, KeyStage) or not done <= _IN_PLACE | {"AGGREGATE"}:
        return False
    grouped = re.findall(r"\] BY \[(.*)\]$", alone.to_native().explain(), flags=re.MULTILINE)
    return len(grouped) == 1 and set(columns) <= set(re.findall(r'(?:^|, )col\("([^"]*)"\)(?=, |$)', grouped[0]))
