"""What may be a key: plain values. Lists, arrays and records Polars compares as they are, and Arrow not at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import DtypeError
from gpupipe.core.schema import Schema


def require_plain(schema: Schema, columns: Iterable[str], what: str) -> None:
    """Raise ColumnError for the first of the columns that is not there, DtypeError for one of lists, arrays or records."""
    names = list(columns)
    schema.require(names)
    for name in names:
        dtype = schema[name].dtype
        if not is_plain(dtype):
            taken = f"struct.field({dtype.fields[0].name!r})" if isinstance(dtype, nw.Struct) and dtype.fields else "list.get(0)"
            column = f"nw.col({name!r})" + (".cast(nw.List(...))" if isinstance(dtype, nw.Array) else "")
            msg = f"{what} expects plain values, got {dtype} in column {name!r}. Take out what counts first, as with {column}.{taken}."
            raise DtypeError(msg)


def is_plain(dtype: Any) -> bool:
    """Whether values of the dtype can be compared on every engine."""
    return not isinstance(dtype, nw.List | nw.Array | nw.Struct)
