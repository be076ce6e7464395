"""Changes the dtype of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.core.schema import Schema, as_dtype
from gpupipe.core.stage import RowStage

if TYPE_CHECKING:
    from gpupipe.core.engine import Verbs


@dataclass(frozen=True, init=False)
class Cast(RowStage):
    """Changes the dtype of columns: a mapping from names to dtypes, or one dtype for some or all columns.

    A value that the new dtype cannot hold is an error, never a missing value.

    Examples
    --------
    >>> import polars as pl
    >>> Cast({"a": nw.Float32}).apply(pl.DataFrame({"a": [1]})).schema["a"]
    Float32
    """

    dtypes: tuple[tuple[str, Any], ...]
    everything: Any = None

    def __init__(self, dtypes: Any, columns: Sequence[str] | None = None) -> None:
        if isinstance(dtypes, Mapping):
            if columns is not None:
                msg = "Cast expects a mapping alone, or one dtype with columns, got both."
                raise UsageError(msg)
            pairs = tuple((name, as_dtype(dtype)) for name, dtype in dtypes.items())
            object.__setattr__(self, "dtypes", pairs)
            return
        dtype = as_dtype(dtypes)
        object.__setattr__(self, "dtypes", tuple((name, dtype) for name in columns or ()))
        object.__setattr__(self, "everything", dtype if columns is None else None)

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there."""
        schemas[0].require(name for name, _ in self.dtypes)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the new dtypes."""
        if self.everything is not None:
            return frames[0].with_columns(nw.all().cast(self.everything))
        alike: dict[Any, list[str]] = {}
        for name, dtype in self.dtypes:
            alike.setdefault(dtype, []).append(name)
        return frames[0].with_columns([nw.col(names).cast(dtype) for dtype, names in alike.items()])

    def same_rows(self) -> bool:
        """Whether as many rows come out: they do."""
        return True

    def not_null(self, names: Sequence[str], *schemas: Schema) -> frozenset[str]:
        """Return the columns that had no missing value: a cast that fails raises."""
        return schemas[0].not_null
