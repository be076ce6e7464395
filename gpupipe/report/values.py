"""Values of Arrow columns as Python's, those too that Python has none for: a time in the year 20,000 is text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def python_values(scalars: Iterable[Any]) -> list[Any]:
    """Return the values of an Arrow column, or of some of its scalars.

    Examples
    --------
    >>> import pyarrow as pa
    >>> python_values(pa.array([0, 569_000_000_000], pa.timestamp("s")))
    [datetime.datetime(1970, 1, 1, 0, 0), '20000-11-22 03:33:20']
    """
    return [_value(scalar) for scalar in scalars]


def _value(scalar: Any) -> Any:
    """Return one value; where Python has none for it, as Arrow writes it, or else what it is of."""
    import pyarrow as pa  # local: a report that is only read back needs none of it

    try:
        return scalar.as_py()
    except (OverflowError, ValueError):  # beyond the years 1 to 9999, or finer than a microsecond
        try:
            return scalar.cast(pa.string()).as_py()
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            return f"a value of {scalar.type}"
