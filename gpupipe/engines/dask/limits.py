"""What the ``dask`` engine cannot do, whose it is, and why. What holds of the engine of its blocks holds here, too."""

from __future__ import annotations

from gpupipe.core.limits import Limit

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
        "Workers read and write files themselves, so a path must mean the same file on each. Use a shared folder or an fsspec address.",
    ),
)
