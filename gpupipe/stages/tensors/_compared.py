"""A tensor beside what a decomposition says of it: what is left, what is missing, and what does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import narwhals.stable.v2 as nw

from gpupipe.core.errors import ColumnError, PlanError, listing
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages.tensors._model import TensorModel, never_missing
from gpupipe.tensors._arrays import stable_argsort

EXTRA = ("expected", "residual", "rank")


@dataclass(frozen=True)
class Compared(TaskStage):
    """Gives a tensor less what a decomposition says of it (``"residual"``), or with that where cells are missing (``"impute"``)."""

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor,)
    gives: ClassVar[type[Node]] = Tensor

    model: TensorModel
    what: Literal["residual", "impute"]

    def plan(self, *specs: TensorSpec) -> TensorSpec:
        """Return the tensor's own dimensions; imputed, none of its cells is missing."""
        (spec,) = specs
        self.model.require_dims(spec, self.what)
        if spec.sparse:
            msg = f"{self.what} takes a dense tensor, got a sparse one. Make it with sparse=False."
            raise PlanError(msg)
        return TensorSpec(spec.dims, spec.value, masked=spec.masked and self.what == "residual")

    def solve(self, tools: Tools, *inputs: TensorData) -> TensorData:
        """Return the tensor."""
        (tensor,), model = inputs, self.model.adopted(tools)
        values, mask = tensor.observed(self.what)
        if self.what == "impute" and mask is None:
            return TensorData(values, None, None, tensor.labels, tensor.value)
        expected = model.block(model.places(tools, tensor, self.what)).astype(values.dtype, copy=False)
        if self.what == "impute":
            return TensorData(tools.xp.where(mask, values, expected), None, None, tensor.labels, tensor.value)
        return TensorData(values - expected, tensor.mask, None, tensor.labels, tensor.value)  # what is missing is NaN, and stays so


@dataclass(frozen=True)
class Scored(TaskStage):
    """Gives the cells that are farthest from what a decomposition says of them, the farthest first.

    Parameters
    ----------
    top
        How many; None for all that are there.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor,)

    model: TensorModel
    top: int | None

    def plan(self, *specs: TensorSpec) -> Schema:
        """Return labels, value, what was expected, the residual and its rank, none of them missing."""
        (spec,) = specs
        self.model.require_dims(spec, "score")
        if self.top is not None and self.top < 1:
            msg = f"score expects top to be at least 1, or None for all cells, got {self.top}."
            raise PlanError(msg)
        twice = [name for name in (*spec.names, spec.value[0]) if name in EXTRA]
        if twice:
            msg = f"score makes the columns {listing(EXTRA)}, and the tensor has {listing(twice)}. Rename it before ToTensor."
            raise ColumnError(msg)
        numbers = dict.fromkeys((spec.value[0], "expected", "residual"), spec.value[1])
        return never_missing({**dict(spec.dims), **numbers, "rank": nw.Int64()})

    def solve(self, tools: Tools, *inputs: TensorData) -> nw.DataFrame[Any]:
        """Return the cells; of a sparse tensor, those that it holds."""
        (tensor,), model, xp = inputs, self.model.adopted(tools), tools.xp
        _, mask = tensor.observed("score")
        values, along = tensor.values, model.places(tools, tensor, "score")
        if tensor.coordinates is not None:
            expected = model.cells([place[held] for place, held in zip(along, tensor.coordinates, strict=True)])
        else:
            expected = model.block(along)
        expected = expected.astype(values.dtype, copy=False)
        far = xp.abs(values - expected)
        if mask is not None:
            far = xp.where(mask, far, -1.0)
        chosen = _largest(xp, far.reshape(-1), values.size if mask is None else int(mask.sum()), self.top)
        places = list(tensor.coordinates[:, chosen]) if tensor.coordinates is not None else list(xp.unravel_index(chosen, tensor.shape))
        value, model_says = values.reshape(-1)[chosen], expected.reshape(-1)[chosen]
        table = tensor.by_cell(tools, places, value)
        more = {"expected": model_says, "residual": value - model_says, "rank": xp.arange(1, len(chosen) + 1)}
        return tools.frame(more, beside=table)


def _largest(xp: Any, flat: Any, n_there: int, top: int | None) -> Any:
    """Return the places of the largest numbers, equal ones in their order."""
    count = n_there if top is None else min(top, n_there)
    if not count:
        return xp.zeros(0, dtype=xp.int64)
    least = xp.partition(flat, len(flat) - count)[len(flat) - count]
    places = xp.flatnonzero(flat >= least)
    return places[stable_argsort(-flat[places])][:count]
