"""Gives columns new names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, RowStage

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class Rename(RowStage):
    """Gives columns new names: a mapping from old to new, or keywords ``old="new"``.

    Examples
    --------
    >>> import polars as pl
    >>> Rename({"a": "x"}).apply(pl.DataFrame({"a": [1], "b": [2]})).columns
    ['x', 'b']
    """

    keeps_rows: ClassVar[bool] = True

    names: tuple[tuple[str, str], ...]

    def __init__(self, names: Mapping[str, str] | None = None, **more: str) -> None:
        pairs = {**(names or {}), **more}
        if not pairs or not all(isinstance(name, str) for pair in pairs.items() for name in pair):
            msg = f"Rename expects old and new names, got {pairs!r}."
            raise UsageError(msg)
        settle(self, names=tuple(pairs.items()))

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns that had no missing value, under their new names.

        Raise ColumnError for an old name that is not there, or a new one that is there already.
        """
        schemas[0].require(old for old, _ in self.names)
        renamed = dict(self.names)
        made = Schema(tuple((renamed.get(name, name), field) for name, field in schemas[0].items()))
        return Outcome(not_null=made.not_null)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the new names."""
        return frames[0].rename(dict(self.names))

    def needs(self, wanted: frozenset[str], *schemas: Schema) -> Sequence[frozenset[str]] | None:
        """Return the columns under their old names; those that are renamed must be there."""
        renamed = dict(self.names)
        return [frozenset(name for name in schemas[0] if name in renamed or name in wanted)]
