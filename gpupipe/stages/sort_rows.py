"""Puts rows in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpupipe.core.engine import Sorting
from gpupipe.core.errors import UsageError
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage, as_columns
from gpupipe.stages._keys import require_plain

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.engine import Verbs


@dataclass(frozen=True, init=False)
class SortRows(TableStage):
    """Puts the rows in order of some columns. NaN is the largest number; missing values stand last unless told otherwise.

    Examples
    --------
    >>> import polars as pl
    >>> SortRows("a", descending=True).apply(pl.DataFrame({"a": [1, None, 2]}))["a"].to_list()
    [2, 1, None]
    """

    by: tuple[str, ...]
    descending: tuple[bool, ...]
    nulls_last: bool

    def __init__(self, by: str | Sequence[str], *, descending: bool | Sequence[bool] = False, nulls_last: bool = True) -> None:
        columns = as_columns(by, "SortRows' by")
        order = (descending,) * len(columns) if isinstance(descending, bool) else tuple(descending)
        if len(order) != len(columns):
            msg = f"SortRows expects one descending flag a column, got {len(order)} for {len(columns)} columns."
            raise UsageError(msg)
        object.__setattr__(self, "by", columns)
        object.__setattr__(self, "descending", order)
        object.__setattr__(self, "nulls_last", nulls_last)

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one of lists or records."""
        require_plain(schemas[0], self.by, "SortRows' by")

    def spread(self) -> Sorting:
        """Return the order."""
        return Sorting(self.by, self.descending, self.nulls_last)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows in order."""
        return verbs.sort(frames[0], self.by, self.descending, nulls_last=self.nulls_last)

    def same_rows(self) -> bool:
        """Whether as many rows come out: they do."""
        return True

    def not_null(self, names: Sequence[str], *schemas: Schema) -> frozenset[str]:
        """Return the columns that had no missing value."""
        return schemas[0].not_null
