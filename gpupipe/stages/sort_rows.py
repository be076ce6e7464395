"""Puts rows in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, TableStage, as_columns
from gpupipe.core.verbs import ByBlock, Sorting
from gpupipe.stages._counts import require_count
from gpupipe.stages._keys import is_plain, require_plain

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class SortRows(TableStage):
    """Puts the rows in order of some columns. NaN is the largest number; missing values stand last unless told otherwise.

    Parameters
    ----------
    by
        The columns to sort by, the first one first.
    descending
        Whether the largest comes first, for all columns or one flag a column.
    nulls_last
        Whether missing values stand last, also where the order is descending.
    limit
        How many of the first rows are kept; all unless given. Among rows that tie, those that are smaller in the table's other columns
        are kept, one column after the other, so that the answer does not depend on chance.

    Examples
    --------
    >>> import polars as pl
    >>> SortRows("a", descending=True).apply(pl.DataFrame({"a": [1, None, 2]}))["a"].to_list()
    [2, 1, None]
    >>> SortRows("a", descending=True, limit=2).apply(pl.DataFrame({"a": [7, 9, 7], "b": [5, 6, 4]})).rows()
    [(9, 6), (7, 4)]
    """

    keeps_values: ClassVar[bool] = True

    by: tuple[str, ...]
    descending: tuple[bool, ...]
    nulls_last: bool
    limit: int | None

    def __init__(
        self,
        by: str | Sequence[str],
        *,
        descending: bool | Sequence[bool] = False,
        nulls_last: bool = True,
        limit: int | None = None,
    ) -> None:
        columns = as_columns(by, "SortRows' by")
        order = (descending,) * len(columns) if isinstance(descending, bool) else tuple(descending)
        if len(order) != len(columns):
            msg = f"SortRows expects one descending flag a column, got {len(order)} for {len(columns)} columns."
            raise UsageError(msg)
        if limit is not None:
            require_count(limit, "SortRows' limit")
        settle(self, by=columns, descending=order, nulls_last=nulls_last, limit=limit)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return whether all rows come out; raise ColumnError for a column that is not there, DtypeError for one of lists or records."""
        require_plain(schemas[0], self.by, "SortRows' by")
        return Outcome(keeps_rows=self.limit is None)

    def spread(self) -> Sorting | ByBlock:
        """Return the order; the first rows of all are among the first of each block."""
        return Sorting(self.by, self.descending, self.nulls_last) if self.limit is None else ByBlock(again=True)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows in order, or the first of them."""
        if self.limit is None:
            return verbs.sort(frames[0], self.by, self.descending, nulls_last=self.nulls_last)
        ties = [name for name, dtype in frames[0].collect_schema().items() if name not in self.by and is_plain(dtype)]
        order = [*self.descending, *(False for _ in ties)]
        return verbs.sort(frames[0], [*self.by, *ties], order, nulls_last=self.nulls_last).head(self.limit)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns of the order; all where there is a limit, since the others settle ties."""
        return frozenset(self.by if self.limit is None else schemas[0])
