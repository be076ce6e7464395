"""Decomposes a tensor into a core and a factor along each dimension, none of them with a negative entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import gpupipe.tensors as gt
from gpupipe.core.options import settle
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import TensorData, TensorSpec
from gpupipe.stages.tensors._fit import TensorFit, as_rank, require_counts
from gpupipe.stages.tensors._tucker_model import TuckerModel, require_ranks, require_sizes
from gpupipe.tensors.rank import Rank


@dataclass(frozen=True, eq=False, repr=False)
class FittedNonNegativeTucker(TuckerModel):
    """A Tucker decomposition without negative entries, with the labels of its tensor."""


@dataclass(frozen=True)
class NonNegativeTucker(TensorFit):
    """Fits a Tucker decomposition whose core and factors have no negative entry.

    It takes no missing cells. What is fitted answers as `Tucker` does; projected rows may be negative.

    Parameters
    ----------
    rank
        The number of components of every dimension, or of each, or the share of the tensor's parameters to keep.
    n_iter_max, tol, random_state
        As `gpupipe.tensors.non_negative_tucker_hals` takes them.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToTensor
    >>> rows = pl.DataFrame({"place": ["a", "a", "b", "b"], "hour": [0, 1, 0, 1], "x": [1.0, 2.0, 3.0, 6.0]})
    >>> fitted = NonNegativeTucker(1).apply(ToTensor(["place", "hour"], "x").apply(rows))
    >>> fitted.reconstruct().apply().values.round(3).tolist()
    [[1.0, 2.0], [3.0, 6.0]]
    """

    fitted: ClassVar[type] = FittedNonNegativeTucker
    estimator: ClassVar[Any] = gt.NonNegativeTucker
    takes_missing: ClassVar[bool] = False

    rank: Rank
    n_iter_max: int = 200
    tol: float = 1e-7
    random_state: int | None = 0

    def __post_init__(self) -> None:
        settle(self, rank=as_rank(self.rank))
        gt.validate_tucker_rank(
            (2**31,) * (len(self.rank) if isinstance(self.rank, tuple) else 2), self.rank
        )  # what is no rank at any size
        require_counts(self.name, n_iter_max=self.n_iter_max)

    def plan(self, *specs: TensorSpec) -> FittedNonNegativeTucker:
        """Return the fitted decomposition with no labels."""
        self.require(specs[0])
        require_ranks(self.name, specs[0], self.rank)
        planned: FittedNonNegativeTucker = FittedNonNegativeTucker.planned(specs[0], self.rank)
        return planned

    def solve(self, tools: Tools, *inputs: TensorData) -> FittedNonNegativeTucker:
        """Return the fitted decomposition."""
        require_sizes(self.name, inputs[0], self.rank)
        found: FittedNonNegativeTucker = FittedNonNegativeTucker.fitted_to(tools, inputs[0], self.estimated(tools, inputs[0]))
        return found
