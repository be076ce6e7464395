"""Parts of a table: rows by their draw, by time, by their place in a stratum. `Split` and `Folds` are made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import narwhals.stable.v2 as nw

from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, RowStage
from gpupipe.stages._chance import SPAN, DrawingStage, drawn
from gpupipe.stages._keys import require_plain

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True)
class SplitPart(DrawingStage, RowStage):
    """Keeps the rows of one part of a split: those whose draw, or time if `seed` is None, lies in ``[low, high)``.

    Parameters
    ----------
    outside
        Whether the others are kept instead.
    title
        The name of the whole.
    """

    keeps_values: ClassVar[bool] = True

    columns: tuple[str, ...] | None
    low: Any
    high: Any
    seed: int | None
    outside: bool = False
    title: str = "Split"

    @property
    def name(self) -> str:
        """The name of the whole."""
        return self.title

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there."""
        schemas[0].require(self.columns or ())

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows of the part."""
        if self.seed is None:
            assert self.columns is not None
            return frames[0].filter(_between(nw.col(self.columns[0]), self.low, self.high))
        hashed, draw = drawn(verbs, frames[0], self.columns, self.seed)
        if self.outside:
            least, most = (nw.lit(end, dtype=nw.UInt64) for end in (self.low, min(self.high, SPAN - 1)))
            after = nw.col(draw) >= most if self.high < SPAN else nw.lit(False)
            return hashed.filter((nw.col(draw) < least) | after).drop(draw)
        above = [nw.col(draw) >= nw.lit(self.low, dtype=nw.UInt64)] if self.low > 0 else []
        below = [nw.col(draw) < nw.lit(self.high, dtype=nw.UInt64)] if self.high < SPAN else []
        return (hashed.filter(*above, *below) if above or below else hashed).drop(draw)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that are drawn by: all, unless some are given."""
        return frozenset(self.columns or schemas[0])


def _between(time: nw.Expr, low: Any, high: Any) -> Any:
    """Return whether a time lies in ``[low, high)``; None is an open end, and a missing time lies before everything."""
    if low is None:
        return cast(nw.Expr, (time < high) | time.is_null())
    return cast(nw.Expr, time >= low if high is None else (time >= low) & (time < high))


@dataclass(frozen=True)
class StratumPart(DrawingStage, KeyStage):
    """Keeps rows by their place among those of their stratum, which are in the order of their draws.

    Parameters
    ----------
    strata
        The columns whose values make the strata.
    low, high
        The rows from this share to that one of each stratum, to the nearest row; with `n_folds`, the rows of fold `low`.
    """

    keeps_values: ClassVar[bool] = True
    keeps_keys: ClassVar[bool] = True

    strata: tuple[str, ...]
    low: float
    high: float
    seed: int
    n_folds: int = 0
    outside: bool = False
    title: str = "Split"

    @property
    def name(self) -> str:
        """The name of the whole."""
        return self.title

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the strata."""
        return self.strata

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one that makes no strata."""
        require_plain(schemas[0], self.strata, f"{self.title}'s stratify")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows of the part."""
        names = frames[0].collect_schema().names()
        hashed, draw = drawn(verbs, frames[0], None, self.seed)
        place, size = f"{draw}place", f"{draw}size"
        rank = nw.col(draw).rank("ordinal").over(*self.strata)
        placed = hashed.with_columns(rank.cast(nw.Int64).alias(place), nw.col(draw).len().over(*self.strata).cast(nw.Int64).alias(size))
        if self.n_folds:
            turn = nw.col(place) - 1  # its remainder, which pandas has no operator for on Arrow's numbers
            inside = turn - turn // self.n_folds * self.n_folds == int(self.low)
        else:
            middle = (nw.col(place) - 0.5) / nw.col(size)
            inside = (middle >= self.low) & (middle < self.high)
        return placed.filter(~inside if self.outside else inside).select(names)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return all columns: rows are drawn by what they hold."""
        return frozenset(schemas[0])


@dataclass(frozen=True)
class ValuePart(RowStage):
    """Keeps the rows that hold a value in a column, or those that hold another one; rows without one are in neither."""

    keeps_values: ClassVar[bool] = True

    column: str
    value: Any
    outside: bool = False
    title: str = "Folds"

    @property
    def name(self) -> str:
        """The name of the whole."""
        return self.title

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one of no numbers."""
        schemas[0].require_numeric([self.column], f"{self.title}' column")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows of the part."""
        held = nw.col(self.column) == self.value
        return frames[0].filter(~held if self.outside else held)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the column."""
        return frozenset({self.column})
