"""Columns that folders hold: ``key=value`` in a path, as Hive writes partitions."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Sequence
from urllib.parse import unquote

import narwhals.stable.v2 as nw
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.errors import SourceError, listing
from gpupipe.core.files import Place
from gpupipe.core.schema import Field, Schema

MISSING = "__HIVE_DEFAULT_PARTITION__"


def hive_schema(files: Sequence[Place], texts: Collection[str] = ()) -> Schema:
    """Return the columns that the files' folders hold: integers, dates, or else text, by all of their values.

    Parameters
    ----------
    texts
        Columns that are text whatever their values.

    Raises
    ------
    SourceError
        A file lacks a key that another one has.

    Examples
    --------
    >>> hive_schema([Place("/d/year=2020/k=a/x.parquet", root="/d"), Place("/d/year=2021/k=1/x.parquet", root="/d")]).dtypes
    {'year': Int64, 'k': String}
    """
    found = [_keys(file) for file in files]
    names = tuple(found[0]) if found else ()
    for file, keys in zip(files, found, strict=True):
        if tuple(keys) != names:
            first, other = listing(names) or "none", listing(keys) or "none"
            advice = "Move the file, or pass hive=False."
            msg = f"{file}: expected the partition folders {first}, as {files[0]} has, got {other}. {advice}"
            raise SourceError(msg)
    return Schema(tuple((name, _field([keys[name] for keys in found], is_text=name in texts)) for name in names))


def _keys(file: Place) -> dict[str, str]:
    """Return the keys and values of a file's folders."""
    parts = (part.partition("=") for part in file.folders)
    try:
        return {unquote(key, errors="strict"): unquote(value, errors="strict") for key, sign, value in parts if sign and key}
    except UnicodeDecodeError as error:
        msg = f"{file}: expected the folders' keys and values in UTF-8, as with %C3%A9 for é, got {error.object!r}."
        raise SourceError(f"{msg} Rename the folder, or pass hive=False.") from error


def _field(values: Iterable[str], *, is_text: bool) -> Field:
    """Return the dtype of a key's values."""
    known = {value for value in values if value != MISSING}
    return Field(nw.String() if is_text else _dtype(known), nullable=MISSING in set(values))


def _dtype(values: set[str]) -> DType:
    """Return the narrowest dtype of integers, dates and text that takes all the values."""
    if values and all(re.fullmatch(r"-?\d{1,18}", value) for value in values):
        return nw.Int64()
    if values and all(map(_is_date, values)):
        return nw.Date()
    return nw.String()


def _is_date(value: str) -> bool:
    """Whether a value is a date as ISO 8601 writes it."""
    try:
        return re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None and dt.date.fromisoformat(value) is not None
    except ValueError:
        return False
