"""Whether two tables hold the same rows. Null is missing and NaN is a number: each equals itself, and not the other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.core.arrow import plain_table

Row = tuple[Any, ...]

_NAN = "NaN, the number"
_SHOWN = 5


def assert_same_rows(left: Any, right: Any, *, rtol: float = 0, atol: float = 0, ordered: bool = False) -> None:
    """Raise AssertionError unless both tables have the same columns, dtypes and rows, as often.

    Parameters
    ----------
    left, right
        Arrow, Polars, pandas or narwhals frames. Dictionaries and views of text count as text.
    rtol, atol
        How far floats may lie apart: ``atol + rtol * |right|``. Rows are then paired in sorted order, whole columns before floats.
    ordered
        Whether the rows must come in the same order too.

    Examples
    --------
    >>> assert_same_rows(pa.table({"a": [1, None]}), pa.table({"a": [None, 1]}))
    >>> assert_same_rows(pa.table({"a": [1, 2]}), pa.table({"a": [1, 3]}))
    Traceback (most recent call last):
    AssertionError: The rows differ. Only left: {'a': 2}. Only right: {'a': 3}.
    """
    one, other = as_arrow(left), as_arrow(right)
    _assert_same_columns(one, other)
    if one.num_rows != other.num_rows:
        msg = f"Expected as many rows, got {one.num_rows} left and {other.num_rows} right.{_difference(one, other)}"
        raise AssertionError(msg)
    if ordered or rtol or atol:
        _assert_paired(one, other, rtol, atol, ordered=ordered)
    elif Counter(rows_of(one)) != Counter(rows_of(other)):
        msg = f"The rows differ.{_difference(one, other)}"
        raise AssertionError(msg)


def as_arrow(frame: Any) -> pa.Table:
    """Return a frame of any library as an Arrow table of plain types."""
    if isinstance(frame, pa.Table):
        return plain_table(frame)
    given = frame if isinstance(frame, nw.DataFrame | nw.LazyFrame) else nw.from_native(frame)
    return plain_table(given.lazy().collect().to_arrow())


def rows_of(table: pa.Table) -> list[Row]:
    """Return the rows as tuples that compare and hash by meaning: NaN equals NaN, times are whole numbers."""
    columns = [[_value(given) for given in _whole_times(column).to_pylist()] for column in table.columns]
    return list(zip(*columns, strict=True)) if columns else [()] * table.num_rows


def _whole_times(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return dates and times as integers: Python's own cannot hold all of them."""
    kind = column.type
    return column.cast(pa.int64() if kind.bit_width == 64 else pa.int32()) if pa.types.is_temporal(kind) else column


def _value(given: Any) -> Any:
    """Return a value that hashes, and in which NaN equals NaN."""
    if isinstance(given, float) and math.isnan(given):
        return _NAN
    if isinstance(given, list):
        return tuple(_value(part) for part in given)
    if isinstance(given, dict):
        return tuple((name, _value(part)) for name, part in given.items())
    return given


def _assert_same_columns(left: pa.Table, right: pa.Table) -> None:
    """Raise AssertionError where names, their order, or dtypes differ."""
    if left.column_names != right.column_names:
        msg = f"Expected the same columns, got {left.column_names} left and {right.column_names} right."
        raise AssertionError(msg)
    different = [
        f"{one.name!r} is {one.type} left and {other.type} right"
        for one, other in zip(left.schema, right.schema, strict=True)
        if one.type != other.type
    ]
    if different:
        msg = f"Expected the same dtypes, but {'; '.join(different)}."
        raise AssertionError(msg)


def _difference(left: pa.Table, right: pa.Table) -> str:
    """Return what each side has beyond the other."""
    one, other = Counter(rows_of(left)), Counter(rows_of(right))
    return f"{_shown('left', list((one - other).elements()), left)}{_shown('right', list((other - one).elements()), right)}"


def _shown(side: str, rows: Sequence[Row], table: pa.Table) -> str:
    """Return the first rows that only one side has, readably."""
    if not rows:
        return ""
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f" Only {side}: {', '.join(str(dict(zip(table.column_names, row, strict=True))) for row in rows[:_SHOWN])}{more}."


def _assert_paired(left: pa.Table, right: pa.Table, rtol: float, atol: float, *, ordered: bool) -> None:
    """Raise AssertionError at the first pair of rows that lie further apart than the tolerance."""
    order = sorted(range(left.num_columns), key=lambda number: pa.types.is_floating(left.schema.types[number]))
    one, other = rows_of(left), rows_of(right)
    if not ordered:
        one, other = (sorted(rows, key=lambda row: [_rank(row[number]) for number in order]) for rows in (one, other))
    for number, (mine, yours) in enumerate(zip(one, other, strict=True)):
        for name, a, b in zip(left.column_names, mine, yours, strict=True):
            if not _close(a, b, rtol, atol):
                where = f"row {number}" if ordered else f"row {number} in sorted order"
                rows = " and ".join(str(dict(zip(left.column_names, row, strict=True))) for row in (mine, yours))
                msg = f"The rows differ: column {name!r} of {where} is {a!r} left and {b!r} right. The rows are {rows}."
                raise AssertionError(msg)


def _rank(value: Any) -> tuple[int, Any]:
    """Return what any value of a column sorts by: missing ones last, NaN before them."""
    if value is None:
        return (2, 0)
    if value == _NAN:
        return (1, 0)
    return (0, repr(value) if isinstance(value, tuple) else value)


def _close(left: Any, right: Any, rtol: float, atol: float) -> bool:
    """Whether two values are equal, or floats within the tolerance."""
    if left == right:
        return True
    both = isinstance(left, float) and isinstance(right, float) and math.isfinite(left) and math.isfinite(right)
    return both and abs(left - right) <= atol + rtol * abs(right)
