"""What stages that decompose a tensor have in common: what they take, and how the maths of `gpupipe.tensors` is called."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from operator import index
from typing import Any, ClassVar

from gpupipe.core.errors import PlanError, UsageError
from gpupipe.core.node import Fitted, Node
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.tensors._als import listening


class TensorFit(TaskStage):
    """A decomposition; its fields are the options of its estimator in `gpupipe.tensors`."""

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor,)
    gives: ClassVar[type[Node]] = Fitted
    estimator: ClassVar[Any]
    takes_sparse: ClassVar[bool] = False
    takes_missing: ClassVar[bool] = True

    def require(self, spec: TensorSpec) -> None:
        """Raise PlanError for a tensor that cannot be decomposed so."""
        if len(spec.dims) < 2:
            msg = f"{self.name} expects a tensor of two dimensions or more, got {len(spec.dims)}: {spec.names[0]!r}."
            raise PlanError(msg)
        if spec.sparse and not self.takes_sparse:
            msg = f"{self.name} takes a dense tensor, got a sparse one. Make it with sparse=False, or take CP, which takes sparse ones."
            raise PlanError(msg)

    def estimated(self, tools: Tools, tensor: TensorData) -> Any:
        """Return the estimator, fitted, and tell the report how it went."""
        values, mask = tensor.observed(self.name)
        given = {} if mask is None else {"mask": mask}
        if mask is not None and not self.takes_missing:
            tensor.dense(self.name)  # raises what to do
        options = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        progress = tools.progress

        def told(number: int, most: int, error: float) -> None:
            if progress is not None:
                progress(number, most, {"relative error": error})

        with listening(told if progress is not None else None):
            found = self.estimator(**options).fit(values, **given)
        tools.note(sweeps=len(found.errors_))
        return found


def require_counts(stage: str, **counts: int | None) -> None:
    """Raise UsageError for a count that is below 1."""
    for name, count in counts.items():
        if count is not None and count < 1:
            msg = f"{stage} expects {name} of at least 1, got {count}."
            raise UsageError(msg)


def require_start(stage: str, init: Any, known: tuple[str, ...]) -> None:
    """Raise UsageError for a start that is no name of one."""
    if not isinstance(init, str) or init not in known:
        msg = f"{stage} expects init to be one of {', '.join(known)}, got {init!r}. To go on from arrays, use gpupipe.tensors."
        raise UsageError(msg)


def as_rank(rank: Any) -> Any:
    """Return a rank as a plain value: one for each dimension as a tuple; NumPy's numbers become Python's."""
    if rank is None or isinstance(rank, bool | float | str):
        return rank
    return tuple(map(as_rank, rank)) if isinstance(rank, Iterable) else index(rank)
