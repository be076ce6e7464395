"""What fitting an estimator from blocks of rows means.

A fit passes over the rows once or several times. In each pass every block is measured on its own, the measurements are merged (in any
grouping, so a tree of tasks will do), and `advance` looks at the total: another pass, or done. Fits, states and parts are plain values of
arrays that pickle, so blocks may be anywhere. `fit_in_parts` is the whole meaning of it, in one process.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

Array: TypeAlias = npt.NDArray[Any]
Part: TypeAlias = Mapping[str, Any]


class MergeableFit(ABC):
    """One estimator's way of being fitted from blocks of rows; the result is what scikit-learn's own fit on all rows gives.

    Errors in the data are a ``ValueError`` in scikit-learn's own words, from `measure` for what one block shows and from `advance` for what
    all rows show.

    Parameters
    ----------
    estimator
        Unfitted; copied, and never changed.
    """

    takes_target: ClassVar[bool] = True
    takes_weight: ClassVar[bool] = True

    def __init__(self, estimator: Any) -> None:
        self.estimator = clone(estimator)

    @abstractmethod
    def start(self, n_features: int, dtype: npt.DTypeLike = np.float64) -> Any:
        """Return the state before the first pass; as small as the model, and it pickles.

        Parameters
        ----------
        dtype
            The features' dtype in all blocks, float32 or float64; what is fitted has it where scikit-learn's has. All sums are float64.

        Raises
        ------
        ValueError
            A parameter of the estimator is not one that scikit-learn allows.
        """

    def question(self, state: Any) -> Any:
        """Return what `measure` needs of the state: what is sent to the blocks, where the state remembers more than that."""
        return state

    @abstractmethod
    def measure(self, state: Any, features: Array, target: Array | None = None, weight: Array | None = None) -> Part:
        """Return what this pass needs to know of one block, which may have no rows.

        Parameters
        ----------
        state
            What `question` gives of it.
        features
            Floats [n, n_features]; missing is NaN.
        target
            Numbers, booleans or strings.
        """

    @abstractmethod
    def merge(self, parts: Sequence[Part]) -> Part:
        """Return the measurement of all these parts' rows: associative and commutative up to rounding, and the same for the same order."""

    @abstractmethod
    def advance(self, state: Any, total: Part) -> tuple[Any, bool]:
        """Return the state after a pass over all rows, and whether it was the last."""

    @abstractmethod
    def finish(self, state: Any) -> Any:
        """Return the fitted scikit-learn estimator, once `advance` said that the last pass is over."""


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


class OnePassFit(MergeableFit):
    """A fit that needs one pass."""

    def start(self, n_features: int, dtype: npt.DTypeLike = np.float64) -> Measured:
        """Return the state before the pass."""
        self.estimator._validate_params()
        return Measured(n_features, np.dtype(dtype))

    def advance(self, state: Measured, total: Part) -> tuple[Measured, bool]:
        """Return the state with the total in it."""
        return replace(state, total=total), True


def fit_in_parts(fit: MergeableFit, blocks: Iterable[tuple[Array, Array | None, Array | None]]) -> Any:
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
    done = False
    while not done:
        question = fit.question(state)
        total = fit.merge([fit.measure(question, *block) for block in held])
        state, done = fit.advance(state, total)
    return fit.finish(state)
