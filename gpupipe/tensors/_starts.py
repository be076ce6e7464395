"""Where a CP decomposition begins: from leading directions of each mode, and from random factors; of several the best goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from gpupipe.tensors._als import Measure, Products, Sweeper, Update
from gpupipe.tensors._arrays import array_module, normals
from gpupipe.tensors._compress import times_transposed
from gpupipe.tensors.mttkrp import DenseTree

_FIRST_SWEEPS = 20
_WORKSPACE = 0.05  # of the tensor's elements, which the products of the starts of a batch may take
_LEAST_WORKSPACE = 1 << 18


def starts_of(tensor: Any, rank: int, n_starts: int, seed: np.random.Generator, *, leading: bool) -> list[Any]:
    """Return starts, (S, R, I) of each mode: random ones, the first of them `leading_rows` if that is wanted."""
    rows = random_rows(array_module(tensor), tensor.shape, rank, n_starts, seed)
    if leading:
        for one, first in zip(rows, leading_rows(tensor, rank, seed), strict=True):
            one[0] = first
    return rows


def random_rows(xp: Any, shape: Sequence[int], rank: int, n_starts: int, seed: np.random.Generator) -> list[Any]:
    """Return random factors, (S, R, I) of each mode."""
    return [normals(xp, seed, (n_starts, rank, size)) for size in shape]


def leading_rows(tensor: Any, rank: int, seed: np.random.Generator) -> list[Any]:
    """Return the leading left singular vectors of each unfolding, (R, I); where a mode has fewer, random ones after them."""
    xp = array_module(tensor)
    found = []
    for mode, size in enumerate(tensor.shape):
        view = tensor.reshape(prod(tensor.shape[:mode]), size, -1)
        gram = times_transposed(view, view).astype(np.float64)
        vectors = xp.linalg.eigh(gram)[1][:, ::-1][:, :rank].T
        found.append(xp.concatenate([vectors, normals(xp, seed, (rank - len(vectors), size))]))
    return found


def best_start(
    tensor: Any,
    measure: Measure,
    rows: list[Any],
    *,
    tol: float,
    update: Update | None = None,
    products: Callable[[list[Any]], Products] | None = None,
) -> list[Any]:
    """Return the factors, (1, R, I) of each mode, of the start that came nearest to the tensor; the first of equals.

    It is a race: all starts sweep, then the better half goes on, then the better half of those for twice as many sweeps, and so on until
    one is left, or until enough of them have come to the same end.

    Parameters
    ----------
    tensor
        Dense, and small where there are many starts: it is the core of a compressed one if it can be.
    rows
        The starts, (S, R, I) of each mode.
    tol
        Errors that differ by less are the same.
    update, products
        As in `Sweeper`; and what multiplies with the tensor, a `DenseTree` by default.
    """
    make = products or (lambda starts: DenseTree(tensor, starts))
    n_sweeps, warm = _FIRST_SWEEPS, False
    while (n_starts := len(rows[0])) > 1:
        rows, before, after = _raced(rows, lambda starts: _sweeper(make(starts), measure, update), tensor.shape, n_sweeps)
        order = np.argsort(after, kind="stable")
        same = np.abs(after - after[order[0]]) < 10 * tol
        if abs(float(before[order[0]] - after[order[0]])) < tol and int(same.sum()) > n_starts // 3:
            return [one[order[0] : order[0] + 1] for one in rows]
        if warm:
            kept = array_module(rows[0]).asarray(order[: n_starts // 2])
            rows = [one[kept] for one in rows]
            n_sweeps *= 2
        warm = True
    return rows


def _sweeper(products: Products, measure: Measure, update: Update | None) -> Sweeper:
    return Sweeper(products, measure, update) if update else Sweeper(products, measure)


def _raced(rows: list[Any], sweeper_of: Callable[[list[Any]], Sweeper], shape: Sequence[int], n_sweeps: int) -> tuple[list[Any], Any, Any]:
    """Return the factors of all starts after some sweeps, and their errors before and after the last one, on the host."""
    xp = array_module(rows[0])
    n_starts, rank = rows[0].shape[:2]
    step = _starts_at_a_time(shape, rank)
    done, before, after = [], [], []
    for at in range(0, n_starts, step):
        sweeper = sweeper_of([one[at : at + step] for one in rows])
        for number in range(n_sweeps):
            product = sweeper.sweep()
            if number == n_sweeps - 2:
                before += sweeper.errors(product).tolist()
        after += sweeper.errors(product).tolist()
        done.append(sweeper.products.rows)
    joined = [xp.concatenate(parts) if len(parts) > 1 else parts[0] for parts in zip(*done, strict=True)]
    return joined, np.asarray(before), np.asarray(after)


def _starts_at_a_time(shape: Sequence[int], rank: int) -> int:
    """Return how many starts may share a batch, so that their products stay small beside the tensor."""
    whole = prod(shape)
    cut = min(prod(shape[:cut]) + prod(shape[cut:]) for cut in range(1, len(shape)))
    return max(1, int(max(_WORKSPACE * whole, _LEAST_WORKSPACE) // (2 * rank * cut)))
