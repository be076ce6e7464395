"""Tasks on a table in blocks: each block is opened once and measured in every pass, and what was measured is merged.

The words are those of fits (`core/fit.py`): start, measure, merge, advance, finish. A task that says how it is done so
(`TaskStage.by_blocks`) needs no worker that holds all rows; what it makes must be what it makes of all rows at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.tools import Tools


class ByBlocks(ABC):
    """How a task is done on a table in blocks; a frozen value, which goes to the workers.

    Parameters
    ----------
    keys
        The columns whose equal rows must be in one block; none where any cut will do.
    """

    keys: tuple[str, ...]
    gives_rows: ClassVar[bool] = False  # whether the result is a table, which stays in blocks, and is made by `rows`

    @abstractmethod
    def opened(self, tools: Tools, *frames: nw.DataFrame[Any]) -> Any:
        """Return what is kept of a block from pass to pass: arrays and Arrow tables.

        Parameters
        ----------
        frames
            The block, and all rows of the task's other tables.
        """

    @abstractmethod
    def start(self) -> Any:
        """Return the state before the first pass: a plain value that pickles."""

    @abstractmethod
    def measure(self, tools: Tools, state: Any, held: Any) -> tuple[Any, Any]:
        """Return what a pass measures of a block, and what is kept of it from now on."""

    @abstractmethod
    def merge(self, measured: Sequence[Any]) -> Any:
        """Return what was measured of several blocks, in any grouping."""

    @abstractmethod
    def advance(self, tools: Tools, state: Any, total: Any) -> tuple[Any, bool]:
        """Return the state after a pass, and whether it was the last."""

    def finish(self, tools: Tools, state: Any) -> Any:
        """Return the result, or nothing where it is rows; what is noted here is in the report."""
        return None

    def rows(self, tools: Tools, state: Any, held: Any) -> nw.DataFrame[Any]:
        """Return the rows of the result that a block makes."""
        raise NotImplementedError
