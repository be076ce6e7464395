"""What the ``dask`` engine cannot do, whose it is, and why. What holds of the engine of its blocks holds here, too."""

from __future__ import annotations

from gpupipe.core.engine import Limit
from gpupipe.engines.pandas.limits import LIMITS as OF_BLOCKS

LIMITS = (
    Limit(
        "functions of whole tables",
        "never",
        "A @whole_table function sees every row at once, so its tables come together on one worker; over that worker's budget the run "
        "says so. Write it as @by_key or @rows where that is what it means.",
    ),
    Limit(
        "files on one machine only",
        "never",
        "Workers read and write files themselves: a path must mean the same file on every worker. Use a shared folder or an fsspec address.",
    ),
    *(limit for limit in OF_BLOCKS if limit.what != "tables larger than memory"),
)
