"""Schemas: the names, dtypes and nullability that a stage promises and every engine delivers.

The dtypes are narwhals' own (``nw.Int64``, ``nw.Date`` ...). A column that is not nullable holds no missing value; that is known of a
column only where a source declares it or a stage proves it, and is checked where it is declared.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as field_of
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import narwhals.stable.v2 as nw
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.errors import ColumnError, DtypeError, UsageError, listing, nearest

_REFUSED = (nw.Enum, nw.Int128, nw.UInt128)
# What Python and other libraries call a dtype.
_OTHERWISE = {
    **dict.fromkeys(("int", "int64", "i64", "integer", "bigint"), "Int64"),
    **dict.fromkeys(("float", "float64", "f64", "double"), "Float64"),
    **dict.fromkeys(("str", "string", "text", "object", "utf8", "Utf8"), "String"),
    **dict.fromkeys(("bool", "boolean"), "Boolean"),
    **dict.fromkeys(("datetime", "timestamp"), "Datetime"),
    "date": "Date",
}


def repeated(names: Sequence[str]) -> list[str]:
    """Return the names that are there more than once.

    Examples
    --------
    >>> repeated(["b", "a", "c", "b"])
    ['b']
    """
    return [] if len(set(names)) == len(names) else sorted(name for name, count in Counter(names).items() if count > 1)


@dataclass(frozen=True)
class Field:
    """A column's dtype, and whether it may hold missing values.

    Parameters
    ----------
    seen_missing
        Whether a source has seen missing values in it, as far as the stages since have not looked at the column.
    """

    dtype: DType
    nullable: bool = True
    seen_missing: bool = field_of(default=False, compare=False)

    def __str__(self) -> str:
        return f"{self.dtype}" if self.nullable else f"{self.dtype} not null"


@dataclass(frozen=True)
class Schema(Mapping[str, Field]):
    """The columns of a table, in order."""

    columns: tuple[tuple[str, Field], ...]

    def __post_init__(self) -> None:
        names = [name for name, _ in self.columns]
        if twice := repeated(names):
            msg = f"Expected every column once, got {listing(twice)} more than once. Rename one of them."
            raise ColumnError(msg)
        if "" in names:
            msg = "Expected a name for every column, got one that is ''. Rename it, or leave the column out."
            raise ColumnError(msg)
        object.__setattr__(self, "_fields", dict(self.columns))
        object.__setattr__(self, "_hash", hash(tuple(names)))  # plans look tables of few schemas up over and over

    def __hash__(self) -> int:
        known: int = self.__dict__["_hash"]
        return known

    def __getitem__(self, name: str) -> Field:
        fields: dict[str, Field] = self.__dict__["_fields"]
        return fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__["_fields"])

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def dtypes(self) -> dict[str, DType]:
        """The dtype of each column."""
        return {name: field.dtype for name, field in self.columns}

    @property
    def not_null(self) -> frozenset[str]:
        """The columns without missing values."""
        return frozenset(name for name, field in self.columns if not field.nullable)

    @classmethod
    def of_names(cls, dtypes: Mapping[str, DType]) -> Schema:
        """Return the schema of a frame's own dtypes, every column nullable."""
        return cls(tuple((name, Field(dtype)) for name, dtype in dtypes.items()))

    def with_missing(self, names: frozenset[str]) -> Schema:
        """Return the schema with some columns known to hold missing values."""
        marked = ((name, replace(known, seen_missing=True) if name in names else known) for name, known in self.columns)
        return Schema(tuple(marked)) if names else self

    def without_missing(self, names: Collection[str]) -> Schema:
        """Return the schema with some columns as if they held no missing values."""
        return Schema(tuple((name, replace(field, nullable=False) if name in names else field) for name, field in self.columns))

    def require_known(self) -> None:
        """Raise DtypeError for the first column of a dtype that not every engine has, or not with the same order."""
        for name, field in self.columns:
            if isinstance(field.dtype, _REFUSED):
                instead = "Categorical or String" if isinstance(field.dtype, nw.Enum) else "Int64 or Float64"
                raise DtypeError(f"Column {name!r} is {field.dtype}, which not every engine has. Cast it to {instead}.")

    def require(self, columns: Iterable[str]) -> None:
        """Raise ColumnError for the first of the columns that is not there, naming the nearest one."""
        for name in columns:
            if name not in self:
                raise ColumnError.of(name, self)

    def require_numeric(self, columns: Iterable[str], what: str) -> None:
        """Raise DtypeError for the first of the columns that is neither a number nor a boolean; `what` says who asks."""
        columns = list(columns)
        self.require(columns)
        for name in columns:
            dtype = self[name].dtype
            if not (dtype.is_numeric() or dtype == nw.Boolean):
                mended = (
                    f"Encode it first, as with gp.EncodeCategory({name!r})"
                    if isinstance(dtype, nw.String | nw.Categorical)
                    else "Cast it first"
                )
                msg = f"{what} expects numbers, got {dtype} in column {name!r}. {mended}, or leave it out."
                raise DtypeError(msg)

    def as_json(self) -> list[list[Any]]:
        """Return ``[[name, dtype, nullable], ...]``, as the plan and the report hold it."""
        return [[name, str(field.dtype), field.nullable] for name, field in self.columns]


def as_dtype(value: Any) -> DType:
    """Return the dtype instance of a narwhals dtype class or instance.

    Examples
    --------
    >>> as_dtype(nw.Int64)
    Int64
    """
    if isinstance(value, DType):
        _check_zone(value)
        return value
    if inspect.isclass(value) and issubclass(value, DType):
        made: DType = value()
        return made
    meant = _OTHERWISE.get(value if isinstance(value, str) else getattr(value, "__name__", ""))
    near = f" Did you mean nw.{meant}?" if meant else ""
    msg = f"Expected a narwhals dtype such as nw.Int64 or nw.String, got {value!r}.{near}"
    raise UsageError(msg)


def _check_zone(dtype: DType) -> None:
    """Raise UsageError where a dtype has a time zone that nobody knows."""
    zone = dtype.time_zone if isinstance(dtype, nw.Datetime) else None
    if zone is None:
        return
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError) as error:  # no such file, a folder, no path
        known = available_timezones()
        if not known:  # a system without a list of them; Polars has its own
            return
        msg = f"There is no time zone {zone!r}.{nearest(zone, known)} Zones are named as in 'UTC' or 'Europe/Berlin'."
        raise UsageError(msg) from error


def as_schema(columns: Mapping[str, Any] | Schema) -> Schema:
    """Return the schema of a mapping from names to dtypes or fields.

    Examples
    --------
    >>> as_schema({"a": nw.Int64, "b": Field(nw.String(), nullable=False)}).not_null
    frozenset({'b'})
    """
    if isinstance(columns, Schema):
        return columns
    fields = {name: value if isinstance(value, Field) else Field(value) for name, value in columns.items()}
    made = Schema(tuple((name, Field(as_dtype(field.dtype), field.nullable)) for name, field in fields.items()))
    made.require_known()
    return made
