"""A tensor as a train, or a ring, of cores of order 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.tensors._arrays import array_module


class TTTensor(tuple[Any, ...]):
    """The cores (r_{k-1}, I_k, r_k) of a tensor train, or of a ring, whose first and last rank need not be 1; TensorLy takes it."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the tensor that it stands for."""
        return tuple(core.shape[1] for core in self)

    @property
    def rank(self) -> tuple[int, ...]:
        """The N + 1 ranks."""
        return (*(core.shape[0] for core in self), self[-1].shape[2])

    def to_tensor(self) -> Any:
        """Return the dense tensor."""
        return tr_to_tensor(self)


def tt_to_tensor(cores: Sequence[Any]) -> Any:
    """Return the dense tensor of a train's cores.

    Raises
    ------
    UsageError
        Neighbouring ranks differ, or those at the ends are not 1.

    Examples
    --------
    >>> import numpy as np
    >>> tt_to_tensor([np.array([[[1.0], [2.0]]]), np.array([[[3.0], [4.0]]])])
    array([[3., 4.],
           [6., 8.]])
    """
    if cores and (cores[0].shape[0] != 1 or cores[-1].shape[-1] != 1):
        raise UsageError(
            f"A tensor train's first and last rank are 1, got {cores[0].shape[0]} and {cores[-1].shape[-1]}; a ring's may differ."
        )
    return tr_to_tensor(cores)


def tr_to_tensor(cores: Sequence[Any]) -> Any:
    """Return the dense tensor of a ring's cores: the trace over the rank that closes it.

    Raises
    ------
    UsageError
        Neighbouring ranks differ.

    Examples
    --------
    >>> import numpy as np
    >>> tr_to_tensor([np.eye(2).reshape(2, 1, 2), np.eye(2).reshape(2, 1, 2)])
    array([[2.]])
    """
    ranks = [(core.shape[0], core.shape[-1]) for core in cores]
    if not cores or any(core.ndim != 3 for core in cores) or any(ranks[k - 1][1] != ranks[k][0] for k in range(len(ranks))):
        raise UsageError(f"Cores are of order 3 and share ranks with their neighbours, got shapes {[tuple(core.shape) for core in cores]}.")
    xp = array_module(cores[0])
    shape = tuple(core.shape[1] for core in cores)
    first = cores[0].shape[0]
    # the closing rank stays in front: (r_0, I_1 ... I_k, r_k); the last step sums over both of its ranks at once
    train = cores[0].reshape(first * shape[0], -1)
    for core in cores[1:-1]:
        train = (train @ core.reshape(core.shape[0], -1)).reshape(-1, core.shape[2])
    if len(cores) == 1:
        return xp.trace(cores[0], axis1=0, axis2=2)
    last = cores[-1]
    left = train.reshape(first, -1, last.shape[0]).transpose(1, 0, 2).reshape(-1, first * last.shape[0])
    return (left @ last.transpose(2, 0, 1).reshape(first * last.shape[0], -1)).reshape(shape)
