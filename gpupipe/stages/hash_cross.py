"""Makes one category of several columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, RowStage, as_columns
from gpupipe.stages._chance import share_of
from gpupipe.stages._keys import require_plain

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class HashCross(RowStage):
    """Appends a whole number for each combination of several columns' values: their XXH64 hash, cut into `n_buckets`, as Int64.

    Nothing is measured, so it streams, and a combination has the same number on every engine and in every run; two combinations may share
    one. A missing value counts as a value. It is NVTabular's HashedCross, with another hash.

    Parameters
    ----------
    columns
        Two columns or more.
    n_buckets
        How many numbers there are, from 0 on.
    name
        The new column's name; the columns' names with ``_x_`` between them unless given.

    Examples
    --------
    >>> import polars as pl
    >>> HashCross(["a", "b"], n_buckets=1000).apply(pl.DataFrame({"a": ["x", "x"], "b": [1, 2]}))["a_x_b"].to_list()
    [718, 776]
    """

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True

    columns: tuple[str, ...]
    n_buckets: int
    made: str
    seed: int

    def __init__(self, columns: Sequence[str], *, n_buckets: int, name: str | None = None, seed: int = 0) -> None:
        names = as_columns(columns, "HashCross's columns")
        if len(names) < 2 or n_buckets < 1:
            msg = f"HashCross expects two columns or more and n_buckets >= 1, got {names} and {n_buckets}. One column is gp.HashCategory."
            raise UsageError(msg)
        settle(self, columns=names, n_buckets=n_buckets, made=name or "_x_".join(names), seed=seed)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return what was not missing, and the number.

        Raise ColumnError for a column that is not there, or a new one that is; DtypeError for one of lists or records.
        """
        require_plain(schemas[0], self.columns, "HashCross's columns")
        if self.made in schemas[0]:
            msg = f"HashCross expects a new name, got {self.made!r}, which is a column already. Give another one as name=."
            raise ColumnError(msg)
        return Outcome(not_null=schemas[0].not_null | {self.made})

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the number."""
        hashed = verbs.hash_rows(frames[0], list(self.columns), self.seed, self.made)
        return hashed.with_columns(share_of(nw.col(self.made), 64, self.n_buckets).alias(self.made))

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that are crossed."""
        return frozenset(self.columns)
