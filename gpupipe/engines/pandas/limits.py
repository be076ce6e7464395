"""What the ``pandas`` engine cannot do, whose it is, and why."""

from __future__ import annotations

from gpupipe.core.engine import Limit

LIMITS = (
    Limit(
        "NaN in comparisons",
        "upstream",
        "pandas follows IEEE 754, where NaN compares false; Polars orders NaN above every number and equal to itself. "
        "Sources make NaN missing unless told otherwise; where it is kept, test it with is_nan() before comparing.",
    ),
    Limit("% on Arrow columns", "upstream", "pandas has no modulo for Arrow dtypes: write a - a // b * b."),
    Limit("tables larger than memory", "never", "pandas holds every table whole. Use engine cpu, which streams."),
)
