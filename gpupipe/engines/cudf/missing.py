"""Which values of a cuDF column are missing, and which are NaN; cuDF's own ``isna`` and ``fillna`` take one for the other."""

from __future__ import annotations

from typing import Any

import cudf
import pylibcudf as plc

from gpupipe.engines.cudf.frames import opened


def is_missing(series: Any) -> Any:
    """Return a cuDF column of which values are missing; NaN is not."""
    with opened(series) as (column,):
        return like_of(series, plc.unary.is_null(column))


def n_missing(series: Any) -> int:
    """Return how many values of a cuDF column are missing."""
    return int(series._column.null_count)


def n_there(series: Any) -> int:
    """Return how many values of a cuDF column are there."""
    return len(series) - n_missing(series)


def is_not_a_number(series: Any) -> Any:
    """Return a cuDF column of which floats are NaN; missing ones are not."""
    with opened(series) as (column,):
        return like_of(series, plc.unary.is_nan(column))


def has_nan(series: Any) -> bool:
    """Whether a column has a NaN."""
    return series.dtype.kind == "f" and len(series) > 0 and bool(is_not_a_number(series).any())


def like_of(series: Any, column: Any) -> Any:
    """Return libcudf's column as cuDF's, with the name and the index of another one."""
    return cudf.Series.from_pylibcudf(column, {"name": series.name, "index": series.index})


def filled(series: Any, value: Any) -> Any:
    """Return a cuDF column with its missing values filled by one value; NaN stays a number."""
    with opened(series) as (column,):
        return like_of(series, plc.replace.replace_nulls(column, plc.Scalar.from_py(value, column.type())))


def with_missing(result: Any, *operands: Any) -> Any:
    """Return a result that is missing wherever an operand is."""
    for operand in operands:
        if isinstance(operand, cudf.Series) and n_missing(operand):
            result = result.where(~is_missing(operand), None)
    return result
