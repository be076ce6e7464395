"""Which rows can be asked about at all: each once, none that is known or held out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import ColumnError, DtypeError
from gpupipe.core.node import Node, Table
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, TableStage
from gpupipe.core.verbs import Joining, Verbs

_EXAMPLE, _STATE = "example_id", "state"  # as `ReadLabels` calls them


@dataclass(frozen=True)
class _OncePerId(KeyStage):
    """Passes rows on whose ids are there once."""

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True
    keeps_keys: ClassVar[bool] = True

    id: str
    asked_by: str

    @property
    def name(self) -> str:
        """The stage that looks."""
        return f"{self.asked_by} (ids)"

    @property
    def keys(self) -> tuple[str, ...]:
        """The id."""
        return (self.id,)

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a pool without ids."""
        require_ids(schemas[0], self.id, self.asked_by)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows."""
        return verbs.require_once(frames[0], (self.id,), f"{self.asked_by} expects each example once, under an id of its own")

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the id."""
        return frozenset([self.id])


@dataclass(frozen=True)
class _LeaveOut(TableStage):
    """Leaves out rows whose ids another table has."""

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    keeps_values: ClassVar[bool] = True

    id: str
    asked_by: str

    @property
    def name(self) -> str:
        """The stage that asks for it."""
        return f"{self.asked_by} (known)"

    @property
    def how(self) -> Joining:
        """The join that does it."""
        return Joining((self.id,), (self.id,), "anti")

    def spread(self) -> Joining:
        """Return that it is a join."""
        return self.how

    def _own(self, names: Collection[str], number: int) -> str:
        """Return what a table's ids are called: in what a label store tells, ``example_id``."""
        return _EXAMPLE if number and self.id not in names and _EXAMPLE in names else self.id

    def _tells_states(self, names: Collection[str]) -> bool:
        """Whether a table is a label store's, of which only known labels count: what is unresolved or a conflict is asked again."""
        return self._own(names, 1) == _EXAMPLE and _STATE in names

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a table without ids, DtypeError for ids of another dtype."""
        for number, schema in enumerate(schemas):
            if self._own(schema, number) not in schema:
                which = "examples" if number == 0 else "known or held out examples"
                msg = f"{self.asked_by} knows examples by their ids, and the table of {which} has no column {self.id!r}."
                raise ColumnError(f"{msg} Its columns are {list(schema)}. Rename its column of ids, or say which it is: id='name'.")
        one, other = (schema[self._own(schema, number)].dtype for number, schema in enumerate(schemas))
        if one != other:
            msg = f"{self.asked_by} expects ids of one dtype, got {one} of the examples and {other} of the known. Cast one of them."
            raise DtypeError(msg)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows that are left."""
        names = frames[1].collect_schema().names()
        other = self._own(names, 1)
        known = frames[1].filter(nw.col(_STATE) == "exact") if self._tells_states(names) else frames[1]
        return verbs.join(frames[0], known.select(nw.col(other).alias(self.id)), self.how)

    def needs(self, wanted: frozenset[str], *schemas: Schema) -> Sequence[frozenset[str]] | None:
        """Return the wanted columns and the ids."""
        states = [_STATE] if self._tells_states(schemas[1]) else []
        return [wanted | {self.id}, frozenset([self._own(schemas[1], 1), *states])]


def candidates(scored: Table, others: Sequence[Any], id_column: str, stage: str, *, check_ids: bool = True) -> Table:
    """Return the rows of a table, each once unless nobody checks, whose ids are in none of the others."""
    left = _OncePerId(id_column, stage)(scored) if check_ids else scored
    for other in others:
        left = _LeaveOut(id_column, stage)(left, other)
    return left


def require_ids(schema: Schema, id_column: str, stage: str) -> None:
    """Raise ColumnError for a pool without ids."""
    if id_column not in schema:
        msg = f"{stage} knows examples by their ids, never by the place of a row, and there is no column {id_column!r}."
        raise ColumnError(f"{msg} The columns are {list(schema)}. Say which it is: id='name', or make one that stays the same.")
