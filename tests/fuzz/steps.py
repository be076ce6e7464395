"""The public stages as random steps: each knows itself as Python, as SQL of DuckDB, and which columns it makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fuzz.expressions import (
    BOOL,
    DATE,
    EXACT,
    FLOAT,
    INT,
    MONEY,
    NARROW,
    ROUNDED,
    TEXT,
    Columns,
    Expression,
    UnfitError,
    literal,
    quoted,
)

DTYPES = {INT: "pl.Int64", FLOAT: "pl.Float64", TEXT: "pl.String", BOOL: "pl.Boolean", DATE: "pl.Date", MONEY: "pl.Decimal(15, 2)"}
IN_SQL = {INT: "BIGINT", FLOAT: "DOUBLE", TEXT: "VARCHAR", BOOL: "BOOLEAN", DATE: "DATE", MONEY: "DECIMAL(15, 2)"}
SORTED = (INT, FLOAT, TEXT, BOOL, DATE, NARROW, MONEY, EXACT)


def listed(names: Iterable[str], prefix: str = "") -> str:
    """Return columns in SQL."""
    return ", ".join(prefix + quoted(name) for name in names)


def require(columns: Columns, names: Iterable[str], *dtypes: str) -> None:
    """Raise UnfitError where a column is not there, or of none of the dtypes."""
    if not all(name in columns and (not dtypes or columns[name] in dtypes) for name in names):
        raise UnfitError


class Step(ABC):
    """One step of a random pipeline; `inputs` are the numbers of the steps before that it takes."""

    inputs: tuple[int, ...]
    is_value = False
    order: tuple[tuple[str, bool], ...] = ()  # by which columns its rows are sorted, and whether the largest comes first

    @abstractmethod
    def columns(self, *given: Columns) -> dict[str, str]:
        """Return the columns that it makes, or raise UnfitError."""

    @abstractmethod
    def code(self, names: Sequence[str], *given: Columns) -> str:
        """Return it as Python."""

    @abstractmethod
    def sql(self, names: Sequence[str], *given: Columns) -> str:
        """Return it as SQL."""


@dataclass(frozen=True)
class Source(Step):
    """Rows in memory; or in files, each of which has all rows of the keys that it has."""

    names: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Any, ...], ...]
    key: str = ""
    inputs: tuple[int, ...] = ()

    def columns(self, *given: Columns) -> dict[str, str]:
        return dict(self.names)

    def code(self, names: Sequence[str], *given: Columns) -> str:
        parts = []
        for number, (name, dtype) in enumerate(self.names):
            values = ", ".join("None" if row[number] is None else literal(row[number])[0] for row in self.rows)
            parts.append(f'"{name}": pl.Series([{values}], dtype={DTYPES[dtype]})')
        frame = f"pl.DataFrame({{{', '.join(parts)}}})"
        return f"gp.ReadParquet(in_files({frame}, {self.key!r}), key={self.key!r}).node()" if self.key else f"gp.FromFrame({frame}).node()"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        casts = ", ".join(f"CAST(c{number} AS {IN_SQL[dtype]}) AS {quoted(name)}" for number, (name, dtype) in enumerate(self.names))
        rows = self.rows or (tuple(None for _ in self.names),)
        values = ", ".join("(" + ", ".join("NULL" if value is None else literal(value)[1] for value in row) + ")" for row in rows)
        heads = ", ".join(f"c{number}" for number in range(len(self.names)))
        return f"SELECT {casts} FROM (VALUES {values}) AS v({heads})" + ("" if self.rows else " WHERE false")


@dataclass(frozen=True)
class Filtered(Step):
    inputs: tuple[int, ...]
    condition: Expression

    def columns(self, *given: Columns) -> dict[str, str]:
        self.condition.require(given[0])
        return dict(given[0])

    def code(self, names: Sequence[str], *given: Columns) -> str:
        return f"gp.Filter({self.condition.code})({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        return f"SELECT * FROM {names[0]} WHERE {self.condition.sql}"


@dataclass(frozen=True)
class Function(Step):
    """A user's function of rows: a filter, and columns."""

    inputs: tuple[int, ...]
    condition: Expression
    made: tuple[tuple[str, Expression], ...]

    def columns(self, *given: Columns) -> dict[str, str]:
        self.condition.require(given[0])
        return WithColumns(self.inputs, self.made).columns(*given)

    def code(self, names: Sequence[str], *given: Columns) -> str:
        made = ", ".join(f"{name}={expression.code}" for name, expression in self.made)
        return f"gp.rows(lambda frame: frame.filter({self.condition.code}).with_columns({made}))({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        return f"{WithColumns(self.inputs, self.made).sql(names, *given)} WHERE {self.condition.sql}"


@dataclass(frozen=True)
class FilteredByAll(Step):
    """Rows that have the largest value of a column."""

    inputs: tuple[int, ...]
    column: str

    def columns(self, *given: Columns) -> dict[str, str]:
        require(given[0], [self.column], INT, FLOAT, DATE)
        return dict(given[0])

    def code(self, names: Sequence[str], *given: Columns) -> str:
        return f'gp.Filter(nw.col("{self.column}") == nw.col("{self.column}").max())({names[0]})'

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        name = quoted(self.column)
        return f"SELECT * FROM {names[0]} WHERE {name} = (SELECT max({name}) FROM {names[0]})"


@dataclass(frozen=True)
class FilteredByValue(Step):
    """Rows above an aggregate of another table."""

    inputs: tuple[int, ...]
    column: str
    value: Expression

    def columns(self, *given: Columns) -> dict[str, str]:
        require(given[0], [self.column], INT, FLOAT)
        self.value.require(given[1])
        return dict(given[0])

    def code(self, names: Sequence[str], *given: Columns) -> str:
        return f'gp.Filter(nw.col("{self.column}") >= gp.Scalar({self.value.code})({names[1]}))({names[0]})'

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        return f"SELECT * FROM {names[0]} WHERE {quoted(self.column)} >= (SELECT {self.value.sql} FROM {names[1]})"


@dataclass(frozen=True)
class WithColumns(Step):
    inputs: tuple[int, ...]
    made: tuple[tuple[str, Expression], ...]

    def columns(self, *given: Columns) -> dict[str, str]:
        for _, expression in self.made:
            expression.require(given[0])
        return {**given[0], **{name: expression.dtype for name, expression in self.made}}

    def code(self, names: Sequence[str], *given: Columns) -> str:
        return f"gp.WithColumns({', '.join(f'{name}={expression.code}' for name, expression in self.made)})({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        made = dict(self.made)
        kept = [f"{made[name].sql} AS {quoted(name)}" if name in made else quoted(name) for name in given[0]]
        return f"SELECT {', '.join([*kept, *(f'{e.sql} AS {quoted(n)}' for n, e in self.made if n not in given[0])])} FROM {names[0]}"


@dataclass(frozen=True)
class Selected(Step):
    inputs: tuple[int, ...]
    kept: tuple[str, ...]
    made: tuple[tuple[str, Expression], ...] = ()

    def columns(self, *given: Columns) -> dict[str, str]:
        require(given[0], self.kept)
        for name, expression in self.made:
            expression.require(given[0])
            if name in self.kept:
                raise UnfitError
        return {**{name: given[0][name] for name in self.kept}, **{name: expression.dtype for name, expression in self.made}}

    def code(self, names: Sequence[str], *given: Columns) -> str:
        parts = [*(f'"{name}"' for name in self.kept), *(f"{name}={expression.code}" for name, expression in self.made)]
        return f"gp.Select({', '.join(parts)})({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        parts = [*map(quoted, self.kept), *(f"{expression.sql} AS {quoted(name)}" for name, expression in self.made)]
        return f"SELECT {', '.join(parts)} FROM {names[0]}"


@dataclass(frozen=True)
class Renamed(Step):
    inputs: tuple[int, ...]
    names: tuple[tuple[str, str], ...]

    def columns(self, *given: Columns) -> dict[str, str]:
        new = dict(self.names)
        require(given[0], new)
        made = {new.get(name, name): dtype for name, dtype in given[0].items()}
        if len(made) < len(given[0]):
            raise UnfitError
        return made

    def code(self, names: Sequence[str], *given: Columns) -> str:
        return f"gp.Rename({dict(self.names)!r})({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        new = dict(self.names)
        return f"SELECT {', '.join(f'{quoted(name)} AS {quoted(new.get(name, name))}' for name in given[0])} FROM {names[0]}"


@dataclass(frozen=True)
class Dropped(Step):
    inputs: tuple[int, ...]
    names: tuple[str, ...]

    def columns(self, *given: Columns) -> dict[str, str]:
        require(given[0], self.names)
        if len(given[0]) == len(self.names):
            raise UnfitError
        return {name: dtype for name, dtype in given[0].items() if name not in self.names}

    def code(self, names: Sequence[str], *given: Columns) -> str:
        return f"gp.Drop({', '.join(map(repr, self.names))})({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        return f"SELECT {listed(name for name in given[0] if name not in self.names)} FROM {names[0]}"


@dataclass(frozen=True)
class NullsFilled(Step):
    inputs: tuple[int, ...]
    values: tuple[tuple[str, Any, str], ...]

    def columns(self, *given: Columns) -> dict[str, str]:
        for name, _, dtype in self.values:
            require(given[0], [name], dtype)
        return dict(given[0])

    def code(self, names: Sequence[str], *given: Columns) -> str:
        return f"gp.FillNull({{{', '.join(f'{name!r}: {literal(value)[0]}' for name, value, _ in self.values)}}})({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        filled = {name: f"coalesce({quoted(name)}, {literal(value)[1]}) AS {quoted(name)}" for name, value, _ in self.values}
        return f"SELECT {', '.join(filled.get(name, quoted(name)) for name in given[0])} FROM {names[0]}"


@dataclass(frozen=True)
class ToFloat(Step):
    inputs: tuple[int, ...]
    names: tuple[str, ...]

    def columns(self, *given: Columns) -> dict[str, str]:
        require(given[0], self.names, INT)
        return {name: FLOAT if name in self.names else dtype for name, dtype in given[0].items()}

    def code(self, names: Sequence[str], *given: Columns) -> str:
        return f"gp.Cast(nw.Float64, {list(self.names)!r})({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        kept = [f"{quoted(name)}::DOUBLE AS {quoted(name)}" if name in self.names else quoted(name) for name in given[0]]
        return f"SELECT {', '.join(kept)} FROM {names[0]}"


@dataclass(frozen=True)
class Ordered(Step):
    """Sorted, or the top rows of it; as one stage or as two."""

    inputs: tuple[int, ...]
    by: tuple[tuple[str, bool], ...]
    nulls_last: bool
    limit: int | None
    in_two: bool

    @property
    def order(self) -> tuple[tuple[str, bool], ...]:  # type: ignore[override]
        return self.by

    def columns(self, *given: Columns) -> dict[str, str]:
        require(given[0], [name for name, _ in self.by], *SORTED)
        if self.limit is not None and ROUNDED in given[0].values():
            raise UnfitError  # ties are settled by columns whose last digits differ
        return dict(given[0])

    def code(self, names: Sequence[str], *given: Columns) -> str:
        by = [*self.by, *((name, False) for name in given[0] if name not in dict(self.by))] if self.in_two else self.by
        options = f"{[name for name, _ in by]!r}, descending={[down for _, down in by]!r}, nulls_last={self.nulls_last}"
        if self.in_two and self.limit is not None:
            return f"gp.Limit({self.limit})(gp.SortRows({options})({names[0]}))"
        return f"gp.SortRows({options}{'' if self.limit is None else f', limit={self.limit}'})({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        if self.limit is None:
            return f"SELECT * FROM {names[0]}"
        by = [*self.by, *((name, False) for name in given[0] if name not in dict(self.by))]
        nulls = "NULLS LAST" if self.nulls_last else "NULLS FIRST"
        order = ", ".join(f"{quoted(name)} {'DESC' if down else 'ASC'} {nulls}" for name, down in by)
        return f"SELECT * FROM {names[0]} ORDER BY {order} LIMIT {self.limit}"


@dataclass(frozen=True)
class Deduplicated(Step):
    inputs: tuple[int, ...]
    by: tuple[str, ...]
    by_order: tuple[str, ...]
    keep: str

    def columns(self, *given: Columns) -> dict[str, str]:
        require(given[0], (*self.by, *self.by_order), *SORTED)
        if ROUNDED in given[0].values():
            raise UnfitError
        return dict(given[0])

    def code(self, names: Sequence[str], *given: Columns) -> str:
        if not self.by:
            return f"gp.Deduplicate()({names[0]})"
        return f"gp.Deduplicate({list(self.by)!r}, order={list(self.by_order)!r}, keep={self.keep!r})({names[0]})"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        if not self.by:
            return f"SELECT DISTINCT * FROM {names[0]}"
        ties = [*self.by_order, *(name for name in given[0] if name not in (*self.by, *self.by_order))]
        how = "ASC NULLS FIRST" if self.keep == "first" else "DESC NULLS LAST"
        place = f"row_number() OVER (PARTITION BY {listed(self.by)} ORDER BY {', '.join(f'{quoted(name)} {how}' for name in ties)})"
        return f"SELECT {listed(given[0])} FROM (SELECT *, {place} AS place__ FROM {names[0]}) WHERE place__ = 1"


@dataclass(frozen=True)
class SplitAndStacked(Step):
    """Split into parts, each filtered, and put together again: the rows that were there."""

    inputs: tuple[int, ...]
    options: str
    reads: tuple[str, ...]
    condition: Expression

    def columns(self, *given: Columns) -> dict[str, str]:
        require(given[0], self.reads, INT, TEXT, DATE)
        self.condition.require(given[0])
        return dict(given[0])

    def code(self, names: Sequence[str], *given: Columns) -> str:
        return f"gp.Concat()(*(gp.Filter({self.condition.code})(part) for part in gp.Split({self.options})({names[0]})))"

    def sql(self, names: Sequence[str], *given: Columns) -> str:
        return f"SELECT * FROM {names[0]} WHERE {self.condition.sql}"
