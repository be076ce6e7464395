"""Rolling windows in Polars, over all rows of the few columns that they need.

Key and index become one integer that keeps the keys further apart than a window is wide. Windows that begin or end at their own row are
then Polars' ``rolling_*_by`` over that integer, which needs neither sorting nor a join; others go to the array kernel. So do sums and
means of floats: Polars adds what comes into a window and takes away what leaves it, and a large number takes small ones with it.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from gpupipe.core.arrow import plain_table
from gpupipe.core.verbs import Rolled, Window
from gpupipe.engines._verbs import roll_table
from gpupipe.kernels.rolling import SAME_DTYPE

_LIMIT = 1 << 62
_EXACT = 1 << 53  # whole numbers up to here are floats, too


def rolled_dtypes(window: Window, schema: pl.Schema) -> dict[str, pl.DataType]:
    """Return the dtype of each aggregate."""
    return {rolled.name: _dtype(rolled, schema[rolled.column]) for rolled in window.aggregates}


def _dtype(rolled: Rolled, dtype: pl.DataType) -> pl.DataType:
    """Return the dtype of an aggregate of a column."""
    if rolled.function in SAME_DTYPE:
        return dtype
    if rolled.function == "count" or (rolled.function == "sum" and not dtype.is_float()):
        return pl.Int64()
    return pl.Float64()


def roll_frame(frame: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Return one column for each aggregate, in the frame's row order."""
    dtypes = rolled_dtypes(window, frame.schema)
    if frame[window.index].null_count():
        present = frame[window.index].is_not_null()
        inside = _roll_present(frame.filter(present), window).cast(dtypes)  # type: ignore[arg-type]
        position = pl.int_range(pl.len(), dtype=pl.Int64).alias("row")
        rows = frame.select(position).filter(present).with_columns(inside)
        return frame.select(position).join(rows, on="row", how="left", maintain_order="left").select(list(dtypes))
    return _roll_present(frame, window).cast(dtypes)  # type: ignore[arg-type]


def _roll_present(frame: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Return the aggregates of rows that all have an index."""
    if frame.is_empty():  # as in every plan
        return pl.DataFrame(schema=rolled_dtypes(window, frame.schema))
    native = [rolled for rolled in window.aggregates if _is_native(rolled, frame[rolled.column])]
    by = _one_integer(frame, window) if native and (window.start == 0 or window.stop == 1) else None
    if by is None:
        return _roll_arrays(frame, window)
    size = f"{window.stop - window.start}i"
    keyed = frame.with_columns((-by if window.start == 0 else by).alias("\0by"))
    made = keyed.select(_aggregate(rolled, size, frame.schema[rolled.column]) for rolled in native)
    others = tuple(rolled for rolled in window.aggregates if rolled not in native)
    if not others:
        return made
    return made.with_columns(_roll_arrays(frame, replace(window, aggregates=others))).select(rolled.name for rolled in window.aggregates)


def _roll_arrays(frame: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Return the aggregates of rows that all have an index, worked out by the array kernel."""
    made = pl.from_arrow(roll_table(plain_table(frame.select(window.columns).to_arrow()), window))
    assert isinstance(made, pl.DataFrame)
    return made


def _is_native(rolled: Rolled, column: pl.Series) -> bool:
    """Whether Polars' own windows over a column are exact, and mean what they should: a minimum or maximum passes over NaN."""
    if rolled.function == "count":
        return True
    if rolled.function in ("std", "var", "first", "last"):
        return False
    if column.dtype.is_float():
        return _is_of_order(rolled) and not column.is_nan().any()
    if rolled.function != "mean" or column.dtype == pl.Boolean:
        return True
    low, high = column.min(), column.max()  # none where every value is missing
    return low is None or (isinstance(low, int) and isinstance(high, int) and max(abs(low), abs(high)) * len(column) < _EXACT)


def _is_of_order(rolled: Rolled) -> bool:
    """Whether a function looks at the order of values alone, so that none is lost beside large ones."""
    return rolled.function in ("min", "max", "median") or rolled.function.startswith("quantile:")


def _one_integer(frame: pl.DataFrame, window: Window) -> pl.Series | None:
    """Return key and index of some rows as one integer, or None where 64 bits do not hold it."""
    index = frame[window.index].cast(pl.Int64)
    low, high = index.min(), index.max()
    assert isinstance(low, int) and isinstance(high, int)
    width = high - low + 1 + window.stop - window.start
    code = _codes(frame, window.by, width)
    top = code.max()
    if not isinstance(top, int) or (top + 1) * width >= _LIMIT or max(abs(low), abs(high)) >= _LIMIT:
        return None
    whole = code.to_numpy() * width  # in place from here on: fresh memory costs more than the sums
    whole += index.to_numpy()
    whole -= low
    return pl.Series(whole)


def _codes(frame: pl.DataFrame, by: tuple[str, ...], width: int) -> pl.Series:
    """Return an integer from 0 on for each key: its own value shifted where that is small enough, else its number."""
    if len(by) == 1 and frame.schema[by[0]].is_signed_integer() and frame[by[0]].null_count() == 0:
        own = frame[by[0]].cast(pl.Int64)
        low, high = own.min(), own.max()
        assert isinstance(low, int) and isinstance(high, int)
        if (high - low + 1) * width < _LIMIT:
            return own - low
    keys = frame.select(by)
    numbered = keys.unique().with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("\0code"))
    return keys.join(numbered, on=list(by), how="left", nulls_equal=True, maintain_order="left")["\0code"]


def _aggregate(rolled: Rolled, size: str, dtype: pl.DataType) -> pl.Expr:
    """Return one aggregate of the windows over the one integer."""
    column, by = pl.col(rolled.column), "\0by"
    if dtype == pl.Boolean:
        column = column.cast(pl.Int8)
    count = column.is_not_null().cast(pl.Int64).rolling_sum_by(by, size)
    total = column.cast(pl.Int64).fill_null(0).rolling_sum_by(by, size)
    if rolled.function == "median" or rolled.function.startswith("quantile:"):
        level = 0.5 if rolled.function == "median" else float(rolled.function.partition(":")[2])
        made = column.cast(pl.Float64).rolling_quantile_by(by, size, quantile=level, interpolation="linear")
    elif rolled.function == "min":
        made = column.rolling_min_by(by, size)
    elif rolled.function == "max":
        made = column.rolling_max_by(by, size)
    elif rolled.function == "mean":
        made = pl.when(count > 0).then(total / count)
    else:
        made = total if rolled.function == "sum" else count
    return made.alias(rolled.name)
