"""What the ``dask`` engine does otherwise than engine ``cpu``, which works its blocks: what comes of rows being in many places, no more."""

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
    Limit(
        "sums of floats over blocks",
        "never",
        "They depend on the order in which blocks are added up, so the last bits may differ from those of one machine.",
        "rare",
    ),
    Limit(
        "weights of networks",
        "never",
        "A worker's PyTorch has one thread, that of engine cpu one a core, and sums are rounded otherwise: after some epochs weights "
        "differ visibly. Training(threads=1) comes to the same bits on both.",
        "rare",
    ),
    Limit(
        "bins of XGBoost, and starts that k-means chooses",
        "never",
        "Bins are found from all workers' sketches: where a feature has more distinct values than bins, trees may differ slightly from one "
        "machine's. K-means draws its own starts from the rows that hash lowest; give it starts, and it is scikit-learn's fit.",
        "rare",
    ),
)
