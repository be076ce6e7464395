"""Random tables of all that may stand in a column, and how DuckDB sees them.

Numbers are small multiples of a quarter, so that sums are exact in whatever order they are taken, beside NaN, infinity and the ends of
their types. Times are whole numbers of their unit in DuckDB, as they are when answers are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from math import inf, nan
from random import Random
from typing import Any

import pyarrow as pa

_CLOCK = [datetime(2024, 3, 31, 0, 30), datetime(2024, 3, 31, 1, 30), datetime(2024, 10, 27, 0, 30), datetime(2024, 10, 27, 1, 30)]
_CLOCK += [datetime(2024, 2, 29, 12), datetime(2024, 12, 30), datetime(1969, 12, 31, 23, 59, 59), datetime(2024, 3, 31, 0, 30, 0, 1000)]
_QUARTERS = [-1.5, -0.25, 0.0, 0.5, 1.25, 3.0]
POOLS: Mapping[str, tuple[pa.DataType, Sequence[Any]]] = {
    "int": (pa.int64(), [-2, -1, 0, 1, 2, 3]),
    "tiny": (pa.int8(), [-128, -1, 0, 1, 2, 127]),
    "unsigned": (pa.uint32(), [0, 1, 2, 3, 2**32 - 1]),
    "big": (pa.uint64(), [0, 1, 2**63, 2**64 - 1]),
    "long": (pa.int64(), [-(2**53) - 1, 0, 2**53 + 1, 1]),
    "float": (pa.float64(), [*_QUARTERS, *_QUARTERS, *_QUARTERS, nan, inf]),
    "finite": (pa.float64(), _QUARTERS),
    "single": (pa.float32(), [*_QUARTERS, *_QUARTERS, nan]),
    "text": (pa.large_string(), ["", "a", "b", "A", "é", "e\u0301", "ß", "日本", "🦆", "a b", "10", "9"]),
    "words": (pa.dictionary(pa.int32(), pa.string()), ["b", "a", "é", ""]),
    "bool": (pa.bool_(), [True, False]),
    "date": (pa.date32(), [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2023, 12, 31), date(1969, 12, 31)]),
    "ms": (pa.timestamp("ms"), _CLOCK),
    "us": (pa.timestamp("us"), _CLOCK),
    "zoned": (pa.timestamp("us", "Europe/Berlin"), [at.replace(tzinfo=UTC) for at in _CLOCK]),
    "money": (pa.decimal128(15, 2), [Decimal(text) for text in ("-0.07", "0.00", "0.05", "1.10", "19.99")]),
}
KEYS = ("int", "text", "text", "bool", "date", "money", "big", "long", "float", "words", "us", "zoned")
NUMBERS = ("int", "tiny", "unsigned", "float", "single", "int", "float")
POINTS = ("int", "tiny", "unsigned", "date", "ms", "us", "zoned")
ANY = tuple(POOLS)


def random_table(dice: Random, kinds: Mapping[str, str], *, most: int = 14) -> pa.Table:
    """Return a table with columns of some kinds: no rows, one or some; missing values in none, few, most or all of a column."""
    n_rows = dice.choice([0, 1, 2, 5, 9, most, most])
    columns = {}
    for name, kind in kinds.items():
        dtype, pool = POOLS[kind]
        few = dice.sample(pool, min(len(pool), dice.choice([1, 2, 3, 6])))
        gone = dice.choice([0, 0, 0.15, 0.3, 0.3, 1 if dice.random() < 0.2 else 0.1])
        columns[name] = pa.array([None if dice.random() < gone else dice.choice(few) for _ in range(n_rows)], dtype, from_pandas=False)
    return pa.table(columns)


def as_numbers(table: pa.Table) -> pa.Table:
    """Return a table as DuckDB is to see it: times as whole numbers of their unit, dictionaries as what they stand for."""
    made = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pa.types.is_dictionary(kind):
            made[name] = column.cast(pa.large_string())
        elif pa.types.is_temporal(kind):
            made[name] = column.cast(_whole(kind))
        elif pa.types.is_large_list(kind) and pa.types.is_temporal(kind.value_type):
            made[name] = column.cast(pa.large_list(_whole(kind.value_type)))
        else:
            made[name] = column
    return pa.table(made)


def _whole(kind: pa.DataType) -> pa.DataType:
    return pa.int64() if kind.bit_width == 64 else pa.int32()


def in_microseconds(kind: str, name: str) -> str:
    """Return a column of time in SQL as microseconds, of whole numbers as it is."""
    factor = {"date": 86_400_000_000, "ms": 1000}.get(kind, 1)
    return f"({name}::BIGINT * {factor})"


def is_time(kind: str) -> bool:
    """Whether a kind is of points in time."""
    return kind in ("date", "ms", "us", "zoned")
