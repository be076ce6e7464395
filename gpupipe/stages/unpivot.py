"""Makes rows of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpupipe.core.errors import ColumnError, DtypeError, UsageError, listing
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, RowStage, as_columns

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class Unpivot(RowStage):
    """Makes of each row one for each of some columns, with the column's name and its value: pandas' melt.

    Parameters
    ----------
    columns
        The columns that become rows, all of one dtype.
    keep
        The columns that each of the rows gets.
    variable, value
        The names of the new columns.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"k": [1], "a": [5], "b": [6]})
    >>> Unpivot(["a", "b"], keep="k").apply(frame).sort("variable").rows()
    [(1, 'a', 5), (1, 'b', 6)]
    """

    columns: tuple[str, ...]
    keep: tuple[str, ...]
    variable: str
    value: str

    def __init__(
        self, columns: str | Sequence[str], *, keep: str | Sequence[str] = (), variable: str = "variable", value: str = "value"
    ) -> None:
        names = as_columns(columns, "Unpivot's columns")
        kept = as_columns(keep, "Unpivot's keep") if keep else ()
        both = set(names) & set(kept)
        if both or variable == value:
            msg = f"Unpivot expects columns that become rows or are kept, and new names, got {listing(sorted(both) or [variable])} twice."
            raise UsageError(msg)
        settle(self, columns=names, keep=kept, variable=variable, value=value)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the names, what is kept and was not missing, and the values, where none of them could be.

        Raise ColumnError for a column that is not there, or a new one that is kept; DtypeError for columns of several dtypes.
        """
        schemas[0].require((*self.columns, *self.keep))
        for name in (self.variable, self.value):
            if name in self.keep:
                msg = f"Unpivot expects new names, got {name!r}, which is kept. Give another one."
                raise ColumnError(msg)
        dtypes = {str(schemas[0][name].dtype): name for name in self.columns}
        if len(dtypes) > 1:
            told = listing(f"{name}: {dtype}" for dtype, name in dtypes.items())
            raise DtypeError(f"Unpivot expects columns of one dtype, got {told}. Cast them first.")
        known = schemas[0].not_null
        return Outcome(not_null=(known & set(self.keep)) | {self.variable} | ({self.value} if known.issuperset(self.columns) else set()))

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows."""
        chosen = frames[0].select(*self.keep, *self.columns)
        return chosen.unpivot(on=list(self.columns), index=list(self.keep), variable_name=self.variable, value_name=self.value)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return all that it takes; other columns are left out."""
        return frozenset({*self.columns, *self.keep})
