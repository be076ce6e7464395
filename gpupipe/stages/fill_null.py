"""Puts a value where one is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, RowStage
from gpupipe.stages._fills import holds, require_holds

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

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the filled columns and those that had no missing value.

        Raise ColumnError for a column that is not there, DtypeError for a value that it cannot hold.
        """
        schemas[0].require(name for name, _ in self.values)
        for name, value in self.values:
            require_holds(name, schemas[0][name].dtype, value, "FillNull")
        filled = {name for name, _ in self.values}
        if self.everywhere is not None:
            filled = {name for name, field in schemas[0].items() if holds(field.dtype, self.everywhere)}
        return Outcome(not_null=schemas[0].not_null | filled)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the filled frame."""
        schema = frames[0].collect_schema()
        pairs = self.values
        if self.everywhere is not None:
            pairs = tuple((name, self.everywhere) for name, dtype in schema.items() if holds(dtype, self.everywhere))
        alike: dict[tuple[Any, str], list[str]] = {}  # by value and dtype, and 1, 1.0 and True are three values
        for name, value in pairs:
            alike.setdefault((schema[name], repr(value)), []).append(name)
        values = dict(pairs)
        filled = [nw.col(names).fill_null(nw.lit(values[names[0]], dtype=dtype)) for (dtype, _), names in alike.items()]
        return frames[0].with_columns(filled) if filled else frames[0]

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that it names."""
        return frozenset(name for name, _ in self.values)
