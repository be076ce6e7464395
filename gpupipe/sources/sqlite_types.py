"""The types of SQLite's columns, which any value may differ from.

The driver takes the types of the first rows for those of all. So the first row that it sees is one of ours, with a value of each wanted
type: it then turns whole numbers into floats and numbers into text where that is wanted, and refuses what it would have to cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.compute as pc
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.errors import SourceError
from gpupipe.core.sql import quoted_part

SAMPLE_ROWS = 1024  # of which the driver takes the types
_MARK, _VIEW = "gpupipe's own row", "gpupipe's own view"
_LITERALS: tuple[tuple[type[DType], str], ...] = ((nw.Int64, "0"), (nw.Float64, "0.5"), (nw.String, "'x'"), (nw.Binary, "x'00'"))
# Rules by SQLite's "Determination Of Column Affinity" (datatype3.html, 3.1); of its rest, what people mean by the names.
_BY_NAME: tuple[tuple[str, type[DType]], ...] = (
    ("INT", nw.Int64),
    ("CHAR|CLOB|TEXT", nw.String),
    ("BLOB", nw.Binary),
    ("REAL|FLOA|DOUB", nw.Float64),
    ("DATE|TIME", nw.String),
    ("BOOL", nw.Int64),
    (".", nw.Float64),
)


def declared_types(cursor: Any, query: str) -> dict[str, str]:
    """Return what the tables behind a query declare of its columns; nothing of an expression."""
    cursor.execute(f"CREATE TEMP VIEW {quoted_part(_VIEW)} AS {query}")
    cursor.execute(f"PRAGMA table_info({quoted_part(_VIEW)})")
    rows = cursor.fetch_arrow_table()
    return dict(zip(rows["name"].to_pylist(), rows["type"].to_pylist(), strict=True))


def dtype_of_type(declared: str) -> DType:
    """Return the dtype of a column of nothing but nulls, by what its table declares.

    Examples
    --------
    >>> [str(dtype_of_type(name)) for name in ("VARCHAR(9)", "timestamp", "decimal(9, 2)", "")]
    ['String', 'String', 'Float64', 'Int64']
    """
    return next((dtype() for pattern, dtype in _BY_NAME if re.search(pattern, declared.upper())), nw.Int64())


def stored_dtype(found: DType, declared: DType) -> DType:
    """Return as what a column is handed over, given its first rows' dtype and the one that is declared for it."""
    if isinstance(declared, (nw.String, nw.Categorical)):
        return nw.String()
    if isinstance(found, nw.Binary) and not isinstance(declared, nw.Binary):  # what SQLite says of a column without a type, too
        found = nw.Int64() if declared.is_numeric() or isinstance(declared, nw.Boolean) else nw.String()
    return nw.Float64() if isinstance(found, nw.Int64) and (declared.is_float() or declared.is_decimal()) else found


def typed_query(query: str, columns: Mapping[str, DType]) -> str:
    """Return a query for some columns of another one's rows, of which the first is none of its own; see `without_first_row`."""
    literals = (next(literal for dtype, literal in _LITERALS if isinstance(wanted, dtype)) for wanted in columns.values())
    names = [quoted_part(name) for name in columns]
    first = ", ".join(f"{literal} AS {name}" for literal, name in zip(literals, names, strict=True))
    rest = ", ".join(names)
    mark = quoted_part(_MARK)
    return f"SELECT {first}, 1 AS {mark} UNION ALL SELECT {rest}, 0 FROM ({query}\n) AS q"  # noqa: S608 - the query is the user's own


def without_first_row(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a typed query that are the other query's."""
    for batch in batches:
        yield batch.filter(pc.equal(batch[_MARK], 0)).drop_columns(_MARK)


@contextmanager
def type_errors(origin: str, names: Sequence[str]) -> Iterator[None]:
    """Turn the driver's error about a value of another type into one that names the column and what to declare."""
    try:
        yield
    except OSError as error:
        found = re.search(r"Type mismatch in column (\d+): expected (\S+) but got (\S+)", str(error))
        if found is None or not int(found[1]) < len(names):
            raise
        name, instead = names[int(found[1])], "Float64" if found[3] == "DOUBLE" else "String"
        msg = f"{origin}, column {name!r}: expected {found[2]}, as the first rows have, got {found[3]} in a later one."
        raise SourceError(f"{msg} Declare {instead} for it in the schema.") from error
