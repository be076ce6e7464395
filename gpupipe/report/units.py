"""How a quantity reads: bytes, seconds, rows and plain numbers, the same on every page and in the terminal.

Bytes are decimal (1 kB is 1,000 bytes), as disks, networks and Polars count them. What is not known shows as an en dash.
"""

from __future__ import annotations

import math

UNKNOWN = "–"


def bytes_text(n_bytes: float | None) -> str:
    """Return a number of bytes with its unit.

    Examples
    --------
    >>> [bytes_text(n) for n in (0, 999, 12_400_000, 999_960, 3_100_000_000_000, None)]
    ['0 B', '999 B', '12.4 MB', '1.0 MB', '3.1 TB', '–']
    """
    if n_bytes is None or not math.isfinite(n_bytes):
        return UNKNOWN
    if abs(n_bytes) < 1000:
        return f"{n_bytes:.0f} B"
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        n_bytes /= 1000
        if abs(n_bytes) < 999.95 or unit == "PB":
            break
    return f"{n_bytes:.0f} {unit}" if abs(n_bytes) >= 99.95 else f"{n_bytes:.1f} {unit}"


def seconds_text(seconds: float | None) -> str:
    """Return a duration, in the unit a person would choose.

    Examples
    --------
    >>> [seconds_text(s) for s in (0, 0.00034, 0.34, 1.2, 59.96, 125, 3840)]
    ['0 s', '340 µs', '340 ms', '1.2 s', '1 min 00 s', '2 min 05 s', '1 h 04 min']
    >>> seconds_text(None)
    '–'
    """
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 0.0000005:
        return "0 s"
    if seconds < 0.0009995:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.0f} ms" if seconds >= 0.00995 else f"{seconds * 1e3:.1f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    if seconds < 3599.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes:02d} min"


def rows_text(n_rows: int | None) -> str:
    """Return a count with its thousands set apart.

    Examples
    --------
    >>> rows_text(1_000_000), rows_text(None)
    ('1,000,000', '–')
    """
    return UNKNOWN if n_rows is None else f"{n_rows:,}"


def plural(count: int, word: str) -> str:
    """Return a count and its noun, in the plural unless there is one.

    Examples
    --------
    >>> plural(1, "row"), plural(11_951, "row"), plural(2, "stretch")
    ('1 row', '11,951 rows', '2 stretches')
    """
    ending = "" if count == 1 else "es" if word.endswith(("ch", "s", "x")) else "s"
    return f"{count:,} {word}{ending}"


def number_text(value: object) -> str:
    """Return a scalar as a person would write it: at most four decimals, thousands set apart.

    Examples
    --------
    >>> [number_text(value) for value in (804, 0.871_234, 12_345.678, 0.000_012_3, float("nan"), True, None, "a")]
    ['804', '0.8712', '12,345.7', '1.23e-05', 'NaN', 'true', 'null', 'a']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = abs(value)
    if size >= 1e15 or 0 < size < 0.0001:
        return f"{value:.3g}"
    return f"{value:,.4f}" if size < 100 else f"{value:,.1f}"


def share_text(part: float, whole: float) -> str:
    """Return a part of a whole in per cent.

    Examples
    --------
    >>> share_text(1, 3), share_text(1, 1000), share_text(1, 0)
    ('33 %', '< 1 %', '–')
    """
    if whole <= 0:
        return UNKNOWN
    percent = 100 * part / whole
    return "< 1 %" if 0 < percent < 1 else f"{percent:.0f} %"
