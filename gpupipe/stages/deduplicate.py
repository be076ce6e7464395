"""Keeps one row of each key."""

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

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class Deduplicate(KeyStage):
    """Keeps one row of each key: the first or last in `order`, with the remaining columns to settle ties.

    Parameters
    ----------
    by
        The key's columns; without them, whole rows that are equal stand once. Missing values are equal to one another here.
    order
        The columns that say which row of a key is the first; needed with `by`, since no row order is promised otherwise.

    Examples
    --------
    >>> import polars as pl
    >>> Deduplicate("k", order="t", keep="last").apply(pl.DataFrame({"k": [1, 1], "t": [1, 2]})).to_dicts()
    [{'k': 1, 't': 2}]
    """

    keeps_values: ClassVar[bool] = True
    keeps_keys: ClassVar[bool] = True

    by: tuple[str, ...]
    order: tuple[str, ...]
    keep: Literal["first", "last"]

    def __init__(
        self,
        by: str | Sequence[str] | None = None,
        *,
        order: str | Sequence[str] | None = None,
        keep: Literal["first", "last"] = "first",
    ) -> None:
        if keep not in ("first", "last"):
            msg = f"Deduplicate expects keep to be 'first' or 'last', got {keep!r}."
            raise UsageError(msg)
        if (by is None) != (order is None):
            msg = (
                "Deduplicate expects by and order together: which row of a key is kept must not depend on chance. Without both, whole rows."
            )
            raise UsageError(msg)
        settle(
            self,
            by=() if by is None else as_columns(by, "Deduplicate's by"),
            order=() if order is None else as_columns(order, "Deduplicate's order"),
            keep=keep,
        )

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for a key or an order of lists or records."""
        require_plain(schemas[0], (*self.by, *self.order), "Deduplicate's by and order")

    def in_order(self) -> KeyStage:
        """Return the stage with its rows in the order of the keys."""
        return self.sorted()

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return one row a key."""
        kept = self._kept(*frames)
        if not self.is_sorted:
            return kept
        keys = self.by or [name for name, dtype in kept.collect_schema().items() if not dtype.is_nested()]
        return kept.sort(list(keys)) if keys else kept

    def _kept(self, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        if not self.by:
            return frames[0].unique()
        schema = frames[0].collect_schema()
        names = schema.names()
        ties = [name for name in names if name not in self.order and name not in self.by]
        order = [*self.order, *ties]
        floats = [name for name in order if schema[name].is_float()]
        if not floats:
            return frames[0].unique(list(self.by), keep=self.keep, order_by=order)
        mark = nw.generate_temporary_column_name(8, names)
        # Libraries differ in where NaN stands: here it is the largest.
        marks = [nw.col(name).is_nan().alias(mark + name) for name in floats]
        plus = [(nw.col(name) + 0.0).alias(f"{mark}{name}+") for name in floats]  # 0.0 and -0.0 are one number
        expanded = [part for name in order for part in ([mark + name, f"{mark}{name}+"] if name in floats else [name])]
        return frames[0].with_columns(*marks, *plus).unique(list(self.by), keep=self.keep, order_by=expanded).select(names)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return all columns: those that are neither key nor order settle ties."""
        return frozenset(schemas[0])
