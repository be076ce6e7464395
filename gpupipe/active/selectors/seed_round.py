"""The first round of a simulation: at least one row of each class that is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.active._arrays import on_host
from gpupipe.core.errors import UsageError


def seed_round(hashes: Any, n_rows: int, *, classes: Any = None) -> Any:
    """Return the places of a random first round, as int64: by hash, and with classes one row of each before any second one.

    Parameters
    ----------
    hashes
        [n_rows] of uint64, of the rows' ids.
    classes
        [n_rows], the true class of each row, which only a simulation knows.

    Raises
    ------
    UsageError
        There are more classes than rows wanted.

    Examples
    --------
    >>> import numpy as np
    >>> seed_round(np.array([1, 2, 3], np.uint64), 2, classes=np.array(["a", "a", "b"])).tolist()
    [0, 2]
    """
    if n_rows < 1:
        raise UsageError(f"Expected a budget of 1 row or more, got {n_rows}. Nothing is chosen with less.")
    order = np.argsort(on_host(hashes), kind="stable")
    if classes is None:
        return order[:n_rows]
    _, first = np.unique(np.asarray(on_host(classes))[order], return_index=True)
    if len(first) > n_rows:
        raise UsageError(f"Expected a first round of {len(first)} rows or more, a row for each class, got {n_rows}.")
    rest = np.setdiff1d(np.arange(len(order)), first)
    return order[np.concatenate([np.sort(first), rest])[:n_rows]]
