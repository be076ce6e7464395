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
    Limit(
        "NaN in min, max and median",
        "upstream",
        "Of a key whose values are all NaN, pandas makes the least or greatest number, and a median that depends on the row order; "
        "Polars makes NaN. Where NaN is kept, drop those rows by is_nan() before the group-by.",
    ),
    Limit(
        "0.0 and -0.0 as keys",
        "upstream",
        "Arrow keeps both apart, so pandas has two keys and Polars one. Add 0.0 to the column first.",
    ),
    Limit(
        "square roots of NaN and of negative numbers",
        "upstream",
        "narwhals makes them missing on pandas; on Polars they are NaN. Tell NaN and negative numbers apart before.",
    ),
    Limit(
        "typed missing literals",
        "upstream",
        "narwhals cannot make nw.lit(None, dtype=...) with Arrow dtypes. Use nw.when(condition).then(value), missing elsewhere.",
    ),
    Limit(
        "comparisons of a missing aggregate",
        "upstream",
        "nw.col('x').max() > 2 over no values is false in pandas and missing in Polars. Take the aggregate first, compare it after.",
    ),
    Limit(
        "cum_count().over(..., order_by=...)",
        "upstream",
        "narwhals leaves the order out on pandas. Cumulate a column of ones with cum_sum().",
    ),
    Limit(
        "group-by of expressions",
        "upstream",
        "narwhals runs anything but a plain reduction of a column as one Python call a key, with other answers for missing booleans, "
        "and not at all for no rows. Compute the column with WithColumns before the group-by.",
    ),
    Limit("floats as text", "upstream", "Arrow writes 1.0 as '1', Polars as '1.0'. Cast to a whole number first, or keep the float."),
    Limit("tables larger than memory", "never", "pandas holds every table whole. Use engine cpu, which streams."),
)
