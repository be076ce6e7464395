"""The tensor that a decomposition stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from gpupipe.core.node import Node
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages.tensors._model import TensorModel


@dataclass(frozen=True)
class Rebuilt(TaskStage):
    """Gives the dense tensor that a decomposition stands for."""

    takes: ClassVar[tuple[type[Node], ...]] = ()
    gives: ClassVar[type[Node]] = Tensor

    model: TensorModel

    def plan(self, *specs: Any) -> TensorSpec:
        """Return the dimensions of the fit."""
        return self.model.cell_spec()

    def solve(self, tools: Tools, *inputs: Any) -> TensorData:
        """Return the tensor."""
        model = self.model.adopted(tools)
        model.require_room(tools, "reconstruct")
        return TensorData(model.block([tools.xp.arange(size) for size in model.shape]), None, None, model.labels, model.value)
