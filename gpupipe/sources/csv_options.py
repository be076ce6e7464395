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
    ragged: str,
    quarantine: object,
    *,
    header: bool,
) -> tuple[Schema | None, Schema]:
    """Return the declared schema, and the dtypes that are given for some columns.

    Raises
    ------
    UsageError
        Both are given, or names and header, or ragged and quarantine, say different things.
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
    _check_quarantine(ragged, quarantine)
    return declared, some


def _check_quarantine(ragged: str, quarantine: object) -> None:
    """Raise UsageError where rows are to be put aside and nobody says where, or the other way round."""
    if ragged == "quarantine" and quarantine is None:
        msg = "ragged='quarantine' puts rows that do not fit into Parquet files, and expected a folder for them, got none."
        raise UsageError(f"{msg} Pass quarantine='some/folder'.")
    if ragged != "quarantine" and quarantine is not None:
        raise UsageError(f"quarantine expected ragged='quarantine', got ragged={ragged!r}. Pass both, or neither.")
