"""Weighs the words of texts by how few texts they are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.errors import ColumnError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage
from gpupipe.core.verbs import ArrayMap
from gpupipe.stages._fits import CategoriesFit, require_categories, taking

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class TfIdf(CategoriesFit):
    """Appends a weight to each word of each text, as `Tokenize` gives them: how often it is there, times its rarity among the texts.

    A word in `d` of `n` texts where it is fitted has rarity ``ln((1 + n) / (1 + d)) + 1``, or without `smooth` ``ln(n / d) + 1``, as in
    scikit-learn's TfidfTransformer with ``norm=None``; to give all texts one length, put `NormalizeByKey` behind it. A text without words
    has no row and is not counted.

    Parameters
    ----------
    document, word, count
        The columns; a word stands once in each text.
    smooth
        Whether it is as if one more text held every word once.
    sublinear
        Whether a word that is there `c` times counts ``1 + ln(c)`` times.
    name
        The new column's name.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"document": [0, 0, 1], "word": [0, 1, 0], "count": [2, 1, 1]})
    >>> TfIdf().fit_plain(frame).apply(frame)["weight"].round(3).to_list()
    [2.0, 1.405, 1.0]
    """

    columns: tuple[str, str]
    count: str
    smooth: bool
    sublinear: bool
    made_name: str

    def __init__(
        self,
        *,
        document: str = "document",
        word: str = "word",
        count: str = "count",
        smooth: bool = True,
        sublinear: bool = False,
        name: str = "weight",
    ) -> None:
        settle(self, columns=(word, document), count=count, smooth=smooth, sublinear=sublinear, made_name=name)

    def plan(self, *specs: Any) -> TfIdfWeighted:
        """Return what is fitted to nothing; raise ColumnError for a column that is not there, DtypeError for one of the wrong kind."""
        made: TfIdfWeighted = super().plan(*specs)
        specs[0].require_numeric((self.count,), "TfIdf's count")
        return made

    def made(self, names: tuple[str, ...], counts: Sequence[Mapping[str, int]]) -> TfIdfWeighted:
        """Return the rarity of each word, and of one that was in no text."""
        words, n = counts[0], len(counts[1])
        rarities = tuple(self._rarity(n, in_texts) for in_texts in words.values())
        return TfIdfWeighted(self.columns[0], self.count, tuple(words), rarities, self._rarity(n, 0), self.sublinear, self.made_name)

    def _rarity(self, n: int, d: int) -> float:
        if self.smooth:
            return float(np.log((1 + n) / (1 + d)) + 1)
        return float(np.log(n / d) + 1) if d else float("nan")


@dataclass(frozen=True)
class TfIdfWeighted(RowStage):
    """Appends counts of `words` times `rarities`."""

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True

    column: str
    count: str
    words: tuple[str, ...]
    rarities: tuple[float, ...]
    other: float
    sublinear: bool
    made: str

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, or a new one that is; DtypeError for one of the wrong kind."""
        require_categories(schemas[0], (self.column,), "TfIdf")
        schemas[0].require_numeric((self.count,), "TfIdf's count")
        if self.made in schemas[0]:
            msg = f"TfIdf expects a new name, got {self.made!r}, which is a column already. Give another one as name=."
            raise ColumnError(msg)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the weights."""
        frame = frames[0].with_columns(nw.col(self.column).cast(nw.String).alias(self.made))
        placed = verbs.look_up(frame, {self.made: self.words}, -1)
        function = taking({self.made: (self.rarities, self.other)}, (self.made,))
        rare = verbs.map_arrays(placed, ArrayMap((self.made,), ((self.made, nw.Float64()),), function, (self.made,), nan_as_null=True))
        count = nw.col(self.count).cast(nw.Float64)
        return rare.with_columns(((count.log() + 1.0 if self.sublinear else count) * nw.col(self.made)).alias(self.made))

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the words and their counts."""
        return frozenset({self.column, self.count})
