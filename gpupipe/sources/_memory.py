"""What sources in memory share: how an Arrow table is planned and handed over."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from gpupipe.core.arrow import plain_table, schema_of
from gpupipe.core.ends import Reading
from gpupipe.core.errors import ColumnError, listing
from gpupipe.core.schema import Field, Schema, repeated

_BATCH_ROWS = 1 << 17


def table_schema(table: pa.Table, *, nan_as_null: bool) -> Schema:
    """Return the planned schema of a table; columns without a missing value are not null.

    Raises
    ------
    ColumnError
        A name is there more than once.

    Examples
    --------
    >>> table_schema(pa.table({"a": [1, None], "b": ["x", "y"]}), nan_as_null=True).not_null
    frozenset({'b'})
    """
    check_distinct(table.column_names)
    columns = []
    for (name, field), column in zip(schema_of(table.schema).items(), table.columns, strict=True):
        may_be_nan = nan_as_null and field.dtype.is_float()
        is_missing = column.null_count > 0
        columns.append((name, Field(field.dtype, may_be_nan or is_missing, is_missing)))
    return Schema(tuple(columns))


def check_distinct(names: Sequence[str]) -> None:
    """Raise ColumnError where a name is there more than once.

    Examples
    --------
    >>> check_distinct(["a", "b", "a"])
    Traceback (most recent call last):
    gpupipe.core.errors.ColumnError: Expected every column once, got 'a' more than once. Rename one of them.
    """
    if twice := repeated(names):
        msg = f"Expected every column once, got {listing(twice)} more than once. Rename one of them."
        raise ColumnError(msg)


def table_batches(table: pa.Table, reading: Reading) -> pa.RecordBatchReader:
    """Return some columns of a table as batches in plain types."""
    return plain_table(table.select(list(reading.columns))).to_reader(_BATCH_ROWS)
