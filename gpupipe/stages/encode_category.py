"""Replaces categories by whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.core.fit import FitStage
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage, as_columns

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class EncodeCategory(FitStage):
    """Replaces each category by its rank among the categories seen where it is fitted: 0, 1, 2, ... in sorted order, as Int32.

    Missing stays missing, and so does a category that was not seen, unless `unknown` gives it a code, as scikit-learn's OrdinalEncoder
    does.

    Parameters
    ----------
    columns
        Columns of text, whole numbers or booleans.
    min_count
        Categories seen fewer times than this count as not seen.
    unknown
        The code of a category that was not seen; missing if None.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"c": ["b", "a", None, "b"]})
    >>> EncodeCategory("c").fit_plain(frame).apply(frame)["c"].to_list()
    [1, 0, None, 1]
    """

    columns: tuple[str, ...]
    min_count: int
    unknown: int | None

    def __init__(self, columns: str | Sequence[str], *, min_count: int = 1, unknown: int | None = None) -> None:
        if min_count < 1:
            msg = f"EncodeCategory expects min_count >= 1, got {min_count}."
            raise UsageError(msg)
        settle(self, columns=as_columns(columns, "EncodeCategory's columns"), min_count=min_count, unknown=unknown)

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one that holds no categories."""
        _check(self.columns, schemas[0])

    def measure(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return how often each category stands in each column: column's number, category as text, count."""
        parts = []
        for number, name in enumerate(self.columns):
            counted = frame.select(nw.col(name).cast(nw.String).alias("category")).group_by("category", drop_null_keys=True)
            rows = counted.agg(nw.len().alias("count"))
            column = nw.lit(number, dtype=nw.Int32).alias("column")
            parts.append(rows.select(column, "category", nw.col("count").cast(nw.Int64)))
        return nw.concat(parts, how="vertical")

    def measured_columns(self) -> frozenset[str]:
        """Return the columns that are measured."""
        return frozenset(self.columns)

    def plan(self, *specs: Any) -> EncodedCategory:
        """Return the encoding of no categories."""
        return EncodedCategory(self.columns, ((),) * len(self.columns), self.unknown)

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return the counts of all parts together, sorted."""
        whole = pa.concat_tables([part.cast(_COUNTS) for part in measured])
        summed = whole.group_by(["column", "category"]).aggregate([("count", "sum")])
        return (
            summed.rename_columns({"count_sum": "count"})
            .select(["column", "category", "count"])
            .sort_by([("column", "ascending"), ("category", "ascending")])
        )

    def finish(self, statistics: pa.Table) -> EncodedCategory:
        """Return the encoding with the categories that were seen often enough."""
        kept = statistics.filter(pc.greater_equal(statistics["count"], self.min_count))
        categories = []
        for number in range(len(self.columns)):
            seen = kept.filter(pc.equal(kept["column"], number))["category"].to_pylist()
            categories.append(tuple(sorted(seen, key=_order)))
        return EncodedCategory(self.columns, tuple(categories), self.unknown)


_TURNED = str.maketrans("0123456789", "9876543210")
_COUNTS = pa.schema([("column", pa.int32()), ("category", pa.large_string()), ("count", pa.int64())])


def _order(category: str) -> tuple[Any, ...]:
    """Return what categories are sorted by: whole numbers, of any length, by value before text by its UTF-8 bytes; no two are alike."""
    text = category.encode()
    digits = category.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return (1, text)
    digits = digits.lstrip("0")
    if category.startswith("-") and digits:
        return (0, -1, -len(digits), digits.translate(_TURNED), text)
    return (0, 0, len(digits), digits, text)


def _check(columns: tuple[str, ...], schema: Schema) -> None:
    """Raise where a column is not there or holds no categories."""
    schema.require(columns)
    for name in columns:
        dtype = schema[name].dtype
        if not (dtype in (nw.String, nw.Boolean, nw.Categorical) or dtype.is_integer()):
            msg = f"EncodeCategory expects text, whole numbers or booleans, got {dtype} in {name!r}. Cast or cut it into classes first."
            raise DtypeError(msg)


@dataclass(frozen=True)
class EncodedCategory(RowStage):
    """Replaces the categories of columns by their positions in `categories`."""

    keeps_rows: ClassVar[bool] = True

    columns: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    unknown: int | None

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one that holds no categories."""
        _check(self.columns, schemas[0])

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the codes."""
        return verbs.look_up(frames[0], dict(zip(self.columns, self.categories, strict=True)), self.unknown)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that are encoded."""
        return frozenset(self.columns)

    def not_null(self, names: Sequence[str], *schemas: Schema) -> frozenset[str]:
        """Return the columns that cannot be missing: an encoded one only where unknown categories have a code."""
        return schemas[0].not_null if self.unknown is not None else schemas[0].not_null - set(self.columns)
