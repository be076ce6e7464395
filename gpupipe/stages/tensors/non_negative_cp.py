"""Decomposes a tensor into few components without negative entries, so that they add up to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import gpupipe.tensors as gt
from gpupipe.core.options import settle
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import TensorData, TensorSpec
from gpupipe.stages.tensors._cp_model import CPModel
from gpupipe.stages.tensors._fit import TensorFit, as_rank, require_counts
from gpupipe.tensors.rank import Rank


@dataclass(frozen=True, eq=False, repr=False)
class FittedNonNegativeCP(CPModel):
    """A CP decomposition without negative entries, with the labels of its tensor."""

    non_negative: ClassVar[bool] = True


@dataclass(frozen=True)
class NonNegativeCP(TensorFit):
    """Fits a CP decomposition whose factors have no negative entry: counts, loads and concentrations as a sum of parts.

    It takes missing cells and sparse tensors, and what is fitted answers, as `CP` does; projected rows have no negative entry either.

    Parameters
    ----------
    rank
        The number of components, or the share of the tensor's parameters to keep.
    n_iter_max, n_starts, compression, tol, random_state
        As `gpupipe.tensors.non_negative_parafac_hals` takes them.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToTensor
    >>> rows = pl.DataFrame({"place": ["a", "a", "b", "b"], "hour": [0, 1, 0, 1], "x": [1.0, 2.0, 3.0, 6.0]})
    >>> fitted = NonNegativeCP(1).apply(ToTensor(["place", "hour"], "x").apply(rows))
    >>> fitted.weights().apply()["weight"].round(3).to_list()
    [7.071]
    """

    fitted: ClassVar[type] = FittedNonNegativeCP
    estimator: ClassVar[Any] = gt.NonNegativeCP
    takes_sparse: ClassVar[bool] = True

    rank: Rank
    n_iter_max: int = 1000
    n_starts: int | None = None
    compression: bool = True
    tol: float = 1e-7
    random_state: int | None = 0

    def __post_init__(self) -> None:
        settle(self, rank=as_rank(self.rank))
        gt.validate_cp_rank((1, 1), self.rank)  # raises for what is no rank at any size
        require_counts(self.name, n_iter_max=self.n_iter_max, n_starts=self.n_starts)

    def plan(self, *specs: TensorSpec) -> FittedNonNegativeCP:
        """Return the fitted decomposition with no labels."""
        self.require(specs[0])
        planned: FittedNonNegativeCP = FittedNonNegativeCP.planned(specs[0], self.rank)
        return planned

    def solve(self, tools: Tools, *inputs: TensorData) -> FittedNonNegativeCP:
        """Return the fitted decomposition."""
        found: FittedNonNegativeCP = FittedNonNegativeCP.fitted_to(tools, inputs[0], self.estimated(tools, inputs[0]))
        return found
