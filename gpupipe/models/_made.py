"""Columns that a model makes of a table: their names, and that they do not take the place of the table's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupipe.core.errors import ColumnError, listing
from gpupipe.core.schema import Schema
from gpupipe.core.verbs import ArrayMap


def require_new(mapped: ArrayMap, schema: Schema, name: str) -> None:
    """Raise ColumnError where a table has a column already that `name` would make."""
    twice = [made for made, _ in mapped.outputs if made in schema and made not in mapped.drop]
    if twice:
        msg = (
            f"{name} makes the column {listing(twice)}, and the table has one already. Rename that first, as with "
            f"gp.Rename({twice[0]}={f'{twice[0]}_before'!r}), or drop it."
        )
        raise ColumnError(msg)


def outputs_of(model: Any, sketched: Any, features: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a transformer's columns, as it names them itself where it can; what the estimator that was given has counts."""
    if sketched.task not in ("transformer", "clusterer") or "transform" not in sketched.methods:
        return ()
    try:
        return tuple(str(name) for name in model.get_feature_names_out(list(features)))
    except (AttributeError, ValueError):  # transformers without names of their own, or that were not told the features'
        width = model.transform(np.zeros((1, len(features)))).shape[1]
        return tuple(f"{sketched.estimator.lower()}{number}" for number in range(width))


def dense(made: Any) -> Any:
    """Return an array that is kept sparse with all its zeros."""
    return made.toarray() if hasattr(made, "toarray") else made
