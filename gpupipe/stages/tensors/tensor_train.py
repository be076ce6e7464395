"""Decomposes a tensor into a chain of small cores, one a dimension: a tensor train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import narwhals.stable.v2 as nw
import numpy as np

import gpupipe.tensors as gt
from gpupipe.core.answers import answers
from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.core.node import Node
from gpupipe.core.options import settle
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages.tensors._decomposed import Decomposed
from gpupipe.stages.tensors._fit import TensorFit, as_rank
from gpupipe.stages.tensors._model import planned_dtype, planned_labels
from gpupipe.tensors.rank import Rank


@dataclass(frozen=True, eq=False, repr=False)
class FittedTensorTrain(Decomposed):
    """A tensor train with the labels of its tensor.

    Parameters
    ----------
    core_arrays
        For each dimension an array (rank before, size, rank after).
    """

    word: ClassVar[str] = "tensor train"

    core_arrays: tuple[Any, ...]

    @property
    def dtype(self) -> Any:
        """The dtype of the cores."""
        return self.core_arrays[0].dtype

    def arrays(self) -> Mapping[str, tuple[Any, tuple[int, ...]]]:
        """Return the cores with the shapes that they must have."""
        ranks = [1, *(core.shape[-1] for core in self.core_arrays[:-1]), 1]
        shapes = zip(ranks[:-1], self.shape, ranks[1:], strict=True)
        return {name: (core, shape) for name, core, shape in zip(self.dims, self.core_arrays, shapes, strict=True)}

    def block(self, places: Sequence[Any]) -> Any:
        """Return the dense array of some places along each dimension."""
        return gt.tt_to_tensor([core[:, at] for core, at in zip(self.core_arrays, places, strict=True)])

    def facts(self) -> Mapping[str, Any]:
        """Return the ranks between the dimensions."""
        return {"ranks": ", ".join(str(core.shape[-1]) for core in self.core_arrays[:-1])}

    def pictures(self) -> list[Mapping[str, Any]]:
        """Return nothing: a core's entries have no meaning of their own."""
        return []

    def check(self) -> None:
        """Raise ArtefactError unless there is a core for each dimension, and all fit one another."""
        self.require_parts(self.core_arrays)
        super().check()

    @answers(gives=Tensor)
    def core(self, dim: str) -> Car:
        """Return a dimension's core, with the dimensions ``before``, its own, and ``after``."""
        return Car(self, dim)


@dataclass(frozen=True)
class Car(TaskStage):
    """Gives one core of a tensor train."""

    takes: ClassVar[tuple[type[Node], ...]] = ()
    gives: ClassVar[type[Node]] = Tensor

    model: FittedTensorTrain
    dim: str

    def plan(self, *specs: Any) -> TensorSpec:
        """Return the dimension between two of numbers."""
        spec = self.model.cell_spec()
        own = spec.dims[spec.place(self.dim, "core")]
        if self.dim in ("before", "after"):
            msg = f"A core has the dimensions 'before' and 'after' of its own, and {self.dim!r} is called so. Rename it before ToTensor."
            raise ColumnError(msg)
        return TensorSpec((("before", nw.Int64()), own, ("after", nw.Int64())), spec.value)

    def solve(self, tools: Tools, *inputs: Any) -> TensorData:
        """Return the core."""
        model = self.model.adopted(tools)
        mode = model.dims.index(self.dim)
        core = model.core_arrays[mode]
        before, after = (
            tools.frame({name: tools.xp.arange(1, size + 1)}) for name, size in (("before", core.shape[0]), ("after", core.shape[2]))
        )
        return TensorData(core, None, None, (before, model.labels[mode], after), model.value)


@dataclass(frozen=True)
class TensorTrain(TensorFit):
    """Fits a tensor train: the value of a cell is a product of one small matrix a dimension.

    It takes no missing cells. What is fitted answers ``core(dim=...)``, ``reconstruct()``, ``residual(tensor)``, ``impute(tensor)`` and
    ``score(tensor, top=...)``.

    Parameters
    ----------
    rank
        The rank between all dimensions, all of them with a 1 at both ends, or the share of the tensor's parameters to keep.
    eps
        Instead of it, the relative error that is allowed.
    svd, random_state
        As `gpupipe.tensors.tensor_train` takes them.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToTensor
    >>> rows = pl.DataFrame({"place": ["a", "a", "b", "b"], "hour": [0, 1, 0, 1], "x": [1.0, 2.0, 3.0, 6.0]})
    >>> fitted = TensorTrain(eps=1e-9).apply(ToTensor(["place", "hour"], "x").apply(rows))
    >>> fitted.core("hour").apply().shape
    (1, 2, 1)
    """

    fitted: ClassVar[type] = FittedTensorTrain
    estimator: ClassVar[Any] = gt.TensorTrain
    takes_missing: ClassVar[bool] = False

    rank: Rank | None = None
    eps: float | None = None
    svd: Literal["randomized_svd", "truncated_svd"] = "randomized_svd"
    random_state: int | None = 0

    def __post_init__(self) -> None:
        settle(self, rank=as_rank(self.rank))
        if (self.rank is None) == (self.eps is None):
            msg = "TensorTrain expects either rank or eps, the ranks or the relative error that is allowed, got both or neither."
            raise UsageError(msg)
        if self.eps is not None and not 0 <= self.eps < 1:
            msg = f"TensorTrain expects eps to be a relative error from 0 up to 1, got {self.eps}."
            raise UsageError(msg)
        if self.svd not in ("randomized_svd", "truncated_svd"):
            msg = f"TensorTrain expects svd 'randomized_svd' or 'truncated_svd', got {self.svd!r}."
            raise UsageError(msg)
        if self.rank is not None and not isinstance(self.rank, tuple):
            gt.validate_tt_rank((2, 2), self.rank)  # raises for what is no rank at any size

    def plan(self, *specs: TensorSpec) -> FittedTensorTrain:
        """Return the fitted decomposition with no labels."""
        (spec,) = specs
        self.require(spec)
        if isinstance(self.rank, tuple):
            gt.validate_tt_rank((2**15,) * len(spec.dims), self.rank)
        cores = tuple(np.zeros((1, 0, 1), planned_dtype(spec)) for _ in spec.dims)
        return FittedTensorTrain(planned_labels(spec), spec.value[0], np.zeros(0), cores)

    def solve(self, tools: Tools, *inputs: TensorData) -> FittedTensorTrain:
        """Return the fitted decomposition."""
        (tensor,) = inputs
        found = self.estimated(tools, tensor)
        return FittedTensorTrain(tensor.labels, tensor.value, tools.xp.asarray(found.errors_), tuple(found.cores_))
