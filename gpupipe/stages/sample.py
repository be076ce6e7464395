"""Keeps a random share of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import as_columns
from gpupipe.core.verbs import ByBlock
from gpupipe.stages._chance import DrawingStage, drawn, threshold

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class Sample(DrawingStage):
    """Keeps a random share of the rows, or a number of them; the same rows on every engine and however the table is cut.

    A row's draw is the hash of its values (of the columns `by`, where given: then all rows of a key are kept or none), so equal rows
    share their fate. Of a table whose rows were drawn by the same seed before, other draws are taken.

    Parameters
    ----------
    fraction
        The share to keep, in [0, 1]; the number kept comes out near it, not exactly.
    n_rows
        The number to keep, exactly, instead of a share.

    Examples
    --------
    >>> import polars as pl
    >>> len(Sample(n_rows=3, seed=1).apply(pl.DataFrame({"a": range(10)})))
    3
    """

    keeps_values: ClassVar[bool] = True

    fraction: float | None
    n_rows: int | None
    by: tuple[str, ...] | None
    seed: int

    def __init__(
        self, fraction: float | None = None, *, n_rows: int | None = None, by: str | Sequence[str] | None = None, seed: int = 0
    ) -> None:
        if (fraction is None) == (n_rows is None):
            msg = "Sample expects either fraction or n_rows."
            raise UsageError(msg)
        if fraction is not None and not 0 <= fraction <= 1:
            msg = f"Sample expects a fraction in [0, 1], got {fraction}."
            raise UsageError(msg)
        if n_rows is not None and (n_rows < 0 or by is not None):
            msg = f"Sample expects n_rows >= 0 and no by with it, got n_rows={n_rows}, by={by!r}."
            raise UsageError(msg)
        settle(self, fraction=fraction, n_rows=n_rows, by=None if by is None else as_columns(by, "Sample's by"), seed=seed)

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there."""
        schemas[0].require(self.by or ())

    def spread(self) -> ByBlock:
        """Return that each block is sampled; a number of rows is then taken from what was."""
        return ByBlock(again=self.n_rows is not None)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows kept."""
        if self.fraction == 1:
            return frames[0]
        hashed, draw = drawn(verbs, frames[0], self.by, self.seed)
        if self.n_rows is not None:
            return hashed.top_k(self.n_rows, by=draw, reverse=True).drop(draw)
        assert self.fraction is not None
        return hashed.filter(nw.col(draw) < nw.lit(threshold(self.fraction), dtype=nw.UInt64)).drop(draw)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that are drawn by: all, unless some are given."""
        return frozenset(self.by or schemas[0])
