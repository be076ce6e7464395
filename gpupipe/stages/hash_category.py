"""Replaces categories by hashes of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage, as_columns

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class HashCategory(RowStage):
    """Replaces each category by the upper bits of its XXH64 hash, as UInt32; missing stays missing.

    Nothing is measured, so it streams, and a category has the same code on every engine and in every run; two categories may share one.

    Parameters
    ----------
    n_bits
        How many bits of the hash to keep, in [1, 32].

    Examples
    --------
    >>> import polars as pl
    >>> HashCategory("c").apply(pl.DataFrame({"c": ["a", None]}))["c"].to_list()
    [3528377585, None]
    """

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True

    columns: tuple[str, ...]
    n_bits: int
    seed: int

    def __init__(self, columns: str | Sequence[str], *, n_bits: int = 32, seed: int = 0) -> None:
        if not 1 <= n_bits <= 32:
            msg = f"HashCategory expects n_bits in [1, 32], got {n_bits}."
            raise UsageError(msg)
        settle(self, columns=as_columns(columns, "HashCategory's columns"), n_bits=n_bits, seed=seed)

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there."""
        schemas[0].require(self.columns)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the hashes."""
        return verbs.hash_columns(frames[0], self.columns, self.seed, self.n_bits)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that are hashed."""
        return frozenset(self.columns)
