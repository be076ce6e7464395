"""Appends which place a value has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, as_columns
from gpupipe.stages._keys import require_plain
from gpupipe.stages._ordered import as_number, require_amounts, require_new

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

METHODS = ("average", "min", "max", "dense")


@dataclass(frozen=True, init=False)
class Rank(KeyStage):
    """Appends the place of a column's value among those of its key, from 1 on, as ``x_rank``; missing ones have none.

    NaN is larger than every number.

    Parameters
    ----------
    columns
        Columns of numbers or times.
    by
        The key's columns.
    descending
        Whether the largest comes first.
    method
        What equal values get: the ``"min"``, the ``"max"`` or the ``"average"`` (Float64) of their places, or ``"dense"``, which leaves
        out no place after them.

    Examples
    --------
    >>> import polars as pl
    >>> Rank("x", by="k").apply(pl.DataFrame({"k": [1, 1, 1], "x": [5, 7, 5]}))["x_rank"].to_list()
    [1, 3, 1]
    """

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True
    keeps_keys: ClassVar[bool] = True

    columns: tuple[str, ...]
    by: tuple[str, ...]
    descending: bool
    method: Literal["average", "min", "max", "dense"]

    def __init__(
        self,
        columns: str | Sequence[str],
        *,
        by: str | Sequence[str],
        descending: bool = False,
        method: Literal["average", "min", "max", "dense"] = "min",
    ) -> None:
        if method not in METHODS:
            msg = f"Rank expects method 'average', 'min', 'max' or 'dense', got {method!r}: others leave equal values to chance."
            raise UsageError(msg)
        settle(self, columns=as_columns(columns, "Rank's columns"), by=as_columns(by, "Rank's by"), descending=descending, method=method)

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, or a new one that is; DtypeError for one of the wrong kind."""
        require_plain(schemas[0], self.by, "Rank's by")
        require_amounts(schemas[0], self.columns, "Rank")
        require_new(schemas[0], [f"{name}_rank" for name in self.columns], "Rank")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the places."""
        schema = frames[0].collect_schema()
        dtype = nw.Float64 if self.method == "average" else nw.Int64
        frame = frames[0].with_columns(_comparable(name, schema[name]).alias(f"{name}_rank") for name in self.columns)
        ranks = (nw.col(f"{name}_rank").rank(self.method, descending=self.descending) for name in self.columns)
        frame = frame.with_columns(rank.over(*self.by).cast(dtype) for rank in ranks)
        floats = [name for name in self.columns if schema[name].is_float()]
        if not floats:
            return frame
        names, last = frame.collect_schema().names(), "max" if self.method == "dense" else "count"
        counted = [nw.col(name).is_nan().cast(nw.Int64).sum().over(*self.by).alias(f"\0{name}_nan") for name in floats]
        placed = [getattr(nw.col(f"{name}_rank"), last)().over(*self.by).alias(f"\0{name}_placed") for name in floats]
        return frame.with_columns(*counted, *placed).with_columns(self._with_nan(name).cast(dtype) for name in floats).select(names)

    def _with_nan(self, name: str) -> nw.Expr:
        """Return the places of numbers, beside which NaN has the last one, or in descending order the first."""
        rank, n_nan, last = nw.col(f"{name}_rank"), nw.col(f"\0{name}_nan"), nw.col(f"\0{name}_placed").fill_null(0)
        if self.method == "dense":
            n_nan = (n_nan > 0).cast(nw.Int64)
        within = {"min": nw.lit(1), "dense": nw.lit(1), "max": n_nan, "average": (n_nan + 1) / 2}[self.method]
        of_nan = within if self.descending else last + within
        shifted = rank + n_nan if self.descending else rank
        return nw.when(nw.col(name).is_nan()).then(of_nan).otherwise(shifted).alias(f"{name}_rank")

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the key and the columns."""
        return frozenset({*self.by, *self.columns})


def _comparable(name: str, dtype: Any) -> nw.Expr:
    """Return a column as numbers that all engines rank alike: times as whole numbers, and no NaN, which not all of them rank."""
    column = nw.col(name)
    if not dtype.is_float():
        return column if dtype.is_numeric() else column.cast(nw.Int64) if dtype == nw.Duration else as_number(column, dtype)
    return nw.when(~column.is_nan()).then(column)
