"""Random order by hash: the same on every engine, and for any order and cut of the pool."""

from __future__ import annotations

from typing import Any

from gpupipe.kernels.xxh64 import xxh64_fixed
from gpupipe.kernels.xxh64_table import hash_table


def round_seed(seed: int, number: int) -> int:
    """Return the seed of a round, so that each draws anew.

    Examples
    --------
    >>> round_seed(0, 1) != round_seed(0, 2), round_seed(3, 1) == round_seed(3, 1)
    (True, True)
    """
    return (seed * 0x9E3779B97F4A7C15 + number * 0xC2B2AE3D27D4EB4F) % (1 << 63)


def random_order(ids: Any, *, seed: int = 0, number: int = 0) -> Any:
    """Return a hash of each id, a seed and the number of a round, as uint64 [n_rows]; ascending, it is a random order.

    Parameters
    ----------
    ids
        [n_rows], an array of int64, uint64 or float64 of NumPy or CuPy, or an Arrow array or column of any values that have a hash.

    Examples
    --------
    >>> import numpy as np
    >>> one, other = random_order(np.arange(3), seed=1), random_order(np.arange(3)[::-1].copy(), seed=1)
    >>> one.tolist() == other[::-1].tolist()
    True
    """
    chosen = round_seed(seed, number)
    if hasattr(ids, "type"):  # Arrow's
        import pyarrow as pa  # local: arrays of numbers do without

        return hash_table(pa.table({"id": ids}), ["id"], chosen)
    return xxh64_fixed(ids, chosen)
