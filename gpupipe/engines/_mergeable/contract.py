"""Fits of estimators, by the contract of all fits (`core/fit.py`), on arrays: features, target, weight.

Fits, states and parts are plain values of arrays that pickle, so blocks may be anywhere, and a tree of tasks merges what was measured.
`fit_in_parts` is the whole meaning of it, in one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from gpupipe.core.fit import Fit, fitted_in_passes

Array: TypeAlias = npt.NDArray[Any]
Part: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Measured:
    """The state of a fit of one pass: what is known before it, and the total after it."""

    n_features: int
    dtype: np.dtype[Any]
    total: Part | None = None

    def known(self) -> Part:
        """Return the total."""
        assert self.total is not None
        return self.total


class EstimatorFit(Fit):
    """One estimator's way of being fitted from blocks of rows; the result is what scikit-learn's own fit on all rows gives.

    ``measure(state, features, target=None, weight=None)`` is told what `asked` gives of the state; features are floats [n, n_features],
    where missing is NaN, and targets numbers, booleans or strings. What is measured merges associatively and commutatively up to rounding,
    and to the same for the same order. Errors in the data are a ``ValueError`` in scikit-learn's own words, from `measure` for what one
    block shows and from `advance` for what all rows show.

    Parameters
    ----------
    estimator
        Unfitted; copied, and never changed.
    """

    takes_target: ClassVar[bool] = True
    takes_weight: ClassVar[bool] = True

    def __init__(self, estimator: Any) -> None:
        self.estimator = clone(estimator)

    def start(self, n_features: int, dtype: npt.DTypeLike = np.float64) -> Any:
        """Return the state before the first pass; as small as the model.

        Parameters
        ----------
        dtype
            The features' dtype in all blocks, float32 or float64; what is fitted has it where scikit-learn's has. All sums are float64.

        Raises
        ------
        ValueError
            A parameter of the estimator is not one that scikit-learn allows.
        """
        self.estimator._validate_params()
        return Measured(n_features, np.dtype(dtype))

    def measuring(self, state: Any) -> Callable[..., Part]:
        """Return what measures a block."""
        return partial(self.measure, self.asked(state))

    def asked(self, state: Any) -> Any:
        """Return what blocks must know of the state, where it remembers more than that."""
        return state

    def advance(self, state: Any, total: Part) -> tuple[Any, bool]:
        """Return the state with the total in it: there is one pass unless said."""
        return replace(state, total=total), True


def fit_in_parts(fit: EstimatorFit, blocks: Iterable[tuple[Array, Array | None, Array | None]]) -> Any:
    """Return the estimator fitted on all blocks, each a triple of features, target and weight; one process, merged in order.

    Raises
    ------
    ValueError
        As the estimator's own fit would.

    Examples
    --------
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from gpupipe.engines._mergeable.scalers import ExtremesFit
    >>> blocks = [(np.array([[1.0]]), None, None), (np.array([[5.0]]), None, None)]
    >>> fit_in_parts(ExtremesFit(MinMaxScaler()), blocks).data_max_
    array([5.])
    """
    held = list(blocks)
    first = held[0][0]
    state = fit.start(first.shape[1], first.dtype)
    return fitted_in_passes(fit, state, lambda measure: fit.merge([measure(*block) for block in held]))
