"""What may be put in place of a missing value."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import DtypeError


def require_holds(name: str, dtype: Any, value: Any, what: str) -> None:
    """Raise DtypeError where a column cannot hold the value."""
    if not holds(dtype, value):
        msg = f"{what} expects a value that column {name!r} of dtype {dtype} can hold, got {value!r}."
        raise DtypeError(msg)


def as_held(value: Any, dtype: Any) -> Any:
    """Return a category, which is text, as a column of its dtype holds it; others as they are."""
    if isinstance(value, str) and dtype.is_integer() and value.removeprefix("-").isdecimal():
        return int(value)
    return value.lower() == "true" if isinstance(value, str) and dtype == nw.Boolean else value


def holds(dtype: Any, value: Any) -> bool:
    """Whether a column of the dtype can hold the value."""
    if isinstance(value, bool):
        return bool(dtype == nw.Boolean)
    if isinstance(value, int):
        return _in_range(dtype, value) if dtype.is_integer() else bool(dtype.is_numeric())
    if isinstance(value, float):
        return bool(dtype.is_float())
    if isinstance(value, str):
        return dtype in (nw.String, nw.Categorical)
    return True


def _in_range(dtype: Any, value: int) -> bool:
    """Whether an integer lies in the range of an integer dtype."""
    n_bits = int(str(dtype).lstrip("UInt"))
    low, high = (0, 1 << n_bits) if dtype.is_unsigned_integer() else (-(1 << n_bits - 1), 1 << n_bits - 1)
    return low <= value < high
