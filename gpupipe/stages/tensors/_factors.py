"""The table of one dimension's factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import ColumnError, PlanError
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import TensorData
from gpupipe.stages.tensors._model import TensorModel, never_missing


@dataclass(frozen=True)
class Factors(TaskStage):
    """Gives a dimension's factor as a table: a row for each label, and the columns ``component_1`` on.

    Parameters
    ----------
    long
        A row for each label and component instead, with the columns ``component`` and ``factor``.
    """

    takes: ClassVar[tuple[type[Node], ...]] = ()

    model: TensorModel
    dim: str
    long: bool

    def plan(self, *specs: Any) -> Schema:
        """Return the label and the components, none of them missing."""
        spec = self.model.cell_spec()
        mode = spec.place(self.dim, "factors")
        if self.long:
            components = {"component": nw.Int64(), "factor": spec.value[1]}
        else:
            n_components = self.model.matrix(mode).shape[1]
            if not n_components:
                msg = "How many components a share of the parameters is will be known with the tensor. Ask for factors(dim=..., long=True)."
                raise PlanError(msg)
            components = component_columns(n_components, spec.value[1])
        return with_label(self.dim, spec.dims[mode][1], components)

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the factor."""
        model = self.model.adopted(tools)
        mode = model.dims.index(self.dim)
        matrix, labels = model.matrix(mode), model.labels[mode]
        if not self.long:
            return tools.frame(columns_of(tools, matrix), beside=labels)
        size, rank = matrix.shape
        places = [tools.xp.repeat(tools.xp.arange(size), rank), tools.xp.tile(tools.xp.arange(rank), size)]
        components = tools.frame({"component": tools.xp.arange(1, rank + 1)})
        cells = TensorData(matrix, None, None, (labels, components), "factor")
        return cells.by_cell(tools, places, tools.xp.ascontiguousarray(matrix).reshape(-1))


def component_columns(n_components: int, dtype: Any) -> dict[str, Any]:
    """Return the columns of components."""
    return {f"component_{number + 1}": dtype for number in range(n_components)}


def columns_of(tools: Tools, matrix: Any) -> dict[str, Any]:
    """Return a matrix as columns of components."""
    return {f"component_{number + 1}": tools.xp.ascontiguousarray(matrix[:, number]) for number in range(matrix.shape[1])}


def with_label(dim: str, dtype: Any, columns: dict[str, Any]) -> Schema:
    """Return the columns of a table with a label in each row, none of them missing."""
    if dim in columns:
        msg = f"The table has a column {dim!r} of its own, and the dimension is called so. Rename it before ToTensor."
        raise ColumnError(msg)
    return never_missing({dim: dtype, **columns})
