"""Replaces categories by what the target is on average where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.columns import Columns, chosen, given_columns
from gpupipe.core.errors import StageError, UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, as_columns
from gpupipe.core.verbs import ArrayMap
from gpupipe.stages._chance import share_of
from gpupipe.stages._fits import ByColumn, ColumnsFit, category_order, require_categories

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

Frame = nw.LazyFrame[Any]
_MISSING = "\0"  # stands for a missing value among the categories
_FOLD = "\x1ffold"
_MEASURED = pa.schema(
    [
        ("column", pa.large_string()),
        ("category", pa.large_string()),
        ("fold", pa.int32()),
        ("n", pa.int64()),
        ("mean", pa.float64()),
        ("var", pa.float64()),
    ]
)


@dataclass(frozen=True, init=False)
class TargetEncode(ColumnsFit):
    """Replaces each category by the mean of a target over the rows of the category, drawn towards the mean of all; as Float64.

    Applied to the table that it is fitted to, each row gets the mean of the *other folds'* rows, since its own target must not come back to
    it as a feature; applied to any other table, that of all rows. A row's fold is the hash of its values, so it is the same on every engine
    and however the table is cut. Rows that are equal share a fold, so a table of few columns wants a key in `fold_by`. Outside a pipeline
    the training rows' way is ``fitted.on_training().apply(train)``.

    A missing value is a category; one that was not seen gets the mean of all. The means and their smoothing are those of scikit-learn's
    TargetEncoder, whose folds are cut by position.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`, of columns of text, whole numbers or booleans.
    target
        Numbers, or booleans; rows without one are passed over.
    smooth
        How many rows with the mean of all are added to a category, or ``"auto"``: by the variance in the category and in all, an empirical
        Bayes estimate (Micci-Barreca, "A Preprocessing Scheme for High-Cardinality Categorical Attributes", 2001).
    folds
        How many folds the training rows are in.
    fold_by
        The columns by whose values a row's fold is drawn: a key. All of the table unless given.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"id": range(6), "c": list("aaabbb"), "y": [0, 1, 1, 0, 0, 0]})
    >>> fitted = TargetEncode("c", target="y", smooth=0, folds=2, fold_by="id").fit_plain(frame)
    >>> fitted.apply(frame)["c"].round(3).to_list()
    [0.667, 0.667, 0.667, 0.0, 0.0, 0.0]
    """

    numeric: ClassVar[bool] = False

    columns: tuple[str, ...] | Columns
    target: str
    smooth: float | Literal["auto"]
    n_folds: int
    fold_by: tuple[str, ...] | None
    seed: int

    def __init__(
        self,
        columns: str | Sequence[str] | Columns,
        *,
        target: str,
        smooth: float | Literal["auto"] = "auto",
        folds: int = 5,
        fold_by: str | Sequence[str] | None = None,
        seed: int = 0,
    ) -> None:
        if (smooth != "auto" and not (isinstance(smooth, int | float) and smooth >= 0)) or folds < 2:
            msg = f"TargetEncode expects smooth 'auto' or a number >= 0, and folds >= 2, got {smooth!r} and {folds!r}."
            raise UsageError(msg)
        given = given_columns(columns, "TargetEncode's columns")
        if not isinstance(given, Columns) and target in given:
            msg = f"TargetEncode expects columns other than its target, got {target!r} in both."
            raise UsageError(msg)
        key = None if fold_by is None else as_columns(fold_by, "TargetEncode's fold_by")
        settle(self, columns=given, target=target, smooth=smooth, n_folds=folds, fold_by=key, seed=seed)

    def folds(self) -> bool:
        """Whether training rows are treated otherwise: they are."""
        return True

    def _of(self, schema: Any) -> tuple[str, ...]:
        """Return the columns, but for the target."""
        return tuple(name for name in chosen(self.columns, schema) if name != self.target)

    def needed(self, schema: Schema) -> tuple[str, ...]:
        """Return the columns, of which the fold is drawn by all unless said."""
        return tuple(schema) if self.fold_by is None else (*self._of(schema), self.target, *self.fold_by)

    def measure(self, verbs: Verbs, frame: Frame) -> Frame:
        """Return count, mean and mean squared deviation of the target for each category of each column, in each fold."""
        names = self._of(frame.collect_schema())
        target = nw.col(self.target).cast(nw.Float64).alias("target")
        drawn = with_fold(verbs, frame, self.fold_by, self.n_folds, self.seed).filter(~nw.col(self.target).is_null())
        parts = []
        for name in names:
            rows = drawn.select(_text(name).alias("category"), nw.col(_FOLD).alias("fold"), target)
            y = nw.col("target")
            grouped = rows.group_by("category", "fold").agg(nw.len().alias("n"), y.mean().alias("mean"), y.var(ddof=0).alias("var"))
            column = nw.lit(name, dtype=nw.String).alias("column")
            parts.append(grouped.select(column, "category", "fold", nw.col("n").cast(nw.Int64), "mean", "var"))
        return nw.concat(parts, how="vertical")

    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return the statistics of all parts together, sorted; the formula is Chan's, as in `Standardize`."""
        return _merged(measured, ["column", "category", "fold"])

    def plan(self, *specs: Any) -> TargetEncoded:
        """Return what is fitted to nothing; raise ColumnError for a column that is not there, DtypeError for one of the wrong kind."""
        require_categories(specs[0], self._of(specs[0]), "TargetEncode")
        specs[0].require_numeric((self.target,), "TargetEncode's target")
        specs[0].require(self.fold_by or ())
        names = self._of(specs[0])
        return TargetEncoded(names, ((),) * len(names), np.zeros((len(names), self.n_folds + 1, 0)), self.n_folds, self.fold_by, self.seed)

    def finish(self, statistics: pa.Table) -> TargetEncoded:
        """Return the encodings: by the rows of all folds, and for each fold by those of the others."""
        names = tuple(dict.fromkeys(statistics["column"].to_pylist())) if isinstance(self.columns, Columns) else self._of(())
        if not np.isfinite(statistics["mean"].to_numpy()).all():  # of infinity, and of NaN
            msg = f"TargetEncode expects a target of finite numbers, got infinity or NaN in {self.target!r}. Filter such rows first."
            raise StageError(msg)
        found = [statistics.filter(pc.equal(statistics["column"], name)) for name in names]
        categories = [sorted(set(table["category"].to_pylist()), key=category_order) for table in found]
        tables = [self._values(table, known) for table, known in zip(found, categories, strict=True)]
        width = max((table.shape[1] for table in tables), default=1)
        values = np.stack([np.pad(table, ((0, 0), (0, width - table.shape[1]))) for table in tables])
        return TargetEncoded(names, tuple(map(tuple, categories)), values, self.n_folds, self.fold_by, self.seed)

    def _values(self, table: pa.Table, known: Sequence[str]) -> Any:
        """Return [n_folds + 1, n_categories + 1]: the encodings without each fold and, last, with all; behind them the mean of all."""
        place = {category: number for number, category in enumerate(known)}
        at = np.array([place[category] for category in table["category"].to_pylist()], dtype=np.int64)
        fold, n, mean, var = (table[name].to_numpy() for name in ("fold", "n", "mean", "var"))
        made = np.zeros((self.n_folds + 1, len(known) + 1))
        for left_out in range(self.n_folds + 1):
            used = fold != left_out
            made[left_out] = self._encoded(at[used], n[used], mean[used], var[used], len(known))
        return made

    def _encoded(self, at: Any, n: Any, mean: Any, var: Any, n_known: int) -> Any:
        """Return the encoding of each category, and of those that were not seen."""
        counts = np.bincount(at, n, n_known)
        total = counts.sum()
        if not total:
            return np.zeros(n_known + 1)
        sums = np.bincount(at, n * mean, n_known)
        overall = sums.sum() / total
        with np.errstate(invalid="ignore", divide="ignore"):
            means = sums / counts
            squares = np.bincount(at, n * (var + (mean - np.nan_to_num(means)[at]) ** 2), n_known)
            if self.smooth == "auto":
                spread = (squares.sum() + np.nansum(counts * (means - overall) ** 2)) / total
                share = spread * counts / (spread * counts + squares / counts)
                encoded = np.where(np.isnan(share), overall, share * means + (1 - share) * overall)
            else:
                encoded = (sums + self.smooth * overall) / (counts + self.smooth)
        return np.append(np.where(counts > 0, encoded, overall), overall)


@dataclass(frozen=True, eq=False)
class TargetEncoded(ByColumn):
    """Replaces `categories` of columns by `values`: [n_columns, n_folds + 1, n_categories + 1], without each fold and, last, with all."""

    numeric: ClassVar[bool] = False

    columns: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]
    values: Any
    n_folds: int
    fold_by: tuple[str, ...] | None
    seed: int
    is_training: bool = False

    @property
    def name(self) -> str:
        """The name of what it is."""
        return "TargetEncoded"

    def __eq__(self, other: object) -> bool:
        """Whether two are fitted alike."""
        return isinstance(other, TargetEncoded) and repr(self) == repr(other) and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash((self.columns, self.categories, self.is_training))

    def on_training(self) -> TargetEncoded:
        """Return the stage as it is applied to the rows that it was fitted to: each without its own fold."""
        return replace(self, is_training=True)

    def run(self, verbs: Verbs, *frames: Frame) -> Frame:
        """Return the frame with the means."""
        names = frames[0].collect_schema().names()
        frame = frames[0]
        if self.is_training:
            frame = with_fold(verbs, frame, self.fold_by, self.n_folds, self.seed)
        else:
            frame = frame.with_columns(nw.lit(self.n_folds, dtype=nw.Int32).alias(_FOLD))
        frame = frame.with_columns(_text(name).alias(name) for name in self.columns)
        frame = verbs.look_up(frame, dict(zip(self.columns, self.categories, strict=True)), -1)
        read = (_FOLD, *self.columns)
        outputs = tuple((name, nw.Float64()) for name in self.columns)
        sizes = tuple(map(len, self.categories))
        return verbs.map_arrays(frame, ArrayMap(read, outputs, partial(_looked_up, self.values, sizes), read)).select(names)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that are encoded, and of training rows those by which the fold is drawn."""
        if self.is_training:
            return frozenset(schemas[0]) if self.fold_by is None else frozenset(self.columns + self.fold_by)
        return frozenset(self.columns)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return what was not missing, and what is encoded; raise as `ByColumn` does."""
        super().plan(*schemas)
        return Outcome(not_null=schemas[0].not_null | set(self.columns))


def with_fold(verbs: Verbs, frame: Frame, by: tuple[str, ...] | None, n_folds: int, seed: int) -> Frame:
    """Return the frame with each row's fold: the hash of some columns' values, or of all, cut into the number of folds."""
    columns = sorted(by or frame.collect_schema().names())
    hashed = verbs.hash_rows(frame, columns, seed, _FOLD)
    return hashed.with_columns(share_of(nw.col(_FOLD), 64, n_folds).cast(nw.Int32).alias(_FOLD))


def _text(name: str) -> nw.Expr:
    """Return a column's categories as text, with what is missing as one of them."""
    return nw.col(name).cast(nw.String).fill_null(nw.lit(_MISSING))


def _looked_up(values: Any, sizes: tuple[int, ...], array: Any) -> list[Any]:
    """Return what stands in the row of a fold at the position of a category; what is behind them all where that is -1."""
    positions = array.astype(np.int64)
    values = np.asarray(values, like=array)
    fold = positions[:, 0]
    made = []
    for number, size in enumerate(sizes):
        at = positions[:, number + 1]
        made.append(values[number][fold, np.where(at < 0, size, at)])
    return made


def _merged(measured: Sequence[pa.Table], keys: list[str]) -> pa.Table:
    """Return counts, means and mean squared deviations of all parts together, by key, sorted."""
    whole = pa.concat_tables([part.cast(_MEASURED) for part in measured]).sort_by([(key, "ascending") for key in keys])
    if not len(whole):
        return whole
    n, mean, var = (whole[name].to_numpy() for name in ("n", "mean", "var"))
    columns = [whole[key].combine_chunks() for key in keys]
    codes = np.stack([np.asarray(column.dictionary_encode().indices) for column in columns])
    starts = np.flatnonzero(np.append(True, (codes[:, 1:] != codes[:, :-1]).any(axis=0)))
    counts = np.add.reduceat(n, starts)
    with np.errstate(invalid="ignore"):  # infinity is told of afterwards
        means = np.add.reduceat(n * mean, starts) / counts
        group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(n))))
        spread = np.add.reduceat(n * (var + (mean - means[group]) ** 2), starts) / counts
    made = whole.select(keys).take(pa.array(starts))
    for name, column in (("n", counts), ("mean", means), ("var", spread)):
        made = made.append_column(name, pa.array(column))
    return made.cast(_MEASURED)
