"""Decomposes a tensor into a small core and a factor along each dimension: Tucker, also called higher-order SVD."""

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
class FittedTucker(TuckerModel):
    """A Tucker decomposition with the labels of its tensor."""


@dataclass(frozen=True)
class Tucker(TensorFit):
    """Fits a Tucker decomposition: a small core, multiplied along each dimension by a factor with orthonormal columns.

    Missing cells are filled with what the decomposition says, again and again. What is fitted answers ``factors(dim=...)``, ``core()``,
    ``reconstruct()``, ``residual(tensor)``, ``impute(tensor)``, ``score(tensor, top=...)`` and ``project(tensor, dim=...)``.

    Parameters
    ----------
    rank
        The number of components of every dimension, or of each, or the share of the tensor's parameters to keep.
    n_iter_max, tol, compression, random_state
        As `gpupipe.tensors.tucker` takes them.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToTensor
    >>> rows = pl.DataFrame({"place": ["a", "a", "b", "b"], "hour": [0, 1, 0, 1], "x": [1.0, 2.0, 3.0, 6.0]})
    >>> fitted = Tucker(1).apply(ToTensor(["place", "hour"], "x").apply(rows))
    >>> fitted.core().apply().values.round(3).tolist()
    [[7.071]]
    """

    fitted: ClassVar[type] = FittedTucker
    estimator: ClassVar[Any] = gt.Tucker

    rank: Rank
    n_iter_max: int = 100
    tol: float = 1e-8
    compression: bool = True
    random_state: int | None = 0

    def __post_init__(self) -> None:
        settle(self, rank=as_rank(self.rank))
        gt.validate_tucker_rank(
            (2**31,) * (len(self.rank) if isinstance(self.rank, tuple) else 2), self.rank
        )  # what is no rank at any size
        require_counts(self.name, n_iter_max=self.n_iter_max)

    def plan(self, *specs: TensorSpec) -> FittedTucker:
        """Return the fitted decomposition with no labels."""
        self.require(specs[0])
        require_ranks(self.name, specs[0], self.rank)
        planned: FittedTucker = FittedTucker.planned(specs[0], self.rank)
        return planned

    def solve(self, tools: Tools, *inputs: TensorData) -> FittedTucker:
        """Return the fitted decomposition."""
        require_sizes(self.name, inputs[0], self.rank)
        found: FittedTucker = FittedTucker.fitted_to(tools, inputs[0], self.estimated(tools, inputs[0]))
        return found
