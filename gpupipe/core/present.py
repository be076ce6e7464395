"""Keys of rows before they are numbered: categories as text, none of them missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import StageError


def text_of(dtype: Any) -> Any:
    """Return the dtype that a key of this one has in results: text for categories.

    Examples
    --------
    >>> text_of(nw.Categorical()), text_of(nw.Int32())
    (String, Int32)
    """
    return nw.String() if isinstance(dtype, nw.Categorical) else dtype


def as_text(frame: nw.DataFrame[Any], columns: Iterable[str]) -> nw.DataFrame[Any]:
    """Return a frame with categories in some columns as text; itself where there are none."""
    categories = [name for name in dict.fromkeys(columns) if isinstance(frame.schema[name], nw.Categorical)]
    return frame.with_columns(nw.col(categories).cast(nw.String)) if categories else frame


def require_present(frame: nw.DataFrame[Any], columns: Iterable[str], stage: str, what: str) -> None:
    """Raise StageError for the first of some columns in which a value is missing; `what` says what stands in a row."""
    for name in dict.fromkeys(columns):
        if missing := int(frame[name].null_count()):
            msg = f"{stage} expects {what} in every row of {name!r}, got {missing} missing. Fill them, or drop those rows."
            raise StageError(msg)
