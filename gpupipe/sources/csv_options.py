"""What the options of `ReadCsv` must be together, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import narwhals.stable.v2 as nw

from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.core.schema import Field, Schema, as_schema
from gpupipe.sources.csv_header import check_header
from gpupipe.sources.csv_values import check_in_text


def checked_schemas(
    schema: Mapping[str, Any] | None,
    dtypes: Mapping[str, Any] | None,
    names: Sequence[str] | None,
    *,
    header: bool,
) -> dict[str, Schema | None]:
    """Return the schema that is `declared`, and the `dtypes` that are given for some columns.

    Raises
    ------
    UsageError
        Both are given, or names and header say different things.
    DtypeError
        A column is declared to hold lists or structs.
    """
    declared, some = None if schema is None else as_schema(schema), as_schema(dtypes or {})
    if declared is not None and dtypes is not None:
        msg = "schema and dtypes are both given: schema lists all columns to be read, dtypes some of those whose dtypes are guessed."
        raise UsageError(f"{msg} Pass one of them.")
    if header and names is not None:
        msg = "names expected header=False, got header=True. Pass header=False, with skip_rows=1 if the header is to be replaced."
        raise UsageError(msg)
    if isinstance(names, str):
        msg = f"names expected several column names, got the one text {names!r}. Pass a list."
        raise UsageError(msg)
    if names is not None:
        check_header(names, "names")
    check_in_text(declared or some)
    return {"declared": declared, "dtypes": some}


def places_of(file_column: str | None, line_column: str | None) -> tuple[Literal["file", "line"], ...]:
    """Return which of a row's file and line are columns.

    Raises
    ------
    UsageError
        Both have one name.
    """
    if file_column is not None and file_column == line_column:
        raise UsageError(f"file_column and line_column expected two names, got {file_column!r} for both.")
    pairs: tuple[tuple[Literal["file", "line"], str | None], ...] = (("file", file_column), ("line", line_column))
    return tuple(place for place, column in pairs if column is not None)


def with_places(schema: Schema, names: Sequence[str], file_column: str | None, line_column: str | None) -> Schema:
    """Return the columns that are read with those of a row's file and line; `names` are all columns of the files.

    Raises
    ------
    ColumnError
        The files have a column of that name.
    """
    added = {name: Field(dtype) for name, dtype in ((file_column, nw.String()), (line_column, nw.Int64())) if name is not None}
    if taken := [name for name in added if name in names]:
        raise ColumnError(
            f"A column for the file or line of each row cannot be called {taken[0]!r}, as a column of the files is. Give it another name."
        )
    return Schema((*schema.items(), *added.items()))
