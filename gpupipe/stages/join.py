"""Joins tables on equal keys."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from gpupipe.core.errors import ColumnError, DtypeError, UsageError, listing, nearest
from gpupipe.core.node import Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, TableStage, as_columns
from gpupipe.core.verbs import Joining
from gpupipe.stages._keys import require_plain

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.verbs import Verbs

How = Literal["inner", "left", "right", "full", "semi", "anti", "cross"]
HOWS = ("inner", "left", "right", "full", "semi", "anti", "cross")
Validate = Literal["1:1", "1:m", "m:1", "m:m"]
_ONCE: dict[str, tuple[Literal["left", "right"], ...]] = {"1:1": ("left", "right"), "1:m": ("left",), "m:1": ("right",), "m:m": ()}


@dataclass(frozen=True, init=False)
class Join(TableStage):
    """Joins tables on equal keys, from left to right. Missing keys match nothing.

    The keys stand once in the result, under the left table's names. Another column that both tables have gets `suffix` on the right, or
    on both sides where there is one for each.

    Parameters
    ----------
    on
        The key's columns, where they are called the same in every table.
    left_on, right_on
        The key's columns in the two tables, where they are called differently.
    how
        ``inner``, ``left``, ``right``, ``full``, ``semi``, ``anti`` or ``cross``.
    suffix
        What is put behind the name of a right table's column that the left one has too. ``("_buyer", "_seller")`` is put behind the
        left table's and the right table's.
    validate
        How many rows of a key there may be on the left and on the right, as pandas writes it: ``"1:1"``, ``"1:m"``, ``"m:1"`` or
        ``"m:m"``. Where there are more, the run ends with an example. Missing keys match nothing, so there may be any number of them.

    Examples
    --------
    >>> import polars as pl
    >>> left, right = pl.DataFrame({"k": [1, 2]}), pl.DataFrame({"k": [1], "v": ["a"]})
    >>> Join(on="k", how="left").apply(left, right).sort("k").to_dicts()
    [{'k': 1, 'v': 'a'}, {'k': 2, 'v': None}]
    >>> Join(on="k", suffix=("_old", "_new")).apply(right, right).to_dicts()
    [{'k': 1, 'v_old': 'a', 'v_new': 'a'}]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    many: ClassVar[bool] = True

    how: Joining
    validate: Validate

    def __init__(
        self,
        on: str | Sequence[str] | None = None,
        *,
        how: How = "inner",
        left_on: str | Sequence[str] | None = None,
        right_on: str | Sequence[str] | None = None,
        suffix: str | tuple[str, str] = "_right",
        validate: Validate = "m:m",
    ) -> None:
        if how not in HOWS:
            meant = " Did you mean 'full'? It keeps the rows of both sides." if how in {"outer", "full_outer"} else nearest(how, HOWS)
            msg = f"Join expects how to be one of {listing(HOWS)}, got {how!r}.{meant}"
            raise UsageError(msg)
        if validate not in _ONCE:
            msg = f"Join expects validate to be one of {listing(_ONCE)}, got {validate!r}."
            raise UsageError(msg)
        left, right = _keys(on, left_on, right_on, how)
        if how == "cross" and validate != "m:m":
            msg = f"A cross join has no keys to validate: leave out validate, got {validate!r}."
            raise UsageError(msg)
        of_left, of_right = _suffixes(suffix)
        settle(self, how=Joining(left, right, how, of_right, of_left, frozenset(_ONCE[validate])), validate=validate)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns that can have no missing value after the join.

        Raise ColumnError for a key that is not there or a column that comes twice, DtypeError for keys that cannot be compared.
        """
        left = schemas[0]
        require_plain(left, self.how.left_on, "Join's key")
        if self.how.left_suffix and len(schemas) > 2:
            msg = f"Join expects two tables where each has a suffix of its own, got {len(schemas)}. Join them one after the other."
            raise UsageError(msg)
        for right in schemas[1:]:
            right.require(self.how.right_on)
            for one, other in zip(self.how.left_on, self.how.right_on, strict=True):
                if left[one].dtype != right[other].dtype:
                    msg = (
                        f"Join expects keys of one dtype, got {left[one].dtype} in {one!r} on the left and {right[other].dtype} in "
                        f"{other!r} on the right. Cast one of them."
                    )
                    raise DtypeError(msg)
        names = list(left)
        for right in schemas[1:]:
            names = self._names(names, list(right))
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                msg = f"Join would make column {twice[-1]!r} twice. Give it another suffix, or rename one of them."
                raise ColumnError(msg)
        return Outcome(not_null=self._proven(*schemas))

    def _names(self, left: Sequence[str], right: Sequence[str]) -> list[str]:
        """Return the names of two tables' columns after the join."""
        if self.how.how in ("semi", "anti"):
            return list(left)
        new = self._renamed(left, right)
        theirs = [name + self.how.suffix if name in left else name for name in right if name not in self.how.right_on]
        return [*(new.get(name, name) for name in left), *theirs]

    def _renamed(self, left: Sequence[str], right: Sequence[str]) -> dict[str, str]:
        """Return the new names of the left table's columns that the right one has too, where the left table has a suffix."""
        if not self.how.left_suffix or self.how.how in ("semi", "anti"):
            return {}
        both = set(left) & set(right) - {*self.how.left_on, *self.how.right_on}
        return {name: name + self.how.left_suffix for name in left if name in both}

    def needs(self, wanted: frozenset[str], *schemas: Schema) -> Sequence[frozenset[str]] | None:
        """Return the keys, and the wanted columns; with one that gets a suffix its namesake in the other table, which is why it does."""
        needed = [set(self.how.left_on), *(set(self.how.right_on) for _ in schemas[1:])]
        if self.how.how in ("semi", "anti"):
            return [frozenset(needed[0] | (wanted & set(schemas[0]))), *map(frozenset, needed[1:])]
        made = {name: {(0, name)} for name in schemas[0]}  # of which columns of which table each column of the result depends
        for number, right in enumerate(schemas[1:], start=1):
            had, new = made, self._renamed(list(made), list(right))
            made = {new.get(name, name): parts | ({(number, name)} if name in new else set()) for name, parts in had.items()}
            for name in right:
                if name not in self.how.right_on:
                    made[name + self.how.suffix if name in had else name] = {(number, name)} | had.get(name, set())
        for name in wanted:
            for number, column in made[name]:
                needed[number].add(column)
        return [frozenset(names) for names in needed]

    def in_order(self) -> Join:
        """Return the join that keeps the order of the left table's rows."""
        made = copy(self)
        object.__setattr__(made, "how", replace(self.how, ordered=True))
        return made

    def spread(self) -> Joining:
        """Return how the tables are joined."""
        return self.how

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the joined rows."""
        joined = frames[0]
        for right in frames[1:]:
            joined = self._pair(verbs, joined, right)
        return joined

    def _pair(self, verbs: Verbs, left: nw.LazyFrame[Any], right: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows of two tables joined."""
        expected = "Join expects each key in one row of the {} table (validate={!r})"
        if "left" in self.how.once:
            left = verbs.require_once(left, self.how.left_on, expected.format("left", self.validate))
        if "right" in self.how.once:
            right = verbs.require_once(right, self.how.right_on, expected.format("right", self.validate))
        new = self._renamed(left.collect_schema().names(), right.collect_schema().names()) if self.how.left_suffix else {}
        if new:
            left, right = left.rename(new), right.rename({name: name + self.how.suffix for name in new})
        return verbs.join(left, right, self.how)

    def _proven(self, *schemas: Schema) -> frozenset[str]:
        """Return the columns that can have no missing value after the join."""
        left, how = schemas[0], self.how.how
        if how in ("semi", "anti"):
            return left.not_null
        new = self._renamed(list(left), list(schemas[1]))
        proven = {new.get(name, name) for name in left.not_null}
        if how == "left":
            return frozenset(proven)
        if how != "inner":
            return frozenset()
        proven |= set(self.how.left_on)
        for right in schemas[1:]:
            proven |= {name for name in right.not_null if name not in left and name not in self.how.right_on}
        return frozenset(proven)


def _suffixes(suffix: Any) -> tuple[str, str]:
    """Return what is put behind the names of the left and of the right table."""
    given = ("", suffix) if isinstance(suffix, str) else suffix
    if not isinstance(given, Sequence) or len(given) != 2 or not all(isinstance(part, str) for part in given):
        msg = f"Join expects suffix to be a text for the right table, or one for each table, got {suffix!r}."
        raise UsageError(msg)
    return given[0], given[1]


def _keys(on: Any, left_on: Any, right_on: Any, how: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the key's columns on the left and on the right."""
    if how == "cross":
        if on is not None or left_on is not None or right_on is not None:
            msg = "A cross join has no keys: leave out on, left_on and right_on."
            raise UsageError(msg)
        return (), ()
    if (on is None) == (left_on is None) or (left_on is None) != (right_on is None):
        msg = "Join expects either on, or left_on and right_on together."
        raise UsageError(msg)
    if on is not None:
        return as_columns(on, "Join's on"), as_columns(on, "Join's on")
    left, right = as_columns(left_on, "Join's left_on"), as_columns(right_on, "Join's right_on")
    if len(left) != len(right):
        msg = f"Join expects as many keys on both sides, got {len(left)} and {len(right)}."
        raise UsageError(msg)
    return left, right
