"""The columns of several files: all must have the same ones, and those that are declared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.core.arrow import plain_type
from gpupipe.core.casts import instead_of
from gpupipe.core.errors import ColumnError, DtypeError, SourceError, listing, nearest
from gpupipe.core.files import Place
from gpupipe.core.schema import Schema, repeated


def agreed_schema(found: Sequence[Place], schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Return the one schema of all files, in the first one's order; a column is required where it is in all of them.

    Raises
    ------
    SourceError
        A file names a column twice, or two differ in names or types; types that are read alike are the same.
    """
    first = schemas[0]
    twice = repeated(first.names)
    if twice:
        advice = "Write the file again with distinct names."
        msg = f"{found[0]}: expected every column once, got {listing(twice)} more than once. {advice}"
        raise SourceError(msg)
    for file, schema in zip(found[1:], schemas[1:], strict=True):
        _check_same(file, schema, found[0], first)
    others = [schema for schema in schemas[1:] if not schema.equals(first)]
    if not others:
        return first
    required = [not field.nullable and all(not schema.field(field.name).nullable for schema in others) for field in first]
    return pa.schema([field.with_nullable(not sure) for field, sure in zip(first, required, strict=True)])


def _check_same(file: Place, schema: pa.Schema, first_file: Place, first: pa.Schema) -> None:
    """Raise SourceError where a file has other columns than the first one."""
    if sorted(schema.names) != sorted(first.names):
        missing = [name for name in first.names if name not in schema.names]
        extra = [name for name in schema.names if name not in first.names]
        what = f"lacks {listing(missing)}" if missing else f"also has {listing(extra)}"
        msg = f"{file}: expected the columns of {first_file}, but this file {what}. Read the two kinds of files as two sources."
        raise SourceError(msg)
    if schema.equals(first):
        return
    for field in first:
        other = schema.field(field.name).type
        if other != field.type and _read_as(other) != _read_as(field.type):
            msg = (
                f"{file}, column {field.name!r}: expected {field.type}, as in {first_file}, got {other}. "
                "Write the file again with that type, or read the files as two sources and cast one."
            )
            raise SourceError(msg)


def are_alike(schemas: Sequence[pa.Schema], names: Iterable[str]) -> bool:
    """Return whether all files write some columns in the same Arrow types, not only in such as are read alike."""
    first = schemas[0]
    others = [schema for schema in schemas[1:] if not schema.equals(first)]
    return not others or all(schema.field(name).type == first.field(name).type for name in names for schema in others)


def check_declared(declared: Schema, found: Schema, where: str) -> None:
    """Raise DtypeError where a column is declared to be of a dtype that its values do not become without being cut or misread.

    Examples
    --------
    >>> import narwhals.stable.v2 as nw
    >>> check_declared(Schema.of_names({"t": nw.Time()}), Schema.of_names({"t": nw.Datetime("us")}), "a.parquet")
    Traceback (most recent call last):
    gpupipe.core.errors.DtypeError: a.parquet, column 't': expected a dtype that holds Datetime(...), got Time. ...
    """
    for name, field in declared.items():
        there = found[name].dtype if name in found else None
        if there is None or there == field.dtype or isinstance(there, nw.String):
            continue
        part = isinstance(there, nw.Datetime) and isinstance(field.dtype, nw.Time)
        if part or there.is_nested() != field.dtype.is_nested() or instead_of(name, there, field.dtype) is not None:
            msg = f"{where}, column {name!r}: expected a dtype that holds {there}, got {field.dtype}."
            raise DtypeError(f"{msg} Declare {there}, and make the other of it in a stage.")


def _read_as(kind: pa.DataType) -> pa.DataType | None:
    """Return the plain type that a type is read as; None where there is none."""
    try:
        return plain_type(kind)
    except DtypeError:
        return None


def require_columns(declared: Iterable[str], names: Sequence[str], where: str) -> None:
    """Raise ColumnError for the first declared column that is not among the names there are.

    Examples
    --------
    >>> require_columns(["loan_idd"], ["loan_id", "upb"], "a.csv")
    Traceback (most recent call last):
    gpupipe.core.errors.ColumnError: a.csv: there is no column 'loan_idd'. Did you mean 'loan_id'? It has 'loan_id', 'upb'.
    >>> require_columns(["upb"], ["loan_id;upb"], "a.csv")
    Traceback (most recent call last):
    gpupipe.core.errors.ColumnError: a.csv: there is no column 'upb'. Its one column is called 'loan_id;upb': pass separator=';'.
    """
    known = frozenset(names)
    for name in declared:
        if name not in known:
            told = f"{nearest(name, names)} It has {listing(names)}."
            if len(names) == 1 and (sign := next((one for one in ";\t|," if name in names[0].split(one)), None)) is not None:
                told = f" Its one column is called {names[0]!r}: pass separator={sign!r}."
            raise ColumnError(f"{where}: there is no column {name!r}.{told}")
