"""Changes the dtype of columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.casts import cast_checked, cast_plain, instead_of, is_checked, steps
from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema, as_dtype
from gpupipe.core.stage import RowStage

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class Cast(RowStage):
    """Changes the dtype of columns: a mapping from names to dtypes, or one dtype for some or all columns.

    A value that the new dtype cannot hold is an error, never a missing value: so is a float that is not whole, where whole numbers are
    wanted. Floats alone are rounded: in Float32, what is too large is infinite. A cast that libraries do in different ways is refused.

    Examples
    --------
    >>> import polars as pl
    >>> Cast({"a": nw.Float32}).apply(pl.DataFrame({"a": [1]})).schema["a"]
    Float32
    """

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True

    dtypes: tuple[tuple[str, Any], ...]
    everything: Any = None

    def __init__(self, dtypes: Any, columns: Sequence[str] | None = None) -> None:
        if isinstance(dtypes, Mapping):
            if columns is not None:
                msg = "Cast expects a mapping alone, or one dtype with columns, got both."
                raise UsageError(msg)
            pairs = tuple((name, as_dtype(dtype)) for name, dtype in dtypes.items())
            settle(self, dtypes=pairs)
            return
        dtype = as_dtype(dtypes)
        settle(self, dtypes=tuple((name, dtype) for name in columns or ()), everything=dtype if columns is None else None)

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for a cast that libraries do in different ways."""
        schemas[0].require(name for name, _ in self.dtypes)
        for name, wanted in self._wanted(schemas[0]):
            source = schemas[0][name].dtype
            instead = instead_of(name, source, wanted)
            if instead is not None:
                raise DtypeError(f"Cast makes no {wanted} of {source}, which column {name!r} is. {instead}.")

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the new dtypes."""
        schema = frames[0].collect_schema()
        alike: dict[tuple[Any, ...], list[str]] = {}
        made = []
        for name, wanted in self._wanted(schema):
            if is_checked(schema[name], wanted):
                made.append(cast_checked(name, schema[name], wanted))
            else:
                alike.setdefault(steps(schema[name], wanted), []).append(name)
        return frames[0].with_columns([*(cast_plain(names, dtypes) for dtypes, names in alike.items()), *made])

    def _wanted(self, names: Iterable[str]) -> Sequence[tuple[str, Any]]:
        """Return the columns to cast, and to what, given the names of all."""
        return self.dtypes if self.everything is None else [(name, self.everything) for name in names]

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that it names."""
        return frozenset(name for name, _ in self.dtypes)
