"""New slices in terms of a decomposition that is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import PlanError, StageError
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages.tensors._factors import columns_of, component_columns, with_label
from gpupipe.stages.tensors._model import TensorModel


@dataclass(frozen=True)
class Projected(TaskStage):
    """Gives the rows of one dimension's factor that new slices along it have, with everything else as fitted."""

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor,)

    model: TensorModel
    dim: str

    def plan(self, *specs: TensorSpec) -> Schema:
        """Return the new labels and the components."""
        (spec,) = specs
        self.model.require_dims(spec, "project")
        mode = spec.place(self.dim, "project")
        n_components = self.model.matrix(mode).shape[1]
        if spec.sparse or not n_components:
            got = "a sparse one" if spec.sparse else "a rank that is a share of the parameters"
            msg = f"project expects a dense tensor and a rank that is a number, got {got}."
            raise PlanError(msg)
        return with_label(self.dim, spec.dims[mode][1], component_columns(n_components, spec.value[1]))

    def solve(self, tools: Tools, *inputs: TensorData) -> nw.DataFrame[Any]:
        """Return the rows."""
        (tensor,), model = inputs, self.model.adopted(tools)
        mode = tensor.dims.index(self.dim)
        values, mask = tensor.observed("project")
        if mask is not None:
            hidden = ~mask.any(axis=tuple(other for other in range(values.ndim) if other != mode))
            if bool(hidden.any()):
                at = int(tools.xp.flatnonzero(hidden)[0])
                label = tensor.labels[mode][at : at + 1].rows()[0][0]
                msg = f"project expects a cell of each slice, got none of {int(hidden.sum())}, {label!r} for one. Leave them out."
                raise StageError(msg)
        rows = model.rows_of(values, mask, mode, model.places(tools, tensor, "project", new=mode))
        return tools.frame(columns_of(tools, rows.astype(values.dtype, copy=False)), beside=tensor.labels[mode])
