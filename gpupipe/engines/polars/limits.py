"""What the ``cpu`` engine cannot do, whose it is, and why."""

from __future__ import annotations

from gpupipe.core.limits import Limit

LIMITS = (
    Limit(
        "NaN in comparisons",
        "upstream",
        "Polars orders NaN above every number and equal to itself, pandas and cuDF follow IEEE 754, where NaN compares false. "
        "Sources make NaN missing unless told otherwise; where it is kept, test it with is_nan() before comparing.",
        "rare",
    ),
    Limit(
        "var(ddof=0) and std(ddof=0) of a key without values",
        "upstream",
        "Polars' streaming group-by makes 0 of it where every other way makes it missing. Count the values beside it.",
        "rare",
    ),
)
