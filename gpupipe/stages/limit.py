"""Keeps the first rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.core.verbs import ByBlock
from gpupipe.stages._counts import require_count

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True)
class Limit(TableStage):
    """Keeps the first rows of a table, or all of one that has fewer.

    They are the top ones after `SortRows`, and the first ones of the file where a source's rows come as they are. Elsewhere no order is
    promised, so they are any rows. Where rows tie, ``SortRows(..., limit=n)`` says which of them are kept, and this stage does not.

    Parameters
    ----------
    n_rows
        How many rows are kept at most.

    Examples
    --------
    >>> import polars as pl
    >>> Limit(2).apply(pl.DataFrame({"a": [3, 1, 2]}))["a"].to_list()
    [3, 1]
    """

    keeps_values: ClassVar[bool] = True

    minds_order: ClassVar[bool] = True

    n_rows: int

    def __post_init__(self) -> None:
        require_count(self.n_rows, "Limit's n_rows")

    @property
    def name(self) -> str:
        """The stage's name with the number of rows."""
        return f"Limit({self.n_rows})"

    def spread(self) -> ByBlock:
        """Return that the first rows of each block are taken, and then those of what is left."""
        return ByBlock(again=True)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return no column: which rows are kept depends on none."""
        return frozenset()

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the first rows."""
        return frames[0].head(self.n_rows)
