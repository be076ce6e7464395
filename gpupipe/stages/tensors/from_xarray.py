"""A tensor of an array with labels in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.arrow import dtype_of
from gpupipe.core.errors import UsageError
from gpupipe.core.node import Node
from gpupipe.core.options import settle
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec


@dataclass(frozen=True, init=False, eq=False)
class FromXarray(TaskStage):
    """Begins a pipeline with a tensor: ``gp.FromXarray(array).node()``, for a DataArray of xarray in memory.

    A dimension's labels are its coordinate's, in their order, or numbers from 0 on where it has none; NaN is a missing cell. The way back
    is ``result["tensor"].to_xarray()``.

    Parameters
    ----------
    data
        The DataArray.
    value
        What the values are called; the array's name unless given, and ``"value"`` where it has none.

    Raises
    ------
    UsageError
        It is no DataArray, has no dimension, or labels that are missing, there twice, or floats.
    """

    takes: ClassVar[tuple[type[Node], ...]] = ()
    gives: ClassVar[type[Node]] = Tensor

    values: Any = field(repr=False)
    mask: Any = field(repr=False)
    labels: tuple[tuple[str, Any], ...] = field(repr=False)
    value: str

    def __init__(self, data: Any, value: str | None = None) -> None:
        if not all(hasattr(data, name) for name in ("dims", "coords", "values")) or not data.dims:
            msg = f"FromXarray expects a DataArray of xarray with a dimension or more, got {type(data).__name__}."
            raise UsageError(msg)
        values = np.asarray(data.values)
        if values.dtype.kind not in "fiub":
            msg = f"FromXarray expects numbers, got {values.dtype}. Cast the array to float64 or float32."
            raise UsageError(msg)
        values = values if values.dtype == np.float32 else values.astype(np.float64)
        there = ~np.isnan(values)
        labels = tuple((str(name), _labels(data, name, size)) for name, size in zip(data.dims, values.shape, strict=True))
        told = str(value if value is not None else "value" if data.name is None else data.name)
        if told in (name for name, _ in labels):
            msg = f"FromXarray expects values that are called otherwise than a dimension, got {told!r}. Say value='...'."
            raise UsageError(msg)
        settle(self, values=values, mask=None if there.all() else there, labels=labels, value=told)

    def node(self) -> Tensor:
        """Return the tensor, as a node of a pipeline."""
        made: Tensor = self.wire(())
        return made

    def plan(self, *specs: Any) -> TensorSpec:
        """Return the dimensions and the dtype."""
        dims = tuple((name, dtype_of(labels.type)) for name, labels in self.labels)
        dtype = nw.Float32() if self.values.dtype == np.float32 else nw.Float64()
        return TensorSpec(dims, (self.value, dtype), masked=self.mask is not None)

    def solve(self, tools: Tools, *inputs: Any) -> TensorData:
        """Return the tensor."""
        frames = tuple(tools.adopted(pa.table({name: labels})) for name, labels in self.labels)
        mask = None if self.mask is None else tools.xp.asarray(self.mask)
        return TensorData(tools.adopted(self.values), mask, None, frames, self.value)


def _labels(data: Any, name: Any, size: int) -> pa.Array:
    """Return a dimension's labels."""
    made = pa.array(np.asarray(data.coords[name].values)) if name in data.coords else pa.array(np.arange(size))
    twice = size - len(made.unique())
    if twice or made.null_count or pa.types.is_floating(made.type):
        got = f"{twice} that are there twice" if twice else f"{made.null_count} missing" if made.null_count else str(made.type)
        msg = f"FromXarray expects different labels along {str(name)!r} that can be equal, got {got}. Give the dimension other coordinates."
        raise UsageError(msg)
    return made
