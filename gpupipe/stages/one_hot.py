"""Makes a column of 0 and 1 for each category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.errors import ColumnError, StageError, UsageError, listing
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema, repeated
from gpupipe.core.stage import Outcome, Promise, RowStage
from gpupipe.stages._fits import CategoriesFit, column_name, kept_categories, require_categories

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class OneHot(CategoriesFit):
    """Puts in place of a column one for each category seen where it is fitted: 1 where the row is of it, else 0, as Int8.

    They are called ``plan_basic``: the column and the category, with an underscore for spaces. A missing value, and a category that was not
    seen or not kept, is 0 in all of them, unless they have columns of their own.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`, of columns of text, whole numbers or booleans.
    min_count
        Categories seen fewer times than this are rare.
    max_categories
        Only so many categories of a column are kept, those seen most often; the others are rare.
    rare
        Whether a column ``plan_rare`` is 1 where the category is rare, or was not seen.
    missing
        Whether a column ``plan_missing`` is 1 where there is no value.
    drop_first
        Whether the first category, in sorted order, has no column: what linear models without penalty want.

    Raises
    ------
    UsageError
        An option is out of its range.
    StageError
        Two categories would have columns of one name.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"plan": ["basic", "pro", None]})
    >>> OneHot("plan").fit_plain(frame).apply(frame).to_dict(as_series=False)
    {'plan_basic': [1, 0, 0], 'plan_pro': [0, 1, 0]}
    """

    columns: tuple[str, ...] | Columns
    min_count: int
    max_categories: int | None
    rare: bool
    missing: bool
    drop_first: bool

    def __init__(
        self,
        columns: str | Sequence[str] | Columns,
        *,
        min_count: int = 1,
        max_categories: int | None = None,
        rare: bool = False,
        missing: bool = False,
        drop_first: bool = False,
    ) -> None:
        if min_count < 1 or (max_categories is not None and max_categories < 1):
            msg = f"OneHot expects min_count and max_categories from 1 on, got {min_count} and {max_categories}."
            raise UsageError(msg)
        settle(self, columns=given_columns(columns, "OneHot's columns"), min_count=min_count, max_categories=max_categories)
        settle(self, rare=rare, missing=missing, drop_first=drop_first)

    def made(self, names: tuple[str, ...], counts: Sequence[Mapping[str, int]]) -> OneHotEncoded:
        """Return the encoding with the categories that are kept."""
        kept = tuple(kept_categories(of_column, self.min_count, self.max_categories) for of_column in counts)
        seen = any(counts)
        made = OneHotEncoded(names, kept, self.rare, self.missing, self.drop_first, not seen)
        if twice := repeated([column for _, columns in made.outputs() for column, _ in columns]):
            msg = f"OneHot expects categories that give names of their own, got {listing(twice)} more than once. Rename categories."
            raise StageError(msg)
        return made


@dataclass(frozen=True)
class OneHotEncoded(RowStage):
    """Puts columns of 0 and 1 for `categories` in place of `columns`."""

    keeps_rows: ClassVar[bool] = True

    columns: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    rare: bool
    missing: bool
    drop_first: bool
    is_open: bool

    def outputs(self) -> list[tuple[str, list[tuple[str, int | None]]]]:
        """Return of each column the names that are made of it, with the position that each stands for; None is missing, -1 is rare."""
        made: list[tuple[str, list[tuple[str, int | None]]]] = []
        for name, known in zip(self.columns, self.categories, strict=True):
            places: list[tuple[str, int | None]] = [(column_name(name, category), place) for place, category in enumerate(known)]
            places = places[1:] if self.drop_first else places
            places += [(column_name(name, "rare"), -1)] if self.rare else []
            places += [(column_name(name, "missing"), None)] if self.missing else []
            made.append((name, places))
        return made

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns made, and those that had no missing value.

        Raise ColumnError for a column that is not there or one that is made and is, DtypeError for one that holds no categories.
        """
        require_categories(schemas[0], self.columns, "OneHot")
        there = [column for _, columns in self.outputs() for column, _ in columns if column in schemas[0] and column not in self.columns]
        if there:
            msg = f"OneHot expects new names for its columns, got {listing(there)}, there already. Rename or drop them first."
            raise ColumnError(msg)
        made = {column for _, columns in self.outputs() for column, _ in columns}
        promises = tuple(Promise(f"{name}_*", nw.Int8()) for name in self.columns) if self.is_open else ()
        return Outcome(not_null=(schemas[0].not_null - set(self.columns)) | made, promises=promises)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the columns made in place of others."""
        names = frames[0].collect_schema().names()
        marks = {name: f"{name}\x1fplace" for name in self.columns}
        frame = frames[0].with_columns(nw.col(name).cast(nw.String).alias(mark) for name, mark in marks.items())
        frame = verbs.look_up(frame, {marks[name]: known for name, known in zip(self.columns, self.categories, strict=True)}, -1)
        made = []
        for name, places in self.outputs():
            place = nw.col(marks[name])
            made += [
                (place.is_null() if at is None else (place == at).fill_null(nw.lit(False))).cast(nw.Int8).alias(column)
                for column, at in places
            ]
        return frame.select(*(name for name in names if name not in self.columns), *made)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that are encoded."""
        return frozenset(self.columns)
