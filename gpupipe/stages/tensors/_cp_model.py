"""A fitted CP decomposition, whichever way it was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

import gpupipe.tensors as gt
from gpupipe.core.answers import answers
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import TensorData, TensorSpec
from gpupipe.stages.tensors._decomposed import Factored
from gpupipe.stages.tensors._model import never_missing, planned_dtype, planned_labels


@dataclass(frozen=True, eq=False, repr=False)
class CPModel(Factored):
    """Weights and factors with labels.

    Parameters
    ----------
    weight_array
        An array (rank,), from large to small.
    factor_arrays
        For each dimension an array (size, rank), whose columns have norm 1.
    """

    word: ClassVar[str] = "CP decomposition"
    non_negative: ClassVar[bool] = False

    weight_array: Any
    factor_arrays: tuple[Any, ...]

    @classmethod
    def planned(cls, spec: TensorSpec, rank: Any) -> Any:
        """Return what stands for it in a plan: of the rank, where that is a number."""
        dtype, n_components = planned_dtype(spec), rank if isinstance(rank, int) else 0
        factors = tuple(np.zeros((0, n_components), dtype) for _ in spec.dims)
        return cls(planned_labels(spec), spec.value[0], np.zeros(0), np.zeros(n_components, dtype), factors)

    @classmethod
    def fitted_to(cls, tools: Tools, tensor: TensorData, found: Any) -> Any:
        """Return what an estimator found, with the tensor's labels."""
        return cls(tensor.labels, tensor.value, tools.xp.asarray(found.errors_), found.weights_, tuple(found.factors_))

    @property
    def dtype(self) -> Any:
        """The dtype of weights and factors."""
        return self.weight_array.dtype

    def arrays(self) -> Mapping[str, tuple[Any, tuple[int, ...]]]:
        """Return weights and factors with the shapes that they must have."""
        rank = len(self.weight_array)
        factors = zip(self.dims, self.factor_arrays, self.shape, strict=True)
        return {"weights": (self.weight_array, (rank,)), **{name: (factor, (size, rank)) for name, factor, size in factors}}

    def matrix(self, mode: int) -> Any:
        """Return a dimension's factor."""
        return self.factor_arrays[mode]

    def block(self, places: Sequence[Any]) -> Any:
        """Return the dense array of some places along each dimension."""
        return gt.cp_to_tensor((self.weight_array, [factor[at] for factor, at in zip(self.factor_arrays, places, strict=True)]))

    def cells(self, places: Sequence[Any]) -> Any:
        """Return the values of some cells."""
        return prod((factor[at] for factor, at in zip(self.factor_arrays, places, strict=True)), start=self.weight_array).sum(1)

    def rows_of(self, values: Any, mask: Any, mode: int, places: Sequence[Any]) -> Any:
        """Return a factor's rows for new slices, as the factor has them: without the weights."""
        chosen = [factor if other == mode else factor[places[other]] for other, factor in enumerate(self.factor_arrays)]
        rows = gt.project(values, (None, chosen), mode=mode, mask=mask, non_negative=self.non_negative)
        return rows / (self.weight_array + (self.weight_array == 0))

    def facts(self) -> Mapping[str, Any]:
        """Return the number of components and what each weighs."""
        return {"components": len(self.weight_array)}

    def check(self) -> None:
        """Raise ArtefactError unless there is a factor for each dimension, and all fit one another."""
        self.require_parts(self.factor_arrays)
        super().check()

    @answers()
    def weights(self) -> Weights:
        """Return what each component weighs."""
        return Weights(self)


@dataclass(frozen=True)
class Weights(TaskStage):
    """Gives what each component of a CP decomposition weighs, in the columns ``component`` and ``weight``."""

    takes: ClassVar[tuple[type[Node], ...]] = ()

    model: CPModel

    def plan(self, *specs: Any) -> Schema:
        """Return the two columns."""
        return never_missing({"component": nw.Int64(), "weight": self.model.cell_spec().value[1]})

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the weights."""
        weights = self.model.adopted(tools).weight_array
        return tools.frame({"component": tools.xp.arange(1, len(weights) + 1), "weight": weights})
