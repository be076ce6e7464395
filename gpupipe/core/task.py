"""Tasks: work on whole tables, graphs, tensors and the like that is no table stage. An engine has one method for all of them, `solve`.

A task is a frozen value. An engine looks for its own way of doing it, by the task's name: the function `solve` in
``engines/<engine>/tasks/<task>.py``. Where there is none, the task's own `solve` is done: array code that all engines share, on arrays
of the engine's library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from gpupipe.core.errors import UnsupportedError
from gpupipe.core.progress import Progress

if TYPE_CHECKING:
    from gpupipe.core.by_blocks import ByBlocks
    from gpupipe.core.tools import Tools


class Task:
    """Work that an engine is given as a whole; a frozen value."""

    task: ClassVar[str]  # the name of the file in which an engine has its own way of doing it
    stays: ClassVar[bool] = False  # whether what it makes stays where it was made until something asks for it

    @property
    def title(self) -> str:
        """What reports and errors call it."""
        return self.task.capitalize()

    def by_blocks(self, *schemas: Any) -> ByBlocks | None:
        """Return how the task is done on tables in blocks, the first one cut; None where one worker must see all rows.

        Of something that lies in parts, the `InParts` is given in place of a schema.
        """
        return None

    def solve(self, tools: Tools, *inputs: Any) -> Any:
        """Return the result, made by array code that all engines share.

        Parameters
        ----------
        tools
            What makes arrays of frames, and frames of arrays.
        inputs
            Tables as eager narwhals frames of the engine's library; graphs, tensors and fitted things as they are held.
        """
        msg = f"{self.task} is done by each engine in its own way, and there is none for this engine. Use engine 'cpu'."
        raise UnsupportedError(msg)


@dataclass(frozen=True)
class Training(Task):
    """An estimator is trained on a table, and watched on a second one where it is given; the result is the fitted estimator."""

    task: ClassVar[str] = "training"

    @property
    def title(self) -> str:
        """The estimator's name."""
        return type(self.estimator).__name__

    estimator: Any
    features: tuple[str, ...]
    target: str | None
    weight: str | None
    progress: Progress | None = None
    group: str | None = None  # the column that tells groups of rows apart, of an estimator that ranks them


@dataclass(frozen=True)
class Scoring(Task):
    """Predictions are measured against what is true; the result is ``{"values": {metric: number}, "curves": [...]}``."""

    task: ClassVar[str] = "scoring"
    title: ClassVar[str] = "Evaluate"

    metrics: tuple[str, ...]
    target: str
    prediction: str | None
    probability: str | None
    weight: str | None
    features: tuple[str, ...] = ()
