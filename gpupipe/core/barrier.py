"""Barriers: stages whose result must be known before anything after them can start.

::

    Barrier
    ├── TaskStage     work on whole tables, graphs, tensors: its own array code, or an engine's way    (core/task_stage.py)
    ├── AskTask       an answer of something fitted that is such work    (core/answers.py)
    └── FitStage      measures blocks, merges what it measured, finishes into a row stage    (core/fit.py)
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gpupipe.core.stage import Stage
from gpupipe.core.want import Want

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress


class Barrier(Stage):
    """Must see results before anything after it can start.

    Where its `plan` says nothing, it is tried on empty tables: what they measure stands for the result.
    """

    @abstractmethod
    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return what is needed of each input, one entry an input; None for one that is no table, and is taken as it is."""

    def require_room(self, n_rows: Sequence[int | None], most_bytes: int | None) -> None:
        """Raise StageError, before anything is read, where the work surely needs more memory than there is.

        Parameters
        ----------
        n_rows
            The rows of each input, where it is known without reading them.
        most_bytes
            The memory of the one process that would do the work; None where nobody says.
        """
        return None

    @abstractmethod
    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Any:
        """Return the node's result, made of what was wanted.

        Parameters
        ----------
        planned
            The spec of the result.
        """

    def describe(self, result: Any) -> Mapping[str, Any]:
        """Return what the report shows of a result beyond its value: ``facts``, ``models``, ``curves``, ``cards`` (`report/cards.py`)."""
        return {}
