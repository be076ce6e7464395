"""What stages that iterate until little changes have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from gpupipe.core.node import Node
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph


@dataclass(frozen=True, kw_only=True)
class Iterative(TaskStage):
    """Iterates until the total change is small; the report tells of the iterations and of the last change.

    Parameters
    ----------
    tol, max_iter
        It ends when the values change by less in total, and it is an error if that is not after so many iterations.
    iterations
        Exactly so many, whatever the change.
    on_no_convergence
        ``"error"``, ``"warn"`` (the values as they are, and a warning) or ``"ignore"``.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    tol: float = 1e-8
    max_iter: int = 200
    iterations: int | None = None
    on_no_convergence: Literal["error", "warn", "ignore"] = "error"

    @property
    def ending(self) -> dict[str, Any]:
        """What the functions of `gpupipe.graphs` are told of when to end."""
        return {name: getattr(self, name) for name in ("tol", "max_iter", "iterations", "on_no_convergence")}

    def tell(self, tools: Tools, found: Any) -> None:
        """Tell the report how it went."""
        counted = {} if found.iterations is None else {"iterations": found.iterations}
        tools.note(**counted, change=found.residuals[-1] if found.residuals else 0.0, converged=found.converged)
