"""How one table differs from another: new rows from those that a model was trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import DtypeError, StageError
from gpupipe.core.node import Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import as_columns
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools

_LEAST = 1e-4  # of a share: one that is 0 would make the index infinite
_COLUMNS = {"column": nw.String(), **dict.fromkeys(["psi", "ks", "ks_p_value", "missing_before", "missing_after"], nw.Float64())}


@dataclass(frozen=True, init=False)
class Drift(TaskStage):
    """Compares each column of two tables: ``Drift()(reference, current)`` gives a row for each column, the one that differs most first.

    ``psi`` is the population stability index, the sum of ``(q - p) log(q / p)`` over parts of the column: for numbers, parts with a tenth
    of the reference each, for others, the values; shares below 0.0001 count as that. Below 0.1 is usually taken for no change, above 0.25
    for a great one. ``ks`` is the largest distance between the two distribution functions of a column of numbers, and ``ks_p_value`` its
    probability, for many rows, were both the same (Kolmogorov and Smirnov). Missing values are compared by their shares alone.

    Parameters
    ----------
    columns
        Those to compare; all that both tables have unless given.

    Examples
    --------
    >>> import polars as pl
    >>> before = pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "word": ["a", "a", "b", "b"]})
    >>> made = Drift().apply(before, before.with_columns(pl.col("x") + 10))
    >>> made["column"].to_list(), made["ks"].to_list(), made["psi"].to_list()[1]
    (['x', 'word'], [1.0, None], 0.0)
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)

    chosen: tuple[str, ...] | None

    def __init__(self, columns: str | Sequence[str] | None = None) -> None:
        settle(self, chosen=None if columns is None else as_columns(columns, "Drift's columns"))

    def _names(self, *schemas: Schema) -> list[str]:
        """Return the columns that are compared."""
        return list(self.chosen or [name for name in schemas[0] if name in schemas[1] and not schemas[0][name].dtype.is_nested()])

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the columns that are compared."""
        return [self._names(*schemas)] * 2

    def plan(self, *specs: Any) -> Schema:
        """Return the columns of the comparison.

        Raise ColumnError for a column that one table lacks, DtypeError where it holds numbers in one and not in the other.
        """
        names = self._names(*specs)
        for schema in specs:
            schema.require(names)
        for name in names:
            kinds = [schema[name].dtype for schema in specs]
            if kinds[0].is_numeric() != kinds[1].is_numeric():
                msg = f"Drift expects columns of one kind in both tables, got {kinds[0]} and {kinds[1]} in {name!r}. Cast one of them."
                raise DtypeError(msg)
        return Schema.of_names(_COLUMNS)

    def solve(self, tools: Tools, *inputs: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
        """Return a row for each column."""
        before, after = inputs
        if not len(before) or not len(after):
            msg = f"Drift expects rows in both tables, got {len(before)} and {len(after)}. Look at the filters before them."
            raise StageError(msg)
        rows = sorted((_compared(before[name], after[name]) for name in before.columns), key=lambda row: -row["psi"])
        bars = [[row["column"], row["psi"]] for row in rows]
        shown = [[value if value is not None else "" for value in row.values()] for row in rows]
        table = {"kind": "table", "title": "Columns", "columns": list(_COLUMNS), "rows": shown}
        tools.show("Drift", table, {"kind": "bars", "title": "Population stability index", "bars": bars})
        types = {name: pa.string() if dtype == nw.String else pa.float64() for name, dtype in _COLUMNS.items()}
        made: nw.DataFrame[Any] = tools.adopted(pa.table({name: pa.array([row[name] for row in rows], types[name]) for name in _COLUMNS}))
        return made


def _compared(before: nw.Series[Any], after: nw.Series[Any]) -> dict[str, Any]:
    """Return how a column differs."""
    told: dict[str, Any] = dict.fromkeys(_COLUMNS)
    told |= {"column": before.name, "missing_before": before.null_count() / len(before), "missing_after": after.null_count() / len(after)}
    one, other = before.drop_nulls(), after.drop_nulls()
    if not len(one) or not len(other):
        return told | {"psi": 0.0 if len(one) == len(other) else math.inf}
    if before.dtype.is_numeric():
        left, right = (np.sort(np.asarray(each.cast(nw.Float64).to_numpy(), dtype=np.float64)) for each in (one, other))
        distance = ks_distance(left, right)
        told |= {"ks": distance, "ks_p_value": ks_probability(distance, len(left), len(right))}
        edges = np.unique(np.quantile(left, np.linspace(0, 1, 11)[1:-1]))
        shares = [np.bincount(np.searchsorted(edges, each, side="left"), minlength=len(edges) + 1) / len(each) for each in (left, right)]
    else:
        counts = [dict(each.alias("value").value_counts(name="count").rows()) for each in (one, other)]
        values = sorted({*counts[0], *counts[1]}, key=str)
        shares = [np.array([count.get(value, 0) for value in values]) / len(each) for count, each in zip(counts, (one, other), strict=True)]
    return told | {"psi": stability_index(*shares)}


def stability_index(before: Any, after: Any) -> float:
    """Return the population stability index of two arrays of shares.

    Examples
    --------
    >>> round(stability_index(np.array([0.5, 0.5]), np.array([0.25, 0.75])), 6)
    0.274653
    """
    p, q = np.maximum(before, _LEAST), np.maximum(after, _LEAST)
    return float(((q - p) * np.log(q / p)).sum())


def ks_distance(left: Any, right: Any) -> float:
    """Return the largest distance between the distribution functions of two ascending arrays.

    Examples
    --------
    >>> ks_distance(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    both = np.concatenate([left, right])
    shares = [np.searchsorted(each, both, side="right") / len(each) for each in (left, right)]
    return float(np.abs(shares[0] - shares[1]).max())


def ks_probability(distance: float, n_left: int, n_right: int) -> float:
    """Return the probability of such a distance or a larger one between samples of one distribution, for many rows.

    Source: Kolmogorov's series, ``2 sum (-1)^(k-1) exp(-2 k^2 x^2)`` with ``x`` the distance times the root of ``n m / (n + m)``.

    Examples
    --------
    >>> round(ks_probability(0.1, 200, 200), 4), ks_probability(0.0, 5, 5)
    (0.27, 1.0)
    """
    x = distance * math.sqrt(n_left * n_right / (n_left + n_right))
    if x < 0.2:  # where the series converges slowly, and is 1 to twelve digits
        return 1.0
    return min(1.0, 2 * sum((-1.0) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 101)))
