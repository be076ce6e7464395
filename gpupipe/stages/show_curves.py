"""Shows two columns of a table as curves on the report's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import PlanError, UsageError
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools

MOST_ROWS, MOST_CURVES = 10_000, 8


@dataclass(frozen=True)
class ShowCurves(TaskStage):
    """Gives the table as it is, and shows one column over another in the report: for tables of results, which are small.

    Parameters
    ----------
    x, y
        Columns of numbers; rows that lack one are left out of the figure.
    by
        A column whose values have a curve each; one for all rows unless given.
    title
        Of the figure.

    Raises
    ------
    UsageError
        The table has more rows or curves than a figure can show.

    Examples
    --------
    >>> import polars as pl
    >>> ShowCurves("rank", "error").apply(pl.DataFrame({"rank": [1, 2], "error": [0.5, 0.25]})).rows()
    [(1, 0.5), (2, 0.25)]
    """

    x: str
    y: str
    by: str | None = None
    title: str = ""

    def plan(self, *specs: Schema) -> Schema:
        """Return the columns as they are.

        Raise ColumnError for a column that is not there, DtypeError for one that holds no numbers.
        """
        specs[0].require_numeric([self.x, self.y], "ShowCurves")
        specs[0].require([] if self.by is None else [self.by])
        if self.by in (self.x, self.y):
            raise PlanError(f"ShowCurves expects by to be another column than x and y, got {self.by!r}.")
        return specs[0]

    def solve(self, tools: Tools, *inputs: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
        """Return the table."""
        (table,) = inputs
        drawn = table.select([self.x, self.y] if self.by is None else [self.x, self.y, self.by]).drop_nulls()
        names = [] if self.by is None else drawn[self.by].unique().to_list()
        if len(drawn) > MOST_ROWS or len(names) > MOST_CURVES:
            raise UsageError(
                f"ShowCurves shows at most {MOST_ROWS:,} rows and {MOST_CURVES} curves, got {len(drawn):,} and {len(names)}. "
                "Aggregate the table first."
            )
        parts = [(self.y, drawn)] if self.by is None else [(str(name), drawn.filter(nw.col(self.by) == name)) for name in sorted(names)]
        curves: Sequence[Mapping[str, Any]] = [self._curve(name, part) for name, part in parts]
        title = self.title or f"{self.y} over {self.x}"
        tools.show(title, {"kind": "lines", "title": title, "x": self.x, "y": self.y, "curves": curves})
        return table

    def _curve(self, name: str, part: nw.DataFrame[Any]) -> Mapping[str, Any]:
        """Return the points of a curve, from left to right."""
        points = sorted(zip(*(map(float, part[column].to_list()) for column in (self.x, self.y)), strict=True))
        return {"label": name, "x": [x for x, _ in points], "y": [y for _, y in points]}
