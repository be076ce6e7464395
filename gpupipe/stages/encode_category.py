"""Replaces categories by whole numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals.stable.v2 as nw

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, RowStage
from gpupipe.stages._chance import share_of
from gpupipe.stages._fits import CategoriesFit, category_order, kept_categories, require_categories

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class EncodeCategory(CategoriesFit):
    """Replaces each category by its rank among the categories seen where it is fitted: 0, 1, 2, ... in sorted order, as Int32.

    Missing stays missing, and so does a category that was not seen, unless `unknown` gives it a code, as scikit-learn's OrdinalEncoder
    does. With ``first=3, missing=1, unknown=2, order="count"`` the codes are those of NVTabular's Categorify, which keeps 0 for padding.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`, of columns of text, whole numbers or booleans.
    min_count
        Categories seen fewer times than this count as not seen.
    max_size
        Only so many categories of a column are kept, those seen most often; of equal ones the smaller.
    unknown
        The code of a category that was not seen; missing if None.
    buckets
        Over so many codes, from `unknown` on, categories that were not seen are spread by their hash.
    missing
        The code of a missing value; missing if None.
    first
        The code of the first category; those below are free for padding, missing and unknown ones.
    order
        ``"sorted"``, or ``"count"``: those seen most often first.
    joint
        Whether all columns share one vocabulary, as those of senders and receivers should.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"c": ["b", "a", None, "b"]})
    >>> EncodeCategory("c").fit_plain(frame).apply(frame)["c"].to_list()
    [1, 0, None, 1]
    >>> EncodeCategory("c", first=3, missing=1, unknown=2, order="count").fit_plain(frame).apply(frame)["c"].to_list()
    [3, 4, 1, 3]
    """

    columns: tuple[str, ...] | Columns
    min_count: int
    max_size: int | None
    unknown: int | None
    buckets: int
    missing: int | None
    first: int
    order: Literal["sorted", "count"]
    joint: bool

    def __init__(
        self,
        columns: str | Sequence[str] | Columns,
        *,
        min_count: int = 1,
        max_size: int | None = None,
        unknown: int | None = None,
        buckets: int = 1,
        missing: int | None = None,
        first: int = 0,
        order: Literal["sorted", "count"] = "sorted",
        joint: bool = False,
    ) -> None:
        if min_count < 1:
            msg = f"EncodeCategory expects min_count >= 1, got {min_count}."
            raise UsageError(msg)
        if order not in ("sorted", "count") or buckets < 1 or (max_size is not None and max_size < 1):
            msg = f"EncodeCategory expects order 'sorted' or 'count', buckets and max_size from 1 on, got {order!r}, {buckets}, {max_size}."
            raise UsageError(msg)
        if buckets > 1 and (unknown is None or unknown + buckets > first):
            msg = f"EncodeCategory expects room for {buckets} buckets below its first category, got unknown={unknown}, first={first}."
            raise UsageError(f"{msg} Give unknown=2 and first={2 + buckets}.")
        settle(self, columns=given_columns(columns, "EncodeCategory's columns"), min_count=min_count, max_size=max_size, unknown=unknown)
        settle(self, buckets=buckets, missing=missing, first=first, order=order, joint=joint)

    @property
    def least_count(self) -> int:
        """How often a category must be there: of columns together it is counted over all of them."""
        return 1 if self.joint else self.min_count

    def made(self, names: tuple[str, ...], counts: Sequence[Mapping[str, int]]) -> EncodedCategory:
        """Return the encoding with the categories that were seen often enough."""
        if self.joint:
            whole: dict[str, int] = {}
            for of_column in counts:
                whole |= {category: whole.get(category, 0) + count for category, count in of_column.items()}
            counts = [{category: whole[category] for category in sorted(whole, key=category_order)}] * len(names)
        kept = [kept_categories(of_column, self.min_count, self.max_size, by_count=self.order == "count") for of_column in counts]
        return EncodedCategory(names, tuple(kept), self.unknown, self.buckets, self.missing, self.first)


@dataclass(frozen=True)
class EncodedCategory(RowStage):
    """Replaces the categories of columns by their positions in `categories`."""

    keeps_rows: ClassVar[bool] = True

    columns: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    unknown: int | None
    buckets: int = 1
    missing: int | None = None
    first: int = 0

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns that cannot be missing: an encoded one where unknown and missing categories have codes.

        Raise ColumnError for a column that is not there, DtypeError for one that holds no categories.
        """
        require_categories(schemas[0], self.columns, "EncodeCategory")
        if self.unknown is None:
            return Outcome(not_null=schemas[0].not_null - set(self.columns))
        return Outcome(not_null=schemas[0].not_null | (set(self.columns) if self.missing is not None else set()))

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the codes."""
        known = dict(zip(self.columns, self.categories, strict=True))
        if self.buckets == 1 and self.first == 0 and self.missing is None:
            return verbs.look_up(frames[0], known, self.unknown)
        names = frames[0].collect_schema().names()
        frame, marks = frames[0], {}
        if self.buckets > 1:
            marks = {name: f"{name}\x1fhash" for name in self.columns}
            frame = frame.with_columns(nw.col(name).cast(nw.String).alias(mark) for name, mark in marks.items())
            frame = verbs.hash_columns(frame, list(marks.values()), 0, 32)
        frame = verbs.look_up(frame, known, -1)
        return frame.with_columns(self._code(name, marks.get(name)) for name in self.columns).select(names)

    def _code(self, name: str, mark: str | None) -> nw.Expr:
        """Return the code of a position: moved on, in a bucket where it is unknown, with one of its own where it is missing."""
        position = nw.col(name)
        unknown = nw.lit(self.unknown, dtype=nw.Int32)
        if mark is not None:
            unknown = share_of(nw.col(mark), 32, self.buckets).cast(nw.Int32) + nw.lit(self.unknown, dtype=nw.Int32)
        made = nw.when(position >= 0).then(position + nw.lit(self.first, dtype=nw.Int32)).otherwise(unknown)
        missing = nw.lit(self.missing, dtype=nw.Int32)
        return nw.when(position.is_null()).then(missing).otherwise(made).alias(name)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that are encoded."""
        return frozenset(self.columns)
