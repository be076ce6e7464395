"""Aggregates of a key on many blocks: each block is aggregated by itself, and the parts once more.

What a stage aggregates is read from its query on an empty table, as Polars prints it. Only plain reductions of columns are taken apart;
everything else is shuffled and run as it is, which is slower and always right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import narwhals.stable.v2 as nw

from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, TableStage
from gpupipe.engines._symbolic import VERBS, empty_frame

if TYPE_CHECKING:
    from gpupipe.core.engine import Verbs

Frame = nw.LazyFrame[Any]

FIRST, SECOND, WIDE = "__gpupipe_a", "__gpupipe_b", "__gpupipe_w"
_GROUPED = re.compile(r"AGGREGATE\[maintain_order: false\]\s+\[(?P<made>.*)\] BY \[(?P<keys>.*)\]\s+FROM\s+(?P<rest>.*)", re.DOTALL)
_REDUCED = re.compile(r"SELECT \[(?P<made>.*)\]\s+(?P<rest>DF .*)", re.DOTALL)
_PART = re.compile(
    r'(?:col\("(?P<column>[^"\\]+)"\)\.(?P<how>sum|min|max|mean|count)\(\)|(?P<len>len\(\)))(?:\.alias\("(?P<name>[^"\\]+)"\))?(?:, |$)'
)
_KEY = re.compile(r'col\("([^"\\]+)"\)(?:, |$)')


@dataclass(frozen=True)
class Part:
    """One aggregate: a reduction of a column, or the count of rows where there is none."""

    name: str
    column: str | None
    how: str


@dataclass(frozen=True)
class Aggregation:
    """Reductions of columns by keys, or of the whole table where there are no keys."""

    keys: tuple[str, ...]
    parts: tuple[Part, ...]
    drop_null_keys: bool


def taken_apart(frame: Frame, schema: Schema) -> Aggregation | None:
    """Return the aggregation that a query on an empty table of the schema is, where it is nothing else and can be done in parts."""
    text = frame.to_native().explain(optimized=False).strip()
    grouped, whole = _GROUPED.fullmatch(text), _REDUCED.fullmatch(text)
    if grouped is None and whole is None:
        return None
    found = grouped or whole
    assert found is not None
    keys = _all(_KEY, found["keys"]) if grouped else []
    parts = _all(_PART, found["made"])
    if keys is None or parts is None:
        return None
    if any(match["how"] == "mean" and not schema[match["column"]].dtype.is_numeric() for match in parts):
        return None  # a date has no sum
    names = tuple(match[1] for match in keys)
    dropped = _dropped(found["rest"].strip(), names)
    if dropped is None:
        return None
    made = tuple(Part(match["name"] or match["column"] or "len", match["column"], match["how"] or "len") for match in parts)
    return Aggregation(names, made, dropped)


def _all(pattern: re.Pattern[str], text: str) -> list[re.Match[str]] | None:
    """Return the matches that make up the whole text, or None where something else stands between them."""
    found = list(pattern.finditer(text))
    return found if found and "".join(match[0] for match in found) == text else None


def _dropped(rest: str, keys: Sequence[str]) -> bool | None:
    """Whether rows of missing keys are left out; None where the aggregation is not of the table itself."""
    present: set[str] = set()
    while (filtered := re.match(r'FILTER col\("([^"\\]+)"\)\.is_not_null\(\)\s+FROM\s+', rest)) is not None:
        present.add(filtered[1])
        rest = rest[filtered.end() :]
    if not re.fullmatch(r"DF \[.*\]; PROJECT.*", rest) or (present and present != set(keys)):
        return None
    return bool(present)


@dataclass(frozen=True)
class PartlyAggregated(TableStage):
    """Aggregates one block, or what several blocks were aggregated to.

    Parameters
    ----------
    again
        Whether the rows are parts already.
    last
        Whether nothing comes after it, so that means are divided out.
    """

    aggregation: Aggregation
    again: bool
    last: bool

    def run(self, verbs: Verbs, *frames: Frame) -> Frame:
        """Return the parts, or the aggregates."""
        made = [expression for number, part in enumerate(self.aggregation.parts) for expression in self._reduced(number, part)]
        frame = frames[0] if self.again else frames[0].with_columns(self._widened())
        if self.aggregation.keys:
            grouped: Any = cast(Any, frame).group_by(list(self.aggregation.keys), drop_null_keys=self.aggregation.drop_null_keys)
            frame = grouped.agg(made)
        else:
            frame = frame.select(made)
        return frame.select(*self.aggregation.keys, *self._finished()) if self.last else frame

    def _widened(self) -> list[nw.Expr]:
        """Return the columns of means as Float64, in which their sums are kept."""
        means = [(number, part) for number, part in enumerate(self.aggregation.parts) if part.how == "mean"]
        return [nw.col(str(part.column)).cast(nw.Float64).alias(f"{WIDE}{number}") for number, part in means]

    def _reduced(self, number: int, part: Part) -> list[nw.Expr]:
        """Return what is kept of one aggregate: a sum and a count for a mean, else one column."""
        first, second = f"{FIRST}{number}", f"{SECOND}{number}"
        if self.again:
            if part.how == "mean":
                return [nw.col(first).sum(), nw.col(second).sum()]
            return [getattr(nw.col(first), part.how if part.how in ("min", "max") else "sum")()]
        if part.column is None:
            return [nw.len().alias(first)]
        if part.how == "mean":
            return [nw.col(f"{WIDE}{number}").sum().alias(first), nw.col(part.column).count().alias(second)]
        return [getattr(nw.col(part.column), part.how)().alias(first)]

    def _finished(self) -> list[nw.Expr]:
        """Return the aggregates under their names."""
        return [
            (nw.col(f"{FIRST}{number}") / nw.when(nw.col(f"{SECOND}{number}") > 0).then(nw.col(f"{SECOND}{number}"))).alias(part.name)
            if part.how == "mean"
            else nw.col(f"{FIRST}{number}").alias(part.name)
            for number, part in enumerate(self.aggregation.parts)
        ]


def aggregation_of(stage: KeyStage, schema: Schema) -> Aggregation | None:
    """Return what a stage of a key aggregates, where it can be done in parts."""
    found = taken_apart(stage.run(VERBS, empty_frame(schema)), schema)
    if found is None or not found.keys or not set(found.keys) <= set(stage.keys):
        return None
    return found
