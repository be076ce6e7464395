"""Decomposes a tensor into few components, each a product of one factor a dimension: CP, also called PARAFAC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import gpupipe.tensors as gt
from gpupipe.core.options import settle
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import TensorData, TensorSpec
from gpupipe.stages.tensors._cp_model import CPModel
from gpupipe.stages.tensors._fit import TensorFit, as_rank, require_counts, require_start
from gpupipe.tensors.rank import Rank


@dataclass(frozen=True, eq=False, repr=False)
class FittedCP(CPModel):
    """A CP decomposition with the labels of its tensor."""


@dataclass(frozen=True)
class CP(TensorFit):
    """Fits a CP decomposition: the tensor as a sum of `rank` components, each a weight times one column a dimension.

    Missing cells are left out of the fit, and the cells that a sparse tensor does not hold are zero. What is fitted answers
    ``factors(dim=...)``, ``weights()``, ``reconstruct()``, ``residual(tensor)``, ``impute(tensor)``, ``score(tensor, top=...)`` and
    ``project(tensor, dim=...)``.

    Parameters
    ----------
    rank
        The number of components, or the share of the tensor's parameters to keep.
    n_iter_max, init, n_starts, compression, tol, cvg_criterion, linesearch, random_state
        As `gpupipe.tensors.parafac` takes them.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToTensor
    >>> rows = pl.DataFrame({"place": ["a", "a", "b", "b"], "hour": [0, 1, 0, 1], "x": [1.0, 2.0, 3.0, 6.0]})
    >>> fitted = CP(1).apply(ToTensor(["place", "hour"], "x").apply(rows))
    >>> fitted.factors("place").apply()["component_1"].round(3).to_list()
    [0.316, 0.949]
    """

    fitted: ClassVar[type] = FittedCP
    estimator: ClassVar[Any] = gt.CP
    takes_sparse: ClassVar[bool] = True

    rank: Rank
    n_iter_max: int = 1000
    init: Literal["svd", "random"] = "svd"
    n_starts: int | None = None
    compression: bool = True
    tol: float = 1e-8
    cvg_criterion: Literal["abs_rec_error", "rec_error"] = "abs_rec_error"
    linesearch: bool = False
    random_state: int | None = 0

    def __post_init__(self) -> None:
        settle(self, rank=as_rank(self.rank))
        gt.validate_cp_rank((1, 1), self.rank)  # raises for what is no rank at any size
        require_counts(self.name, n_iter_max=self.n_iter_max, n_starts=self.n_starts)
        require_start(self.name, self.init, ("svd", "random"))

    def plan(self, *specs: TensorSpec) -> FittedCP:
        """Return the fitted decomposition with no labels."""
        self.require(specs[0])
        planned: FittedCP = FittedCP.planned(specs[0], self.rank)
        return planned

    def solve(self, tools: Tools, *inputs: TensorData) -> FittedCP:
        """Return the fitted decomposition."""
        found: FittedCP = FittedCP.fitted_to(tools, inputs[0], self.estimated(tools, inputs[0]))
        return found
