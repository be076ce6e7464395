"""Hierarchical alternating least squares: one column of a factor after the other, each at its best with no entry below zero.

Source: Cichocki and Phan, "Fast local algorithms for large scale nonnegative matrix and tensor factorizations" (IEICE Transactions, 2009).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.tensors._arrays import array_module

_PASSES = 3  # over the columns, with the same MTTKRP: that is the dear part


def hals_rows(rows: Any, product: Any, gram: Any, *, passes: int = _PASSES) -> Any:
    """Return rows (S, R, I) without negative entries that are nearer than the given ones to a solution of ``gram @ rows = product``.

    The objective never rises. A row whose Gram entry is 0 is left as it is: the other modes' columns are zeros, so it does not matter.

    Examples
    --------
    >>> hals_rows(np.ones((1, 1, 2)), np.array([[[4.0, -2.0]]]), np.array([[[2.0]]]))
    array([[[2., 0.]]])
    """
    xp = array_module(rows)
    rows = rows.copy()
    sizes = xp.einsum("srr->sr", gram)
    alive = sizes > 0
    scale = xp.where(alive, 1 / xp.where(alive, sizes, 1.0), 0.0)
    scaled, target = gram * scale[:, :, None], product * scale[:, :, None]
    for _ in range(passes):
        for place in range(rows.shape[1]):
            step = target[:, place] - xp.matmul(scaled[:, place, None, :], rows)[:, 0]
            rows[:, place] = (rows[:, place] + step).clip(0.0, None)
    return rows


def revived(rows: list[Any], seed: np.random.Generator) -> list[Any] | None:
    """Return the factors with each component that became zero begun anew at random, its last mode zero; None where none has.

    With zeros in the last mode the tensor that they stand for is as it was, and the next update of that mode finds what the component is
    good for.
    """
    xp = array_module(rows[0])
    dead = xp.zeros(rows[0].shape[:2], bool)
    for one in rows:
        dead |= ~(one > 0).any(axis=-1)
    if not bool(dead.any()):
        return None
    fresh = []
    for mode, one in enumerate(rows):
        drawn = xp.asarray(seed.uniform(size=one.shape)) if mode < len(rows) - 1 else xp.zeros_like(one)
        fresh.append(xp.where(dead[:, :, None], drawn / xp.sqrt((drawn**2).sum(-1, keepdims=True) + np.finfo(float).tiny), one))
    return fresh
