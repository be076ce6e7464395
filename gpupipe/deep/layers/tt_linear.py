"""A linear layer whose weight is a tensor train over pairs of modes: Novikov et al., arXiv 1509.06569."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from torch import Tensor, nn

import gpupipe.tensors as gt
from gpupipe.core.errors import UsageError
from gpupipe.deep.layers._linear import FactorizedLinear, held, scaled
from gpupipe.deep.layers._modes import BATCH, Modes
from gpupipe.deep.layers._work import NARROW, Work
from gpupipe.tensors.rank import Rank


class TTLinear(FactorizedLinear):
    """A linear layer of cores (r_{k-1}, m_k, n_k, r_k), where the m_k multiply to the input's size and the n_k to the output's.

    Parameters
    ----------
    in_features, out_features, bias, device, dtype
        As those of `torch.nn.Linear`.
    rank
        One number for all inner ranks, all N + 1, or a share of the dense parameters: `gpupipe.tensors.validate_tt_rank` on the m_k n_k.
    in_modes, out_modes
        The m_k and the n_k, as many of both; by default two that make the product cheaper than the dense one.

    Raises
    ------
    UsageError
        Modes do not multiply to their size, are not as many on both sides, or the rank is none.

    Notes
    -----
    Each core is uniform with the variance 1 / (r_{k-1} m_k), the last of a third of that, so that the weight has the variance that
    `torch.nn.Linear` draws. There are sum(r_{k-1} m_k n_k r_k) parameters and the bias.

    Examples
    --------
    >>> import torch
    >>> layer = TTLinear(64, 64, rank=4, in_modes=(8, 8), out_modes=(8, 8), bias=False)
    >>> [tuple(core.shape) for core in layer.cores], layer(torch.ones(5, 64)).shape, layer.space_saving
    ([(1, 8, 8, 4), (4, 8, 8, 1)], torch.Size([5, 64]), 0.875)
    """

    def cost(self, in_modes: Modes, out_modes: Modes, rank: Rank) -> int:
        """Return the work of a batch of `BATCH` rows by cores over these modes."""
        return _work(BATCH, in_modes, out_modes, _ranks(in_modes, out_modes, rank))[0].cost

    def draw(self, rank: Rank, like: dict[str, Any]) -> None:
        """Settle the ranks, and draw the cores."""
        self.rank = _ranks(self.in_modes, self.out_modes, rank)
        shapes = list(zip(self.rank[:-1], self.in_modes, self.out_modes, self.rank[1:], strict=True))
        thirds = [1] * (len(shapes) - 1) + [3]
        self.cores = nn.ParameterList(
            scaled(shape, 1 / (third * shape[0] * shape[1]), like) for shape, third in zip(shapes, thirds, strict=True)
        )

    def take_weight(self, weight: np.ndarray) -> None:
        """Take the cores from the decomposition of a dense weight."""
        n = len(self.in_modes)
        paired = weight.reshape(*self.out_modes, *self.in_modes)
        paired = paired.transpose([place for k in range(n) for place in (n + k, k)])
        paired = paired.reshape([m_k * n_k for m_k, n_k in zip(self.in_modes, self.out_modes, strict=True)])
        cores = gt.tensor_train(paired, self.rank) if n > 1 else [paired[None, :, None]]
        for core, found in zip(self.cores, cores, strict=True):
            wide = np.zeros((core.shape[0], core.shape[1] * core.shape[2], core.shape[3]))
            wide[: found.shape[0], :, : found.shape[2]] = found
            held(core, wide.reshape(core.shape))

    def dense_weight(self) -> Tensor:
        """Return the dense weight that the cores stand for, (out_features, in_features)."""
        made: Tensor = self.cores[0]
        for core in list(self.cores)[1:]:
            made = made.reshape(-1, core.shape[0]) @ core.reshape(core.shape[0], -1)
        n = len(self.in_modes)
        made = made.reshape([size for pair in zip(self.in_modes, self.out_modes, strict=True) for size in pair])
        return made.permute([*range(1, 2 * n, 2), *range(0, 2 * n, 2)]).reshape(self.out_features, self.in_features)

    def by_factors(self, rows: Tensor) -> Tensor:
        """Return the product with one core after the other, the last one first: each puts a mode of the output in the place of the input's.

        Before each step the state is (n, m_1, ..., m_k, r_k, n_{k+1}, ...) and nothing of it is moved.
        """
        state, before, done = rows, self.in_features, 1
        for core in reversed(list(self.cores)):
            left, m_k, n_k, right = core.shape
            before //= m_k
            matrix = core.permute(0, 2, 1, 3).reshape(left * n_k, m_k * right)
            if done == 1:
                state = state.reshape(-1, m_k * right) @ matrix.T
            else:
                state = state.reshape(len(rows) * before, m_k * right, done)
                state = matrix.expand(len(state), -1, -1).bmm(state)
            done *= n_k
        return state.reshape(len(rows), self.out_features)

    def work(self, n_rows: int) -> tuple[Work, Work]:
        """Return the work of `n_rows` rows by cores, and that of making the dense weight."""
        return _work(n_rows, self.in_modes, self.out_modes, self.rank)


def _ranks(in_modes: Modes, out_modes: Modes, rank: Rank) -> tuple[int, ...]:
    """Return the ranks of the cores over pairs of modes."""
    if len(in_modes) != len(out_modes):
        raise UsageError(f"TTLinear expects as many modes of the output as of the input, got {out_modes} and {in_modes}.")
    return gt.validate_tt_rank([m_k * n_k for m_k, n_k in zip(in_modes, out_modes, strict=True)], rank)


def _work(n_rows: int, in_modes: Modes, out_modes: Modes, ranks: Sequence[int]) -> tuple[Work, Work]:
    """Return the work by cores, and that of making the dense weight."""
    by_cores, making = Work(), Work(0, prod(in_modes) * prod(out_modes))
    for k, (m_k, n_k) in enumerate(zip(in_modes, out_modes, strict=True)):
        done = prod(out_modes[k + 1 :])
        products = n_rows * prod(in_modes[:k]) * done * ranks[k] * m_k * n_k * ranks[k + 1]
        narrow = k < len(in_modes) - 1 and done < NARROW
        by_cores += Work(products, 0, 2, products * (NARROW - done) // done if narrow else 0)
        making += Work(prod(in_modes[: k + 1]) * prod(out_modes[: k + 1]) * ranks[k] * ranks[k + 1], 0, 1) if k else Work()
    return by_cores, making
