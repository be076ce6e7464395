"""Replaces categories by how often they were seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.options import settle
from gpupipe.core.verbs import ArrayMap
from gpupipe.stages._fits import ByColumn, CategoriesFit, taking

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class CountEncode(CategoriesFit):
    """Replaces each category by how often it was seen where it is fitted, or by its share of all values that are there; as Float64.

    A category that was not seen comes to 0; missing values stay missing.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`, of columns of text, whole numbers or booleans.
    share
        Whether it is the share that counts.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"c": ["a", "b", "a", None]})
    >>> CountEncode("c").fit_plain(frame).apply(frame)["c"].to_list()
    [2.0, 1.0, 2.0, None]
    """

    columns: tuple[str, ...] | Columns
    share: bool

    def __init__(self, columns: str | Sequence[str] | Columns, *, share: bool = False) -> None:
        settle(self, columns=given_columns(columns, "CountEncode's columns"), share=share)

    def made(self, names: tuple[str, ...], counts: Sequence[Mapping[str, int]]) -> CountEncoded:
        """Return the encoding."""
        totals = [(sum(of_column.values()) or 1) if self.share else 1 for of_column in counts]
        values = (tuple(count / total for count in of_column.values()) for of_column, total in zip(counts, totals, strict=True))
        return CountEncoded(names, tuple(map(tuple, counts)), tuple(values))


@dataclass(frozen=True)
class CountEncoded(ByColumn):
    """Replaces `categories` of columns by `values`, others by 0."""

    numeric = False
    columns: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    values: tuple[tuple[float, ...], ...]

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the counts."""
        names = frames[0].collect_schema().names()
        frame = verbs.look_up(frames[0], dict(zip(self.columns, self.categories, strict=True)), -1)
        values = {name: (known, 0.0) for name, known in zip(self.columns, self.values, strict=True)}
        outputs = tuple((name, nw.Float64()) for name in self.columns)
        mapped = ArrayMap(self.columns, outputs, taking(values, self.columns), self.columns, nan_as_null=True)
        return verbs.map_arrays(frame, mapped).select(names)
