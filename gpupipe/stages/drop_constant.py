"""Leaves out columns in which nothing differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.options import settle
from gpupipe.stages._drops import LeftOut
from gpupipe.stages._fits import ReductionsFit
from gpupipe.stages._keys import require_plain


@dataclass(frozen=True, init=False)
class DropConstant(ReductionsFit):
    """Leaves out the columns that hold one value alone, or none, where it is fitted; a missing value counts as another one.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`, of those that may be left out; all unless given.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"a": [1, 1], "b": [1, 2], "c": [None, 1]})
    >>> DropConstant().fit_plain(frame).apply(frame).columns
    ['b', 'c']
    """

    words: ClassVar[tuple[str, ...]] = ("n", "missing", "low", "high")
    as_float: ClassVar[bool] = False

    columns: tuple[str, ...] | Columns

    def __init__(self, columns: str | Sequence[str] | Columns | None = None) -> None:
        given = Columns((), (), ()) if columns is None else given_columns(columns, "DropConstant's columns")
        settle(self, columns=given)

    def plan(self, *specs: Any) -> DroppedConstant:
        """Return what is fitted to nothing; raise ColumnError for a column that is not there, DtypeError for one of lists or records."""
        require_plain(specs[0], self.needed(specs[0]), "DropConstant's columns")
        made: DroppedConstant = self.of_nothing(self.needed(specs[0]))
        return made

    def made(self, names: tuple[str, ...], found: Mapping[str, Sequence[Any]]) -> DroppedConstant:
        """Return what leaves the columns out."""
        facts = list(zip(names, *(found[word] for word in self.words), strict=True))
        is_open = all(missing is None for _, _, missing, _, _ in facts)
        gone = [
            name for name, n, missing, low, high in facts if not is_open and ((n == 0 and missing) or (n and missing == 0 and low == high))
        ]
        return DroppedConstant(tuple(gone), is_open)


@dataclass(frozen=True)
class DroppedConstant(LeftOut):
    """Leaves out `columns`."""

    columns: tuple[str, ...]
    is_open: bool
