"""What the columns of a table hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools

_SHARES = (("q05", 0.05), ("q25", 0.25), ("median", 0.5), ("q75", 0.75), ("q95", 0.95))
_NUMBERS = ("mean", "std", "min", *(name for name, _ in _SHARES), "max")
_COLUMNS: Mapping[str, Any] = {
    "column": nw.String(),
    "dtype": nw.String(),
    "rows": nw.Int64(),
    "missing": nw.Int64(),
    "distinct": nw.Int64(),
    **dict.fromkeys(_NUMBERS, nw.Float64()),
    "least": nw.String(),
    "greatest": nw.String(),
    "top": nw.String(),
}
_ARROW = {"String": pa.string(), "Int64": pa.int64(), "Float64": pa.float64()}
_TYPES = {name: _ARROW[str(dtype)] for name, dtype in _COLUMNS.items()}
_BINS = 20
_MOST_CHARTS = 12
_MOST_CORRELATED = 20


@dataclass(frozen=True)
class Profile(TaskStage):
    """Tells of each column its dtype, missing and distinct values, quantiles, and most frequent values: a table with a row for each column.

    ``mean`` to ``max`` are of numbers and truth values, NaN aside; ``least`` and ``greatest`` are the ends of text, dates and times;
    ``top`` are the most frequent values with their counts. The report shows the table, histograms, and correlations of numbers (Pearson's,
    over rows that have both). All rows come to one place: of a large table, profile a `Sample`.

    Parameters
    ----------
    n_top
        How many of the most frequent values are told.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [1.0, 3.0, None], "word": ["b", "a", "b"]})
    >>> made = Profile().apply(frame)
    >>> made.select("column", "missing", "distinct", "mean", "greatest", "top").rows()
    [('x', 1, 2, 2.0, None, '1.0 (1), 3.0 (1)'), ('word', 0, 2, None, 'b', 'b (2), a (1)')]
    """

    n_top: int = 5

    def plan(self, *specs: Any) -> Schema:
        """Return the columns of the profile."""
        return Schema.of_names(_COLUMNS)

    @np.errstate(over="ignore", invalid="ignore")  # numbers at the ends of Float64 have an infinite spread
    def solve(self, tools: Tools, *inputs: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
        """Return a row for each column."""
        frame = inputs[0]
        rows = [self._row(frame[name]) for name in frame.columns]
        tools.note(rows=len(frame), columns=len(frame.columns), missing=sum(row["missing"] for row in rows))
        tools.show("Profile", *_parts(frame, rows))
        made: nw.DataFrame[Any] = tools.adopted(pa.table({name: pa.array([row[name] for row in rows], _TYPES[name]) for name in _COLUMNS}))
        return made

    def _row(self, column: nw.Series[Any]) -> dict[str, Any]:
        """Return what is told of a column."""
        there = column.drop_nulls()
        told: dict[str, Any] = dict.fromkeys(_COLUMNS)
        told |= {"column": column.name, "dtype": str(column.dtype), "rows": len(column), "missing": len(column) - len(there)}
        if column.dtype.is_nested() or str(column.dtype).startswith("Binary"):
            return told
        counts = there.alias("value").value_counts(sort=True, name="count")
        told["distinct"] = len(counts)
        ordered = sorted(counts.head(1000).rows(), key=lambda pair: (-pair[1], str(pair[0])))
        told["top"] = ", ".join(f"{value} ({count})" for value, count in ordered[: self.n_top])
        if column.dtype.is_numeric() or column.dtype == nw.Boolean:
            values = _finite(there)
            if len(values):
                quantiles = np.quantile(values, [share for _, share in _SHARES])
                told |= {"mean": float(values.mean()), "std": float(values.std(ddof=1)) if len(values) > 1 else None}
                told |= {"min": float(values.min()), "max": float(values.max())}
                told |= {name: float(value) for (name, _), value in zip(_SHARES, quantiles, strict=True)}
        elif len(there) and column.dtype != nw.Categorical:
            told |= {"least": str(there.min()), "greatest": str(there.max())}
        return told


def _finite(column: nw.Series[Any]) -> Any:
    """Return the values of a column of numbers as floats, without NaN and infinities."""
    values = np.asarray(column.cast(nw.Float64).to_numpy(), dtype=np.float64)
    return values[np.isfinite(values)]


def _parts(frame: nw.DataFrame[Any], rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the parts of the report's card."""
    names = ["column", "dtype", "missing", "distinct", "mean", "std", "min", "median", "max", "top"]
    told = [[row[name] if row[name] is not None else "" for name in names] for row in rows]
    parts: list[Mapping[str, Any]] = [{"kind": "table", "title": "Columns", "columns": names, "rows": told}]
    numbers = [row["column"] for row in rows if row["mean"] is not None]
    for name in numbers[:_MOST_CHARTS]:
        bars = _bars(_finite(frame[name].drop_nulls()))
        parts.append({"kind": "bars", "title": f"{name}: rows from each value on", "bars": bars})
    if len(numbers) >= 2:
        made = correlations(frame, numbers[:_MOST_CORRELATED])
        shown = [[name, *(float(value) if np.isfinite(value) else "" for value in line)] for name, line in zip(numbers, made, strict=False)]
        parts.append({"kind": "table", "title": "Correlations", "columns": ["", *numbers[:_MOST_CORRELATED]], "rows": shown})
    return parts


def _bars(values: Any) -> list[list[Any]]:
    """Return how many values there are from each bin's beginning on; one bin of those that floats can hardly tell apart."""
    low, high = float(values.min()), float(values.max())
    if (
        not np.isfinite(high - low)
        or 0 < high - low <= 2 * _BINS * np.spacing(max(abs(low), abs(high)))
        or (low == high and low + 0.5 == low)
    ):
        return [[f"{low:.4g}", len(values)]]
    counts, edges = np.histogram(values, bins=_BINS)
    return [[f"{start:.4g}", int(count)] for start, count in zip(edges[:-1], counts, strict=True)]


def correlations(frame: nw.DataFrame[Any], names: Sequence[str]) -> Any:
    """Return Pearson's correlation of each pair of columns, over the rows that have both; NaN where one does not vary.

    Examples
    --------
    >>> import polars as pl
    >>> frame = nw.from_native(pl.DataFrame({"a": [1.0, 2.0, None], "b": [2.0, 4.0, 0.0]}), eager_only=True)
    >>> correlations(frame, ["a", "b"]).round(6).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    values = np.stack([np.asarray(frame[name].cast(nw.Float64).fill_null(np.nan).to_numpy(), dtype=np.float64) for name in names])
    there = np.isfinite(values)
    made = np.full((len(names), len(names)), np.nan)
    for one in range(len(names)):
        for other in range(one, len(names)):
            both = there[one] & there[other]
            if not both.any():
                continue
            left, right = (values[place][both] - values[place][both].mean() for place in (one, other))
            spread = np.sqrt(left @ left) * np.sqrt(right @ right)
            made[one, other] = made[other, one] = left @ right / spread if spread else np.nan
    return made
