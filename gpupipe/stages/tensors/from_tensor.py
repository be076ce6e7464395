"""Makes a table of a tensor, with a row for each cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec


@dataclass(frozen=True)
class FromTensor(TaskStage):
    """Makes a table with a row for each cell: a column of labels for each dimension, and one of values.

    Of a tensor with missing cells, or a sparse one, it has the rows of the cells that are there.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToTensor
    >>> tensor = ToTensor(["a", "b"], "x").apply(pl.DataFrame({"a": [2, 1], "b": ["u", "v"], "x": [5.0, 6.0]}))
    >>> FromTensor().apply(tensor).rows()
    [(1, 'v', 6.0), (2, 'u', 5.0)]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor,)

    def plan(self, *specs: TensorSpec) -> Schema:
        """Return the labels and the value, none of them missing."""
        spec = specs[0]
        return TensorSpec(spec.dims, spec.value).by_cell()

    def solve(self, tools: Tools, *inputs: TensorData) -> nw.DataFrame[Any]:
        """Return the cells."""
        (tensor,) = inputs
        if tensor.coordinates is not None:
            return tensor.by_cell(tools, list(tensor.coordinates), tensor.values)
        present = tools.xp.ones(tensor.shape, dtype=bool) if tensor.mask is None else tensor.mask
        return tensor.by_cell(tools, list(tools.xp.nonzero(present)), tensor.values[present])
