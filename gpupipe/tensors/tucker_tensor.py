"""A tensor in Tucker form: a small core and one factor matrix for each mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gpupipe.tensors._arrays import array_module, signs_of_largest
from gpupipe.tensors.mode_dot import multi_mode_dot


class TuckerTensor(NamedTuple):
    """The core (R_1, ..., R_N) and the factors (I_n, R_n); it unpacks as TensorLy's does."""

    core: Any
    factors: list[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the tensor that it stands for."""
        return tuple(factor.shape[0] for factor in self.factors)

    @property
    def rank(self) -> tuple[int, ...]:
        """The sizes of the core."""
        return tuple(self.core.shape)

    def to_tensor(self) -> Any:
        """Return the dense tensor."""
        return tucker_to_tensor(self)


def tucker_to_tensor(tucker_tensor: tuple[Any, Sequence[Any]]) -> Any:
    """Return the dense tensor of a core and factors.

    Raises
    ------
    UsageError
        The sizes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> tucker_to_tensor((np.array([[2.0]]), [np.array([[1.0], [3.0]]), np.array([[1.0]])]))
    array([[2.],
           [6.]])
    """
    core, factors = tucker_tensor
    return multi_mode_dot(core, factors)


def tucker_canonical(tucker_tensor: tuple[Any, Sequence[Any]]) -> TuckerTensor:
    """Return the same tensor with signs that runs agree on: each factor column's entry of largest absolute value is positive.

    Examples
    --------
    >>> import numpy as np
    >>> tucker_canonical((np.array([[2.0]]), [np.array([[-1.0]]), np.array([[1.0]])])).core
    array([[-2.]])
    """
    core, factors = tucker_tensor
    xp = array_module(core)
    turned = []
    for mode, factor in enumerate(factors):
        signs = signs_of_largest(factor.T)
        turned.append(xp.ascontiguousarray(factor * signs))
        core = core * signs.reshape([-1 if place == mode else 1 for place in range(core.ndim)])
    return TuckerTensor(core, turned)
