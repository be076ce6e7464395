"""Moments and cumulants of a tensor's rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import gpupipe.tensors as gt
from gpupipe.core.errors import PlanError, UsageError
from gpupipe.core.node import Node
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages.tensors._slabs import MomentsOfSlabs


@dataclass(frozen=True)
class Moments(TaskStage):
    """Gives the moment of an order of what varies along one dimension: a tensor that has the other dimension `order` times.

    Of a tensor of days and sensors, ``Moments(2, along="day", which="central")`` gives the covariance of the sensors, with the dimensions
    ``sensor`` and ``sensor_2``.

    Parameters
    ----------
    order
        1 to 4.
    along
        The dimension whose places are the rows.
    which
        ``"raw"``: means of products. ``"central"``: of products of what is left of the means. ``"cumulant"``: of order 4 less what
        covariances explain.
    bias
        Whether sums are divided by the number of rows; a cumulant without has the true one as its expectation.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToTensor
    >>> rows = pl.DataFrame({"day": [0, 0, 1, 1], "name": ["u", "v", "u", "v"], "x": [1.0, 2.0, 3.0, 4.0]})
    >>> Moments(2, along="day").apply(ToTensor(["day", "name"], "x").apply(rows)).values.tolist()
    [[5.0, 7.0], [7.0, 10.0]]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor,)
    gives: ClassVar[type[Node]] = Tensor

    order: int
    along: str
    which: Literal["raw", "central", "cumulant"] = "raw"
    bias: bool = True

    def __post_init__(self) -> None:
        if self.order not in (1, 2, 3, 4) or self.which not in ("raw", "central", "cumulant"):
            msg = f"Moments expects an order of 1 to 4 and which 'raw', 'central' or 'cumulant', got {self.order!r} and {self.which!r}."
            raise UsageError(msg)

    def plan(self, *specs: TensorSpec) -> TensorSpec:
        """Return the other dimension, `order` times."""
        spec = specs[0]
        place = spec.place(self.along, self.name)
        if len(spec.dims) != 2 or spec.sparse:
            got = "a sparse one" if spec.sparse else f"one of {len(spec.dims)}"
            msg = f"{self.name} expects a dense tensor of two dimensions, got {got}."
            raise PlanError(msg)
        name, dtype = spec.dims[1 - place]
        return TensorSpec(tuple((_numbered(name, number), dtype) for number in range(self.order)), spec.value)

    def solve(self, tools: Tools, *inputs: TensorData) -> TensorData:
        """Return the moment."""
        rows, labels = self.rows_of(inputs[0])
        return self.of_sums(self.sums(tools, rows), labels, inputs[0].value)

    def by_blocks(self, *schemas: Any) -> MomentsOfSlabs | None:
        """Return the way by slabs of a tensor that is cut along the dimension of the rows."""
        slabs = schemas[0]
        return MomentsOfSlabs((), self) if slabs.cut == self.along else None

    def rows_of(self, tensor: TensorData) -> tuple[Any, Any]:
        """Return the rows, and the labels of their columns."""
        place = tensor.dims.index(self.along)
        array = tensor.dense(self.name)
        return (array if place == 0 else array.T), tensor.labels[1 - place]

    def sums(self, tools: Tools, rows: Any) -> gt.Moments:
        """Return the sums of rows, for raw moments about zero."""
        return gt.Moments(self.order, tools.xp.zeros(rows.shape[1:]) if self.which == "raw" else None).update(rows)

    def of_sums(self, sums: gt.Moments, labels: Any, value: str) -> TensorData:
        """Return the moment that sums come to."""
        if self.which == "cumulant":
            made = sums.cumulant(self.order, bias=self.bias)
        else:
            made = sums.raw(self.order) if self.which == "raw" else sums.central(self.order)
        named = tuple(labels.rename({labels.columns[0]: _numbered(labels.columns[0], number)}) for number in range(self.order))
        return TensorData(made, None, None, named, value)


def _numbered(name: str, number: int) -> str:
    """Return the name of a dimension that is there several times.

    Examples
    --------
    >>> _numbered("sensor", 0), _numbered("sensor", 1)
    ('sensor', 'sensor_2')
    """
    return f"{name}_{number + 1}" if number else name
