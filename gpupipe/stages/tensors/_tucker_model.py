"""A fitted Tucker decomposition, whichever way it was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

import gpupipe.tensors as gt
from gpupipe.core.answers import answers
from gpupipe.core.errors import PlanError, StageError
from gpupipe.core.node import Node
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages.tensors._decomposed import Factored
from gpupipe.stages.tensors._model import planned_dtype, planned_labels


@dataclass(frozen=True, eq=False, repr=False)
class TuckerModel(Factored):
    """A core and factors with labels.

    Parameters
    ----------
    core_array
        An array with as many places along each dimension as that has components.
    factor_arrays
        For each dimension an array (size, rank).
    """

    word: ClassVar[str] = "Tucker decomposition"

    core_array: Any
    factor_arrays: tuple[Any, ...]

    @classmethod
    def planned(cls, spec: TensorSpec, rank: Any) -> Any:
        """Return what stands for it in a plan: of the ranks, where those are numbers."""
        dtype, n_dims = planned_dtype(spec), len(spec.dims)
        ranks = rank if isinstance(rank, tuple) else (rank if isinstance(rank, int) else 0,) * n_dims
        factors = tuple(np.zeros((0, number), dtype) for number in ranks)
        return cls(planned_labels(spec), spec.value[0], np.zeros(0), np.zeros((0,) * n_dims, dtype), factors)

    @classmethod
    def fitted_to(cls, tools: Tools, tensor: TensorData, found: Any) -> Any:
        """Return what an estimator found, with the tensor's labels."""
        return cls(tensor.labels, tensor.value, tools.xp.asarray(found.errors_), found.core_, tuple(found.factors_))

    @property
    def dtype(self) -> Any:
        """The dtype of core and factors."""
        return self.core_array.dtype

    def arrays(self) -> Mapping[str, tuple[Any, tuple[int, ...]]]:
        """Return core and factors with the shapes that they must have."""
        ranks = tuple(factor.shape[-1] for factor in self.factor_arrays)
        factors = zip(self.dims, self.factor_arrays, self.shape, ranks, strict=True)
        return {"core": (self.core_array, ranks), **{name: (factor, (size, rank)) for name, factor, size, rank in factors}}

    def matrix(self, mode: int) -> Any:
        """Return a dimension's factor."""
        return self.factor_arrays[mode]

    def block(self, places: Sequence[Any]) -> Any:
        """Return the dense array of some places along each dimension."""
        return gt.tucker_to_tensor((self.core_array, [factor[at] for factor, at in zip(self.factor_arrays, places, strict=True)]))

    def rows_of(self, values: Any, mask: Any, mode: int, places: Sequence[Any]) -> Any:
        """Return a factor's rows for new slices."""
        chosen = [factor if other == mode else factor[places[other]] for other, factor in enumerate(self.factor_arrays)]
        return gt.tucker_project(values, (self.core_array, chosen), mode=mode, mask=mask)

    def facts(self) -> Mapping[str, Any]:
        """Return the number of components of each dimension."""
        return {"components": " x ".join(str(factor.shape[1]) for factor in self.factor_arrays)}

    def check(self) -> None:
        """Raise ArtefactError unless there is a factor for each dimension, and all fit one another."""
        self.require_parts(self.factor_arrays)
        super().check()

    @answers(gives=Tensor)
    def core(self) -> Core:
        """Return the core, with the numbers of the components as labels."""
        return Core(self)


@dataclass(frozen=True)
class Core(TaskStage):
    """Gives the core of a Tucker decomposition: how its components go together, with the dimensions ``sensor_component`` and so on."""

    takes: ClassVar[tuple[type[Node], ...]] = ()
    gives: ClassVar[type[Node]] = Tensor

    model: TuckerModel

    def plan(self, *specs: Any) -> TensorSpec:
        """Return a dimension of numbers for each dimension."""
        spec = self.model.cell_spec()
        return TensorSpec(tuple((f"{name}_component", nw.Int64()) for name in spec.names), spec.value)

    def solve(self, tools: Tools, *inputs: Any) -> TensorData:
        """Return the core."""
        model = self.model.adopted(tools)
        labels = tuple(
            tools.frame({f"{name}_component": tools.xp.arange(1, size + 1)})
            for name, size in zip(model.dims, model.core_array.shape, strict=True)
        )
        return TensorData(model.core_array, None, None, labels, model.value)


def require_ranks(stage: str, spec: TensorSpec, rank: Any) -> None:
    """Raise PlanError for ranks that are not as many as dimensions."""
    if isinstance(rank, tuple) and len(rank) != len(spec.dims):
        msg = f"{stage} expects one rank, or one for each of {len(spec.dims)} dimensions, got {len(rank)}."
        raise PlanError(msg)


def require_sizes(stage: str, tensor: TensorData, rank: Any) -> None:
    """Raise StageError for more components than a dimension has labels: columns would be planned that cannot be."""
    if not isinstance(rank, int | tuple):
        return
    ranks = rank if isinstance(rank, tuple) else (rank,) * len(tensor.shape)
    for name, size, number in zip(tensor.dims, tensor.shape, ranks, strict=True):
        if number > size:
            msg = f"{stage} expects at most as many components as labels, got {number} for the {size} along {name!r}. Give each its rank."
            raise StageError(msg)
