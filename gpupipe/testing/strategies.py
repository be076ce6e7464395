"""Hypothesis strategies for tables as hostile as real ones, and for ways to cut them into blocks.

Values come from small pools as often as from the whole range of their type, so that keys repeat.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Literal

import pyarrow as pa
from hypothesis import strategies as st

ANYTHING = pa.schema(
    [
        ("key", pa.int64()),
        ("text", pa.large_string()),
        ("small", pa.int8()),
        ("count", pa.uint64()),
        ("amount", pa.float64()),
        ("ratio", pa.float32()),
        ("flag", pa.bool_()),
        ("day", pa.date32()),
        ("time", pa.timestamp("us")),
    ]
)

_WORDS = ["", "a", "A", "b", "é", "e\u0301", "ß", "日本", "🦆", "a b", "0", "-1", "NaN", "None", "\x00", "'\"\\"]


@st.composite
def tables(
    draw: st.DrawFn,
    schema: pa.Schema = ANYTHING,
    *,
    max_rows: int = 12,
    nan: bool = True,
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> pa.Table:
    """Return tables of a schema: no rows, one row, several; missing values where the schema allows them.

    Parameters
    ----------
    nan
        Whether floats may be NaN or infinite.
    bounds
        The least and greatest number in some columns; without them, the whole range of the type.
    """
    n_rows = draw(st.one_of(st.sampled_from([0, 1, 2]), st.integers(0, max_rows)))
    columns = []
    for field in schema:
        one = values(field.type, nan=nan, bounds=(bounds or {}).get(field.name))
        held = st.one_of(st.none(), one, one, one) if field.nullable else one
        columns.append(pa.array(draw(st.lists(held, min_size=n_rows, max_size=n_rows)), field.type, from_pandas=False))
    return pa.table(columns, schema=schema)


def values(kind: pa.DataType, *, nan: bool = True, bounds: tuple[float, float] | None = None) -> st.SearchStrategy[object]:
    """Return values of an Arrow type, without missing ones.

    Raises
    ------
    TypeError
        There is no strategy for the type.
    """
    if pa.types.is_boolean(kind):
        return st.booleans()
    if pa.types.is_integer(kind):
        return _integers(kind, bounds)
    if pa.types.is_floating(kind):
        return _floats(kind.bit_width, bounds, nan=nan)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return st.one_of(st.sampled_from(_WORDS), st.text(st.characters(codec="utf-8"), max_size=6))
    if pa.types.is_date(kind):
        return st.one_of(st.dates(dt.date(2000, 1, 1), dt.date(2000, 1, 3)), st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)))
    if pa.types.is_timestamp(kind) and kind.tz is None and kind.unit in ("us", "ms"):
        return st.one_of(st.just(dt.datetime(2000, 1, 1, 12)), st.datetimes().map(lambda time: time.replace(microsecond=0)))  # noqa: DTZ001
    msg = f"Expected a boolean, integer, float, text, date or timestamp[us, ms] type, got {kind}. Draw such a column yourself."
    raise TypeError(msg)


def _integers(kind: pa.DataType, bounds: tuple[float, float] | None) -> st.SearchStrategy[object]:
    """Return integers: a few that repeat, the ends of the range, and any."""
    signed = pa.types.is_signed_integer(kind)
    low, high = (-(1 << kind.bit_width - 1), (1 << kind.bit_width - 1) - 1) if signed else (0, (1 << kind.bit_width) - 1)
    if bounds is not None:
        low, high = int(bounds[0]), int(bounds[1])
    few = st.integers(max(low, -2), min(high, 3)) if low <= 3 and high >= -2 else st.nothing()
    return st.one_of(few, few, st.sampled_from([low, high]), st.integers(low, high))


def _floats(width: int, bounds: tuple[float, float] | None, *, nan: bool) -> st.SearchStrategy[object]:
    """Return floats: a few that repeat, and any that the width holds exactly."""
    size: Literal[32, 64] = 32 if width <= 32 else 64
    if bounds is not None:
        return st.floats(*bounds, allow_nan=nan, width=size)
    few = [0.0, -0.0, 1.0, 1.5, -2.25] + ([float("nan"), float("inf"), float("-inf")] if nan else [])
    return st.one_of(st.sampled_from(few), st.floats(allow_nan=nan, allow_infinity=nan, width=size))


def cuts(n_rows: int, *, max_blocks: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    """Return ways to cut a table of `n_rows` into blocks: ascending positions, which may repeat, so that blocks may be empty."""
    return st.lists(st.integers(0, n_rows), max_size=max_blocks - 1).map(lambda positions: tuple(sorted(positions)))


@st.composite
def cut_tables(
    draw: st.DrawFn,
    schema: pa.Schema = ANYTHING,
    *,
    max_rows: int = 12,
    nan: bool = True,
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[pa.Table, tuple[int, ...]]:
    """Return tables, each with a way to cut it; see `tables`."""
    table = draw(tables(schema, max_rows=max_rows, nan=nan, bounds=bounds))
    return table, draw(cuts(table.num_rows))
