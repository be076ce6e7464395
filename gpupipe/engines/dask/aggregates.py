"""Aggregates of a key on many blocks: each block is aggregated by itself, and the parts once more.

An aggregate is taken apart into plain reductions (`core/aggregates.py`); where each of those can be made of its results on parts of the
rows, no row leaves its block. Everything else is shuffled and run as it is, which is slower and always right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from gpupipe.core.aggregates import Apart, Grouping, Reduction, spelled_out, taken_apart
from gpupipe.core.errors import UnsupportedError
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.engines._symbolic import empty_frame

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

Frame = nw.LazyFrame[Any]

FIRST, SECOND, WIDE = "__gpupipe_a", "__gpupipe_b", "__gpupipe_w"
# How a reduction of all rows is made of those of parts of them; a mean is kept as a sum and a count.
_MERGED = {"sum": "sum", "min": "min", "max": "max", "count": "sum", "len": "sum", "any": "any", "all": "all", "mean": "mean"}


@dataclass(frozen=True)
class Aggregation:
    """Reductions of columns by keys, or of the whole table where there are no keys, between what is done to rows and to results."""

    keys: tuple[str, ...]
    apart: Apart
    drop_null_keys: bool

    @property
    def parts(self) -> list[Reduction]:
        """The reductions."""
        return self.apart.reductions


def in_parts(grouping: Grouping, schema: Schema) -> Aggregation | None:
    """Return the aggregation of a table of the schema, where it can be made of aggregations of parts of the rows."""
    frame = empty_frame(schema)

    def names_of(columns: Any) -> list[str]:
        return [name for name in frame.select(columns).collect_schema().names() if name not in grouping.by]

    try:
        apart = taken_apart(spelled_out(grouping.aggregates, names_of), list(schema))
    except UnsupportedError:
        return None
    dtypes = frame.with_columns(apart.before).collect_schema() if apart.before else frame.collect_schema()
    for part in apart.reductions:
        if part.how not in _MERGED or (part.how == "mean" and not dtypes[str(part.column)].is_numeric()):  # a date has no sum
            return None
    return Aggregation(grouping.by, apart, grouping.drop_null_keys)


@dataclass(frozen=True)
class PartlyAggregated(TableStage):
    """Aggregates one block, or what several blocks were aggregated to.

    Parameters
    ----------
    again
        Whether the rows are parts already.
    last
        The columns of the result where nothing comes after it, so that means are divided out and the aggregates are made: in their
        dtypes, since a count of parts is a sum.
    """

    aggregation: Aggregation
    again: bool
    last: Schema | None = None

    def run(self, verbs: Verbs, *frames: Frame) -> Frame:
        """Return the parts, or the aggregates."""
        found = self.aggregation
        frame = frames[0]
        if not self.again:
            frame = frame.with_columns(found.apart.before) if found.apart.before else frame
            frame = frame.with_columns(self._widened())
        made = [expression for number, part in enumerate(found.parts) for expression in self._reduced(number, part)]
        if found.keys:
            frame = cast(Any, frame).group_by(list(found.keys), drop_null_keys=found.drop_null_keys).agg(made)
        else:
            frame = frame.select(made)
        if self.last is None:
            return frame
        whole = frame.select(*found.keys, *self._divided()).select(*found.keys, *found.apart.after)
        return whole.with_columns(nw.col(name).cast(field.dtype) for name, field in self.last.items() if name not in found.keys)

    def _widened(self) -> list[nw.Expr]:
        """Return the columns of means as Float64, in which their sums are kept."""
        means = [(number, part) for number, part in enumerate(self.aggregation.parts) if part.how == "mean"]
        return [nw.col(str(part.column)).cast(nw.Float64).alias(f"{WIDE}{number}") for number, part in means]

    def _reduced(self, number: int, part: Reduction) -> list[nw.Expr]:
        """Return what is kept of one reduction: a sum and a count for a mean, else one column."""
        first, second = f"{FIRST}{number}", f"{SECOND}{number}"
        if part.how == "mean":
            if self.again:
                return [nw.col(first).sum(), nw.col(second).sum()]
            return [nw.col(f"{WIDE}{number}").sum().alias(first), nw.col(str(part.column)).count().alias(second)]
        if self.again:
            return [getattr(nw.col(first), _MERGED[part.how])()]
        return [nw.len().alias(first) if part.column is None else getattr(nw.col(part.column), part.how)().alias(first)]

    def _divided(self) -> list[nw.Expr]:
        """Return the reductions under their names."""
        return [
            (nw.col(f"{FIRST}{number}") / nw.when(nw.col(f"{SECOND}{number}") > 0).then(nw.col(f"{SECOND}{number}"))).alias(part.name)
            if part.how == "mean"
            else nw.col(f"{FIRST}{number}").alias(part.name)
            for number, part in enumerate(self.aggregation.parts)
        ]
