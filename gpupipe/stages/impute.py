"""Puts what is usual where a value is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.columns import Columns, chosen, given_columns
from gpupipe.core.errors import UsageError, nearest
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage
from gpupipe.core.want import Want
from gpupipe.stages._fills import as_held, require_holds
from gpupipe.stages._fits import (
    ColumnsFit,
    category_order,
    counted,
    counts_of,
    merged_counts,
    merged_reductions,
    reduced,
    require_categories,
    require_finite,
)
from gpupipe.stages._quantiles import held_columns, quantiles

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress
    from gpupipe.core.verbs import Verbs

HOW = ("mean", "median", "most_frequent")
_BY_KEY = " A key's last or next value is gp.FillByKey."
_OTHERWISE = {"forward": _BY_KEY, "backward": _BY_KEY, "constant": " Give the constant as value=."}


@dataclass(frozen=True, init=False)
class Impute(ColumnsFit):
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

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one of the wrong kind."""
        names = chosen(self.columns, schemas[0])
        schemas[0].require(names)
        if self.value is None and self.how == "most_frequent":
            require_categories(schemas[0], names, "Impute's 'most_frequent'")
        elif self.value is None:
            schemas[0].require_numeric(names, f"Impute's {self.how!r}")
        else:
            self.plan(schemas[0]).check(schemas[0])

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return the one want: for a median the columns, else their statistics."""
        if self.value is None and self.how == "median":
            return held_columns(chosen(self.columns, specs[0]))
        return super().wants(*specs)

    def measure(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the means, or how often each category stands in each column."""
        names = self.names(frame)
        if self.value is not None:
            return frame.select(nw.col(*names).count().name.prefix("n:"))
        return counted(frame, names) if self.how == "most_frequent" else reduced(frame, names, ("n", "mean", "odd"), as_float=True)

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return the statistics of all parts together."""
        return merged_counts(measured) if self.value is None and self.how == "most_frequent" else merged_reductions(measured)

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Imputed:
        """Return what fills the columns."""
        if isinstance(results[0], pa.Table):
            return self.finish(results[0])
        names = chosen(self.columns, results[0].collect_schema())
        medians = [float(found[0]) for found in quantiles(engine, results[0], names, (0.5,), self.name, exact=self.exact)]
        return self._made(names, [None if np.isnan(median) else median for median in medians])

    def plan(self, *specs: Any) -> Imputed:
        """Return what fills nothing, or the constant."""
        names = chosen(self.columns, specs[0])
        return self._made(names, [self.value] * len(names))

    def finish(self, statistics: pa.Table) -> Imputed:
        """Return what fills the columns with what was measured."""
        if self.value is None and self.how == "most_frequent":
            counts = counts_of(statistics)
            return self._made(tuple(counts), [_most_frequent(of_column) for of_column in counts.values()])
        row = statistics.to_pylist()[0]
        names = tuple(name.removeprefix("n:") for name in statistics.column_names if name.startswith("n:"))
        if self.value is not None:
            return self._made(names, [self.value] * len(names))
        require_finite(names, [row[f"odd:{name}"] for name in names], "Impute")
        return self._made(names, [row[f"mean:{name}"] for name in names])

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

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one that the value does not fit."""
        schemas[0].require(self.columns)
        if self.is_float:
            schemas[0].require_numeric(self.columns, "Impute")
            return
        for name, value in zip(self.columns, self.values, strict=True):
            dtype = schemas[0][name].dtype
            if value is not None:
                require_holds(name, dtype, as_held(value, dtype), "Impute")

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

    def not_null(self, names: Sequence[str], *schemas: Schema) -> frozenset[str]:
        """Return the columns that are filled, and those that had no missing value."""
        filled = {name for name, value in zip(self.columns, self.values, strict=True) if value is not None}
        indicators = {f"{name}_missing" for name in self.columns} if self.indicator else set()
        return schemas[0].not_null | filled | indicators
