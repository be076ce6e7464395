"""What the options of `ReadCsv` must be together, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.core.schema import Schema, as_schema
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
