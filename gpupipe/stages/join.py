"""Joins tables on equal keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from gpupipe.core.engine import Joining
from gpupipe.core.errors import ColumnError, DtypeError, UsageError, listing, nearest
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage, as_columns
from gpupipe.stages._keys import require_plain

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.engine import Verbs

How = Literal["inner", "left", "right", "full", "semi", "anti", "cross"]
HOWS = ("inner", "left", "right", "full", "semi", "anti", "cross")


@dataclass(frozen=True, init=False)
class Join(TableStage):
    """Joins tables on equal keys, from left to right. Missing keys match nothing.

    The keys stand once in the result, under the left table's names. Another column that both tables have gets `suffix` on the right.

    Parameters
    ----------
    on
        The key's columns, where they are called the same in every table.
    left_on, right_on
        The key's columns in the two tables, where they are called differently.
    how
        ``inner``, ``left``, ``right``, ``full``, ``semi``, ``anti`` or ``cross``.

    Examples
    --------
    >>> import polars as pl
    >>> left, right = pl.DataFrame({"k": [1, 2]}), pl.DataFrame({"k": [1], "v": ["a"]})
    >>> Join(on="k", how="left").apply(left, right).sort("k").to_dicts()
    [{'k': 1, 'v': 'a'}, {'k': 2, 'v': None}]
    """

    n_inputs: ClassVar[tuple[int, int | None]] = (2, None)

    how: Joining

    def __init__(
        self,
        on: str | Sequence[str] | None = None,
        *,
        how: How = "inner",
        left_on: str | Sequence[str] | None = None,
        right_on: str | Sequence[str] | None = None,
        suffix: str = "_right",
    ) -> None:
        if how not in HOWS:
            msg = f"Join expects how to be one of {listing(HOWS)}, got {how!r}.{nearest(how, HOWS)}"
            raise UsageError(msg)
        left, right = _keys(on, left_on, right_on, how)
        object.__setattr__(self, "how", Joining(left, right, how, suffix))

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a key that is not there or a column that comes twice, DtypeError for keys that cannot be compared."""
        left = schemas[0]
        require_plain(left, self.how.left_on, "Join's key")
        names = set(left)
        for right in schemas[1:]:
            right.require(self.how.right_on)
            for one, other in zip(self.how.left_on, self.how.right_on, strict=True):
                if left[one].dtype != right[other].dtype:
                    msg = (
                        f"Join expects keys of one dtype, got {left[one].dtype} in {one!r} on the left and {right[other].dtype} in "
                        f"{other!r} on the right. Cast one of them."
                    )
                    raise DtypeError(msg)
            self._extend(names, right)

    def _extend(self, names: set[str], right: Schema) -> None:
        """Add to the names what a right table adds to the columns, or raise ColumnError where one comes twice."""
        if self.how.how in ("semi", "anti"):
            return
        had = frozenset(names)
        for name in right:
            if name in self.how.right_on:
                continue
            new = name + self.how.suffix if name in had else name
            if new in names:
                msg = f"Join would make column {new!r} twice. Give it another suffix, or rename one of them."
                raise ColumnError(msg)
            names.add(new)

    def spread(self) -> Joining:
        """Return how the tables are joined."""
        return self.how

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the joined rows."""
        joined = frames[0]
        for right in frames[1:]:
            joined = verbs.join(joined, right, self.how)
        return joined

    def not_null(self, names: Sequence[str], *schemas: Schema) -> frozenset[str]:
        """Return the columns that can have no missing value after the join."""
        left, how = schemas[0], self.how.how
        if how in ("semi", "anti", "left"):
            return left.not_null
        if how != "inner":
            return frozenset()
        proven = set(left.not_null) | set(self.how.left_on)
        for right in schemas[1:]:
            proven |= {name for name in right.not_null if name not in left and name not in self.how.right_on}
        return frozenset(proven)


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
