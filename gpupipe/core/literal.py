"""Numbers that stages conclude, as they stand in the expressions of later ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.arrow import schema_of
from gpupipe.core.errors import WiringError, listing


@dataclass(frozen=True)
class Literal:
    """A number that a stage concluded, with the dtype that it has in expressions."""

    value: Any
    dtype: Any

    @classmethod
    def of(cls, value: Any, results: Sequence[Any]) -> Literal:
        """Return the number; where it is one column of what was measured, in that column's dtype."""
        (table,) = results if len(results) == 1 else (None,)
        fields = list(schema_of(table.schema).dtypes.values()) if table is not None and table.num_rows == 1 else []
        return cls(value, fields[0] if len(fields) == 1 else nw.Float64())

    def expression(self) -> nw.Expr:
        """Return it as an expression."""
        value = self.value
        if isinstance(value, Mapping) and len(value) == 1:
            (value,) = value.values()
        if isinstance(value, Mapping):
            msg = f"Expected one number in an expression, got several: {listing(self.value)}. Make one Scalar for each number."
            raise WiringError(msg)
        return nw.lit(value, dtype=self.dtype)
