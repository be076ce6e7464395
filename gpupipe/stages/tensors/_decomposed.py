"""What a pipeline may ask a fitted decomposition for."""

from __future__ import annotations

from dataclasses import dataclass

from gpupipe.core.answers import answers
from gpupipe.core.node import Table
from gpupipe.kinds.tensor import Tensor
from gpupipe.stages.tensors._compared import Compared, Scored
from gpupipe.stages.tensors._factors import Factors
from gpupipe.stages.tensors._map import FactorMap
from gpupipe.stages.tensors._model import TensorModel
from gpupipe.stages.tensors._projected import Projected
from gpupipe.stages.tensors._rebuilt import Rebuilt


@dataclass(frozen=True, eq=False, repr=False)
class Decomposed(TensorModel):
    """A decomposition that says something of each cell."""

    @answers(gives=Tensor)
    def reconstruct(self) -> Rebuilt:
        """Return the tensor that the decomposition stands for."""
        return Rebuilt(self)

    @answers(Tensor, gives=Tensor)
    def residual(self) -> Compared:
        """Return a tensor less what the decomposition says of it; its labels are some of those of the fit."""
        return Compared(self, "residual")

    @answers(Tensor, gives=Tensor)
    def impute(self) -> Compared:
        """Return a tensor with what the decomposition says where cells are missing."""
        return Compared(self, "impute")

    @answers(Tensor, gives=Table)
    def score(self, top: int | None = 100) -> Scored:
        """Return the cells that are farthest from what the decomposition says of them, with ``expected``, ``residual`` and ``rank``."""
        return Scored(self, top)


@dataclass(frozen=True, eq=False, repr=False)
class Factored(Decomposed):
    """A decomposition with a factor for each dimension."""

    @answers(gives=Table)
    def factors(self, dim: str, long: bool = False) -> Factors:
        """Return a dimension's factor: a row for each label, a column for each component; or, long, a row for each of both."""
        return Factors(self, dim, long)

    @answers(Table)
    def factor_map(self, dim: str, x: str, y: str) -> FactorMap:
        """Return a dimension's factor beside the coordinates of its labels, which a table has; the report shows them as places."""
        return FactorMap(self, dim, x, y)

    @answers(Tensor, gives=Table)
    def project(self, dim: str) -> Projected:
        """Return the rows of a dimension's factor for slices along it that the fit has not seen."""
        return Projected(self, dim)
