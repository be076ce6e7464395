"""Columns that a model makes of a table must not take the place of the table's own."""

from __future__ import annotations

from gpupipe.core.engine import ArrayMap
from gpupipe.core.errors import ColumnError, listing
from gpupipe.core.schema import Schema


def require_new(mapped: ArrayMap, schema: Schema, name: str) -> None:
    """Raise ColumnError where a table has a column already that `name` would make."""
    twice = [made for made, _ in mapped.outputs if made in schema and made not in mapped.drop]
    if twice:
        msg = (
            f"{name} makes the column {listing(twice)}, and the table has one already. Rename that first, as with "
            f"gp.Rename({twice[0]}={f'{twice[0]}_before'!r}), or drop it."
        )
        raise ColumnError(msg)
