"""Puts what is usual where a value is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.errors import UsageError, nearest
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, RowStage
from gpupipe.stages._fills import as_held, require_holds
from gpupipe.stages._fits import (
    category_order,
    counted,
    counts_of,
    merged_counts,
    merged_reductions,
    reduced,
    require_categories,
    require_finite,
)
from gpupipe.stages._quantiles import QuantilesFit

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

HOW = ("mean", "median", "most_frequent")
_BY_KEY = " A key's last or next value is gp.FillByKey."
_OTHERWISE = {"forward": _BY_KEY, "backward": _BY_KEY, "constant": " Give the constant as value=."}


@dataclass(frozen=True, init=False)
class Impute(QuantilesFit):
    """Puts the mean, the median or the most frequent value, of where it is fitted, in place of missing ones.

    Means and medians come out as Float64; with the most frequent value the column keeps its dtype, and of several the smallest is taken, as
    scikit-learn's SimpleImputer does, which takes NaN for missing. A column without values where it is fitted stays as it is. A constant
    needs no fit: `FillNull`. A key's last or next value is `FillByKey`.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`.
    how
        ``"mean"``, ``"median"``, or ``"most_frequent"``, which takes text, whole numbers and booleans.
    value
        A constant instead; then ``how`` is not used.
    indicator
        Whether a column ``<name>_missing`` says of each value whether it was missing.
    exact
        Whether a median is exact, by a second pass; else less than ``n_values / 4096 + n_blocks`` ranks off.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [1.0, None, 3.0]})
    >>> Impute("x", indicator=True).fit_plain(frame).apply(frame).rows()
    [(1.0, False), (2.0, True), (3.0, False)]
    """

    columns: tuple[str, ...] | Columns
    how: Literal["mean", "median", "most_frequent"]
    value: Any
    indicator: bool
    exact: bool

    def __init__(
        self,
        columns: str | Sequence[str] | Columns,
        how: Literal["mean", "median", "most_frequent"] = "mean",
        *,
        value: Any = None,
        indicator: bool = False,
        exact: bool = True,
    ) -> None:
        if how not in HOW:
            hint = _OTHERWISE.get(how) or nearest(str(how), HOW)
            msg = f"Impute expects 'mean', 'median' or 'most_frequent', got {how!r}.{hint}"
            raise UsageError(msg)
        settle(self, columns=given_columns(columns, "Impute's columns"), how=how, value=value, indicator=indicator, exact=exact)

    @property
    def levels(self) -> tuple[float, ...]:
        """The median."""
        return (0.5,)

    def passes_again(self) -> bool:
        """Whether there may be several passes: for a median."""
        return self.value is None and self.how == "median"

    def measure(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the means, or how often each category stands in each column."""
        if self.passes_again():
            return super().measure(verbs, frame)
        names = self.names(frame)
        if self.value is not None:
            return frame.select(nw.col(*names).count().name.prefix("n:"))
        return counted(frame, names) if self.how == "most_frequent" else reduced(frame, names, ("n", "mean", "odd"), as_float=True)

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return the statistics of all parts together."""
        if self.passes_again():
            return super().merge(measured)
        return merged_counts(measured) if self.value is None and self.how == "most_frequent" else merged_reductions(measured)

    def plan(self, *specs: Any) -> Imputed:
        """Return what fills nothing, or the constant.

        Raise ColumnError for a column that is not there, DtypeError for one of the wrong kind.
        """
        names = self.needed(specs[0])
        specs[0].require(names)
        made = self._made(names, [self.value] * len(names))
        if self.value is None and self.how == "most_frequent":
            require_categories(specs[0], names, "Impute's 'most_frequent'")
        elif self.value is None:
            specs[0].require_numeric(names, f"Impute's {self.how!r}")
        else:
            made.plan(specs[0])
        return made

    def finish(self, state: Any) -> Imputed:
        """Return what fills the columns with what was measured."""
        if self.passes_again():
            imputed: Imputed = super().finish(state)
            return imputed
        if self.value is None and self.how == "most_frequent":
            counts = counts_of(state)
            return self._made(tuple(counts), [_most_frequent(of_column) for of_column in counts.values()])
        row = state.to_pylist()[0]
        names = tuple(name.removeprefix("n:") for name in state.column_names if name.startswith("n:"))
        if self.value is not None:
            return self._made(names, [self.value] * len(names))
        require_finite(names, [row[f"odd:{name}"] for name in names], "Impute")
        return self._made(names, [row[f"mean:{name}"] for name in names])

    def made(self, names: tuple[str, ...], values: Sequence[Any]) -> Imputed:
        """Return what fills the columns with their medians."""
        return self._made(names, [None if np.isnan(found[0]) else float(found[0]) for found in values])

    def _made(self, names: tuple[str, ...], values: Sequence[Any]) -> Imputed:
        is_float = self.value is None and self.how != "most_frequent"
        return Imputed(names, tuple(values), self.indicator, is_float)


def _most_frequent(counts: Mapping[str, int]) -> str | None:
    """Return the category that stands most often, of several the smallest."""
    return min(counts, key=lambda category: (-counts[category], category_order(category)), default=None)


@dataclass(frozen=True)
class Imputed(RowStage):
    """Puts `values` where columns lack one; where there is no value either, nothing changes."""

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True

    columns: tuple[str, ...]
    values: tuple[Any, ...]
    indicator: bool
    is_float: bool

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns that are filled, and those that had no missing value.

        Raise ColumnError for a column that is not there, DtypeError for one that the value does not fit.
        """
        schemas[0].require(self.columns)
        filled = {name: value for name, value in zip(self.columns, self.values, strict=True) if value is not None}
        if self.is_float:
            schemas[0].require_numeric(self.columns, "Impute")
        for name, value in {} if self.is_float else filled.items():
            dtype = schemas[0][name].dtype
            require_holds(name, dtype, as_held(value, dtype), "Impute")
        indicators = {f"{name}_missing" for name in self.columns} if self.indicator else set()
        return Outcome(not_null=schemas[0].not_null.union(filled, indicators), seeks_missing=True)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the filled frame."""
        schema = frames[0].collect_schema()
        made = [nw.col(name).is_null().alias(f"{name}_missing") for name in self.columns] if self.indicator else []
        for name, value in zip(self.columns, self.values, strict=True):
            column = nw.col(name).cast(nw.Float64) if self.is_float else nw.col(name)
            dtype = nw.Float64() if self.is_float else schema[name]
            made.append((column if value is None else column.fill_null(nw.lit(as_held(value, dtype), dtype=dtype))).alias(name))
        return frames[0].with_columns(made)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that are filled."""
        return frozenset(self.columns)
