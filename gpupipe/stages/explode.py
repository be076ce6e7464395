"""Makes rows of the members of lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import DtypeError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, RowStage

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class Explode(RowStage):
    """Makes of each row one for each member of the list in a column; of an empty list, and where there is none, one with nothing.

    Parameters
    ----------
    column
        The column of lists.

    Examples
    --------
    >>> import polars as pl
    >>> Explode("x").apply(pl.DataFrame({"k": [1, 2], "x": [[5, 6], []]})).rows()
    [(1, 5), (1, 6), (2, None)]
    """

    column: str

    def __init__(self, column: str) -> None:
        settle(self, column=column)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the other columns that had no missing value.

        Raise ColumnError for a column that is not there, DtypeError for one of no lists.
        """
        schemas[0].require((self.column,))
        if not isinstance(schemas[0][self.column].dtype, nw.List):
            msg = f"Explode expects lists, got {schemas[0][self.column].dtype} in column {self.column!r}. Split text first: .str.split()."
            raise DtypeError(msg)
        return Outcome(not_null=schemas[0].not_null - {self.column})

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows."""
        return frames[0].explode(self.column)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the column: without it there would be as many rows as before."""
        return frozenset({self.column})
