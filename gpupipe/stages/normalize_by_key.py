"""Gives the numbers of each key one length."""

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
class NormalizeByKey(KeyStage):
    """Divides a column by its length over the rows of the row's key: the root of the sum of squares, the sum, or the largest; as Float64.

    So words' weights make vectors of length 1 of texts. A length of 0 divides nothing; missing values stay missing.

    Parameters
    ----------
    column
        Numbers.
    by
        The key's columns.
    norm
        ``"l2"``, ``"l1"`` (of absolute values) or ``"max"`` (likewise).

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"document": [0, 0, 1], "weight": [3.0, 4.0, 2.0]})
    >>> NormalizeByKey("weight", by="document").apply(frame)["weight"].to_list()
    [0.6, 0.8, 1.0]
    """

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True
    keeps_keys: ClassVar[bool] = True

    column: str
    by: tuple[str, ...]
    norm: Literal["l1", "l2", "max"]

    def __init__(self, column: str, *, by: str | Sequence[str], norm: Literal["l1", "l2", "max"] = "l2") -> None:
        if norm not in ("l1", "l2", "max"):
            msg = f"NormalizeByKey expects norm 'l1', 'l2' or 'max', got {norm!r}."
            raise UsageError(msg)
        settle(self, column=column, by=as_columns(by, "NormalizeByKey's by"), norm=norm)

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for a key of lists or records or a column that holds no numbers."""
        require_plain(schemas[0], self.by, "NormalizeByKey's by")
        schemas[0].require_numeric((self.column,), "NormalizeByKey")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the column divided."""
        x = nw.col(self.column).cast(nw.Float64)
        length = {"l2": (x * x).sum, "l1": x.abs().sum, "max": x.abs().max}[self.norm]().over(*self.by)
        length = length.sqrt() if self.norm == "l2" else length
        return frames[0].with_columns(nw.when(length > 0).then(x / length).otherwise(x).alias(self.column))

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the key and the column."""
        return frozenset({*self.by, self.column})
