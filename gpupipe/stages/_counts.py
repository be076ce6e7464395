"""What may be a number of rows."""

from __future__ import annotations

from typing import Any

from gpupipe.core.errors import UsageError


def require_count(value: Any, what: str) -> None:
    """Raise UsageError where the value is no number of rows."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        msg = f"{what} expects a number of rows from 0 on, got {value!r}."
        raise UsageError(msg)
