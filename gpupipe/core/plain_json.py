"""Values as strict JSON holds them: NaN and infinities are null, dates ISO 8601."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Set
from typing import Any

from gpupipe.core.secret import masked
from gpupipe.core.visible import escaped_json


def plain(value: Any) -> Any:
    """Return a value as JSON has it; what JSON has no word for becomes text.

    Examples
    --------
    >>> import datetime, pathlib
    >>> plain({"a": float("nan"), "b": (1, datetime.date(2024, 1, 2)), 3: pathlib.Path("x")})
    {'a': None, 'b': [1, '2024-01-02'], '3': 'x'}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | Set):
        return [plain(part) for part in value]
    if callable(getattr(value, "isoformat", None)):
        return value.isoformat()
    for turn in ("tolist", "item"):  # arrays and scalars of NumPy and its like
        if callable(getattr(value, turn, None)):
            return plain(getattr(value, turn)())
    return str(value)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as strict JSON, without its secrets, and with what cannot be seen escaped.

    Examples
    --------
    >>> json_text({"auc": float("inf")})
    '{"auc": null}'
    """
    return escaped_json(json.dumps(plain(masked(value)), allow_nan=False, ensure_ascii=False, indent=indent))
