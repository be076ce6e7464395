"""What fits of single columns share: which columns, reductions of them, counts of their categories; and what they are fitted into.

So a stage that is fitted to columns says what it measures and what it makes of that, and no more.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.columns import Columns, chosen
from gpupipe.core.errors import DtypeError, StageError
from gpupipe.core.fit import FitStage
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, RowStage
from gpupipe.core.want import Want

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

Frame = nw.LazyFrame[Any]


class ColumnsFit(FitStage):
    """A stage fitted to some columns, each by itself; `numeric` ones unless it says otherwise."""

    numeric: ClassVar[bool] = True
    columns: tuple[str, ...] | Columns

    def plan(self, *specs: Any) -> Any:
        """Raise ColumnError for a column that is not there, DtypeError for one of the wrong kind, PlanError where there is none."""
        names = self.needed(specs[0])
        if self.numeric:
            specs[0].require_numeric(names, self.name)
        else:
            require_categories(specs[0], names, self.name)

    def needed(self, schema: Schema) -> tuple[str, ...]:
        """Return the columns."""
        return chosen(self.columns, schema)

    def names(self, frame: Frame) -> tuple[str, ...]:
        """Return the names of the columns in a frame."""
        return chosen(self.columns, frame.collect_schema())


class ReductionsFit(ColumnsFit):
    """A stage fitted to plain reductions of columns: `words` of `REDUCTIONS`."""

    words: ClassVar[tuple[str, ...]]
    as_float: ClassVar[bool] = True  # whether the columns are measured as Float64

    def measure(self, verbs: Verbs, frame: Frame) -> Frame:
        """Return one row: each reduction of each column."""
        return reduced(frame, self.names(frame), self.words, as_float=self.as_float)

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return the reductions of all parts together."""
        return merged_reductions(measured)

    def plan(self, *specs: Any) -> Any:
        """Return what is fitted to nothing."""
        super().plan(*specs)
        return self.of_nothing(self.needed(specs[0]))

    def of_nothing(self, names: tuple[str, ...]) -> Any:
        """Return what no rows make."""
        return self.made(names, {word: (None,) * len(names) for word in self.words})

    def finish(self, statistics: pa.Table) -> Any:
        """Return what the reductions make."""
        row = statistics.to_pylist()[0]
        names = tuple(dict.fromkeys(column.partition(":")[2] for column in statistics.column_names))
        found = {word: tuple(row[f"{word}:{name}"] for name in names) for word in self.words}
        if "odd" in found:
            require_finite(names, found["odd"], self.name)
        return self.made(names, found)

    @abstractmethod
    def made(self, names: tuple[str, ...], found: Mapping[str, Sequence[Any]]) -> Any:
        """Return the row stage that the reductions make, one of each word for each column; None where there was no value."""


REDUCTIONS: Mapping[str, Any] = {
    "n": lambda column: column.count(),
    "missing": lambda column: column.is_null().cast(nw.Int64).sum(),
    "low": lambda column: column.min(),
    "high": lambda column: column.max(),
    "mean": lambda column: column.mean(),
    "var": lambda column: column.var(ddof=0),
    "odd": lambda column: (~column.is_finite()).cast(nw.Int64).sum(),
}


def reduced(frame: Frame, names: Sequence[str], words: Sequence[str], *, as_float: bool) -> Frame:
    """Return one row of reductions; of thousands of columns, one expression for all costs less than one for each."""
    columns = nw.col(*names).cast(nw.Float64) if as_float else nw.col(*names)
    return frame.select(REDUCTIONS[word](columns).name.prefix(f"{word}:") for word in words)


def merged_reductions(measured: Sequence[pa.Table]) -> pa.Table:
    """Return the reductions of all parts together.

    Means and mean squared deviations are merged by Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing
    Sample Variances", 1979, equations 2.1; `mean` needs `n`, and `var` both.
    """
    rows = [part.to_pylist()[0] for part in measured]
    made: dict[str, Any] = {}
    for column in measured[0].column_names:
        word, _, name = column.partition(":")
        values = [row[column] for row in rows if row[column] is not None]
        if word in ("n", "missing", "odd"):
            made[column] = sum(values)
        elif word in ("low", "high"):
            made[column] = (min if word == "low" else max)(values) if values else None
    for column in measured[0].column_names:
        word, _, name = column.partition(":")
        if word == "mean":
            made[column], spread = _moments([(row[f"n:{name}"], row[column], row.get(f"var:{name}")) for row in rows])
            made |= {f"var:{name}": spread} if f"var:{name}" in rows[0] else {}
    arrays = {field.name: pa.array([made[field.name]], field.type) for field in measured[0].schema}
    return pa.table(arrays)


def _moments(parts: Sequence[tuple[int, Any, Any]]) -> tuple[float | None, float | None]:
    """Return mean and mean squared deviation of all parts' values."""
    count, mean, square = 0, 0.0, 0.0
    for n, m, v in parts:
        if n:
            delta, total = m - mean, count + n
            square += (v or 0.0) * n + delta * delta * count * n / total
            mean += delta * n / total
            count = total
    return (mean, square / count) if count else (None, None)


def require_finite(names: Sequence[str], odd: Sequence[int | None], what: str) -> None:
    """Raise StageError for the first column with infinity or NaN, of which nothing can be measured."""
    for name, n_odd in zip(names, odd, strict=True):
        if n_odd:
            msg = f"{what} expects finite numbers in column {name!r}, got infinity or NaN in {n_odd} rows."
            raise StageError(f"{msg} Filter them first, by nw.col({name!r}).is_finite(), or make them missing.")


class CategoriesFit(ColumnsFit):
    """A stage fitted to how often each category stands in columns of text, whole numbers or booleans."""

    numeric: ClassVar[bool] = False

    @property
    def least_count(self) -> int:
        """How often a category must be there to be of interest: most of a long tail need never become Python's."""
        return 1

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return the one want: the counts; of a whole table, of categories that are there often enough."""
        whole = partial(_often, self.least_count) if self.least_count > 1 else None
        return (Want(self.measure, "arrow", self.merge, columns=frozenset(chosen(self.columns, specs[0])), whole=whole),)

    def measure(self, verbs: Verbs, frame: Frame) -> Frame:
        """Return how often each category stands in each column."""
        return counted(frame, self.names(frame))

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return the counts of all parts together."""
        return merged_counts(measured)

    def plan(self, *specs: Any) -> Any:
        """Return what is fitted to nothing."""
        super().plan(*specs)
        names = self.needed(specs[0])
        return self.made(names, [{} for _ in names])

    def finish(self, statistics: pa.Table) -> Any:
        """Return what the counts make."""
        counts = counts_of(statistics, self.least_count)
        return self.made(tuple(counts), list(counts.values()))

    @abstractmethod
    def made(self, names: tuple[str, ...], counts: Sequence[Mapping[str, int]]) -> Any:
        """Return the row stage that the counts make: of each column's categories, in sorted order."""


_WHOLE = "^(0|[1-9][0-9]{0,17})$"  # a whole number as it is written, of no more digits than 64 bits hold
_COUNTS = pa.schema([("column", pa.int32()), ("category", pa.large_string()), ("count", pa.int64())])


def counted(frame: Frame, names: Sequence[str]) -> Frame:
    """Return how often each category stands in each column: column, category as text, count.

    Columns are numbered from 0 on; under -1 and down stand their names, each with the number of rows.
    """
    parts = []
    for number, name in enumerate(names):
        rows = frame.select(nw.col(name).cast(nw.String).alias("category")).group_by("category", drop_null_keys=True)
        whole = frame.select(nw.len().alias("count")).with_columns(nw.lit(name).alias("category"))
        parts += [_numbered(whole, -1 - number), _numbered(rows.agg(nw.len().alias("count")), number)]
    return nw.concat(parts, how="vertical")


def _often(least: int, counts: Frame) -> Frame:
    """Return the counts that are no smaller than the least, and the names of columns."""
    return counts.filter((nw.col("count") >= least) | (nw.col("column") < 0))


def _numbered(frame: Frame, number: int) -> Frame:
    """Return counts of categories beside a column's number."""
    return frame.select(nw.lit(number, dtype=nw.Int32).alias("column"), nw.col("category"), nw.col("count").cast(nw.Int64))


def merged_counts(measured: Sequence[pa.Table]) -> pa.Table:
    """Return the counts of all parts together."""
    parts = [part.cast(_COUNTS) for part in measured]
    if len(parts) == 1:
        return parts[0]
    summed = pa.concat_tables(parts).group_by(["column", "category"]).aggregate([("count", "sum")])
    return summed.rename_columns({"count_sum": "count"}).select(_COUNTS.names)


def counts_of(table: pa.Table, least: int = 1) -> dict[str, dict[str, int]]:
    """Return the counts of each column's categories that are there often enough, in sorted order; columns in the order of the table."""
    is_name = pc.less(table["column"], 0)
    names = table.filter(is_name).sort_by([("column", "descending")])["category"].to_pylist()
    seen = table.filter(pc.and_(pc.invert(is_name), pc.greater_equal(table["count"], least)))
    columns = seen["column"].to_numpy()
    made = {}
    for number, name in enumerate(names):
        of_column = seen.filter(pa.array(columns == number)).select(["category", "count"])
        if pc.all(pc.match_substring_regex(of_column["category"], _WHOLE)).as_py():  # as identifiers are: sorted in Arrow
            of_column = of_column.take(pc.sort_indices(of_column["category"].cast(pa.int64())))
            made[name] = dict(zip(*(column.to_pylist() for column in of_column.columns), strict=True))
            continue
        counts = dict(zip(*(column.to_pylist() for column in of_column.columns), strict=True))
        made[name] = {category: counts[category] for category in in_order(counts)}
    return made


def in_order(categories: Iterable[str]) -> list[str]:
    """Return categories in sorted order; plain whole numbers, as identifiers are, by a key that is quicker made."""
    known = list(categories)
    if all(category.isascii() and category.isdigit() and (category[0] != "0" or len(category) == 1) for category in known):
        return sorted(known, key=lambda category: (len(category), category))
    return sorted(known, key=category_order)


_TURNED = str.maketrans("0123456789", "9876543210")


def category_order(category: str) -> tuple[Any, ...]:
    """Return what categories are sorted by: whole numbers, of any length, by value before text by its UTF-8 bytes; no two are alike."""
    text = category.encode()
    digits = category.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return (1, text)
    digits = digits.lstrip("0")
    if category.startswith("-") and digits:
        return (0, -1, -len(digits), digits.translate(_TURNED), text)
    return (0, 0, len(digits), digits, text)


def kept_categories(counts: Mapping[str, int], min_count: int, max_size: int | None, *, by_count: bool = False) -> tuple[str, ...]:
    """Return the categories seen often enough, at most so many of them, in sorted order or those seen most often first.

    Examples
    --------
    >>> kept_categories({"a": 1, "b": 3, "c": 2}, 1, 2), kept_categories({"a": 1, "b": 3, "c": 2}, 2, None, by_count=True)
    (('b', 'c'), ('b', 'c'))
    """
    often = [category for category, count in counts.items() if count >= min_count]
    if max_size is None and not by_count:
        return tuple(often)
    ranked = sorted(often, key=lambda category: -counts[category])[:max_size]  # of equal ones the first stays first
    return tuple(ranked if by_count else filter(set(ranked).__contains__, often))


def require_categories(schema: Schema, columns: Sequence[str], what: str) -> None:
    """Raise where a column is not there or holds no categories."""
    schema.require(columns)
    for name in columns:
        dtype = schema[name].dtype
        if not (dtype in (nw.String, nw.Boolean, nw.Categorical) or dtype.is_integer()):
            msg = f"{what} expects text, whole numbers or booleans, got {dtype} in {name!r}. Cast or cut it into classes first."
            raise DtypeError(msg)


def column_name(*parts: str) -> str:
    """Return the name of a column that is made of others and a value: readable, in small letters where it is text.

    Examples
    --------
    >>> column_name("plan", "basic"), column_name("Seat", "First Class"), column_name("n", "-1")
    ('plan_basic', 'Seat_First_Class', 'n_-1')
    """
    return "_".join(re.sub(r"\s+", "_", part.strip()) for part in parts)


class ByColumn(RowStage):
    """A fitted stage that makes each of its columns anew, from itself alone, by an expression."""

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True
    numeric: ClassVar[bool] = True
    columns: tuple[str, ...]

    def plan(self, *schemas: Schema) -> Outcome | None:
        """Raise ColumnError for a column that is not there, DtypeError for one of the wrong kind."""
        if self.numeric:
            schemas[0].require_numeric(self.columns, self.name)
        else:
            require_categories(schemas[0], self.columns, self.name)
        return None

    def run(self, verbs: Verbs, *frames: Frame) -> Frame:
        """Return the frame with the columns made anew."""
        made = [self.of(nw.col(name), number).alias(name) for number, name in enumerate(self.columns)]
        return frames[0].with_columns(made)

    def of(self, column: nw.Expr, number: int) -> nw.Expr:
        """Return what is made of a column, the `number`-th."""
        raise NotImplementedError

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns."""
        return frozenset(self.columns)


def taken(values: Mapping[str, tuple[Sequence[float], float]], columns: tuple[str, ...], array: Any) -> list[Any]:
    """Return what stands at positions: of each column the value at its position, the last one where it is -1, NaN where it is missing."""
    made = []
    for number, name in enumerate(columns):
        known, other = values[name]
        position = array[:, number].astype(np.float64)
        place = np.where(np.isnan(position), 0, position).astype(np.int64)
        found = np.asarray([*known, other], dtype=np.float64, like=array)[place]
        made.append(np.where(np.isnan(position), np.nan, found))
    return made


def taking(values: Mapping[str, tuple[Sequence[float], float]], columns: tuple[str, ...]) -> Any:
    """Return the function of an array of positions that gives what stands there; see `taken`."""
    return partial(taken, dict(values), columns)
