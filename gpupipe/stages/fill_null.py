"""Puts a value where one is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class FillNull(RowStage):
    """Puts a value where one is missing; NaN is a number and stays. The columns keep their dtypes.

    Parameters
    ----------
    value
        One value for every column, or a mapping from columns to values.
    columns
        Which columns get the one value; all that can hold it unless given.

    Examples
    --------
    >>> import polars as pl
    >>> FillNull({"a": 0}).apply(pl.DataFrame({"a": [None, 1]})).to_dicts()
    [{'a': 0}, {'a': 1}]
    """

    keeps_rows: ClassVar[bool] = True

    values: tuple[tuple[str, Any], ...]
    everywhere: Any = None

    def __init__(self, value: Any, columns: Sequence[str] | None = None) -> None:
        if value is None:
            msg = "FillNull expects a value to put in place of missing ones, got None."
            raise UsageError(msg)
        pairs = tuple(value.items()) if isinstance(value, Mapping) else tuple((name, value) for name in columns or ())
        settle(self, values=pairs, everywhere=None if pairs or isinstance(value, Mapping) else value)

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for a value that it cannot hold."""
        schemas[0].require(name for name, _ in self.values)
        for name, value in self.values:
            if not _holds(schemas[0][name].dtype, value):
                msg = f"FillNull expects a value that column {name!r} of dtype {schemas[0][name].dtype} can hold, got {value!r}."
                raise DtypeError(msg)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the filled frame."""
        schema = frames[0].collect_schema()
        pairs = self.values
        if self.everywhere is not None:
            pairs = tuple((name, self.everywhere) for name, dtype in schema.items() if _holds(dtype, self.everywhere))
        alike: dict[tuple[Any, str], list[str]] = {}  # by value and dtype, and 1, 1.0 and True are three values
        for name, value in pairs:
            alike.setdefault((schema[name], repr(value)), []).append(name)
        values = dict(pairs)
        filled = [nw.col(names).fill_null(nw.lit(values[names[0]], dtype=dtype)) for (dtype, _), names in alike.items()]
        return frames[0].with_columns(filled) if filled else frames[0]

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that it names."""
        return frozenset(name for name, _ in self.values)

    def not_null(self, names: Sequence[str], *schemas: Schema) -> frozenset[str]:
        """Return the filled columns and those that had no missing value."""
        filled = {name for name, _ in self.values}
        if self.everywhere is not None:
            filled = {name for name, field in schemas[0].items() if _holds(field.dtype, self.everywhere)}
        return schemas[0].not_null | filled


def _holds(dtype: Any, value: Any) -> bool:
    """Whether a column of the dtype can hold the value."""
    if isinstance(value, bool):
        return bool(dtype == nw.Boolean)
    if isinstance(value, int):
        return _in_range(dtype, value) if dtype.is_integer() else bool(dtype.is_numeric())
    if isinstance(value, float):
        return bool(dtype.is_float())
    if isinstance(value, str):
        return bool(dtype == nw.String)
    return True


def _in_range(dtype: Any, value: int) -> bool:
    """Whether an integer lies in the range of an integer dtype."""
    n_bits = int(str(dtype).lstrip("UInt"))
    low, high = (0, 1 << n_bits) if dtype.is_unsigned_integer() else (-(1 << n_bits - 1), 1 << n_bits - 1)
    return low <= value < high
