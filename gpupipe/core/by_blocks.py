"""Tasks on a table in blocks: each block is opened once and measured in every pass, and what was measured is merged.

The words are those of fits (`core/fit.py`): start, measure, merge, advance, finish. A task that says how it is done so
(`TaskStage.by_blocks`) needs no worker that holds all rows; what it makes must be what it makes of all rows at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from gpupipe.core.arrow import plain_table

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pyarrow as pa

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
    gives_parts: ClassVar[bool] = False  # whether it is something else in parts: `finish` returns the `InParts`, and `part` makes each

    @abstractmethod
    def opened(self, tools: Tools, *frames: nw.DataFrame[Any]) -> Any:
        """Return what is kept of a block from pass to pass: arrays and Arrow tables.

        Parameters
        ----------
        frames
            The block, and all rows of the task's other tables; of something in parts, a part, or None where a block has none.
        """

    @abstractmethod
    def start(self) -> Any:
        """Return the state before the first pass: a plain value that pickles."""

    def question(self, state: Any) -> Any:
        """Return what blocks must know of the state: all of it, unless said."""
        return state

    @abstractmethod
    def measure(self, tools: Tools, question: Any, held: Any) -> tuple[Any, Any]:
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

    def rows(self, tools: Tools, held: Any) -> nw.DataFrame[Any]:
        """Return the rows of the result that a block makes of what is kept of it."""
        raise NotImplementedError

    def part(self, tools: Tools, held: Any) -> Any:
        """Return the holding that is a block's part of the result, made of what is kept of it; None where it has none."""
        raise NotImplementedError


class InParts(ABC):
    """What is known of something that lies in parts where its blocks were: a tensor in slabs."""

    n_bytes: int

    @abstractmethod
    def describe(self) -> Mapping[str, Any]:
        """Return what the report says of the whole."""

    @abstractmethod
    def joined(self, tools: Tools, parts: Sequence[Any]) -> Any:
        """Return the whole, a holding."""


@dataclass(frozen=True)
class EachBlock(ByBlocks):
    """How rows are made that depend on the rows of one key alone: each block makes its own, and what is told of them adds up.

    Parameters
    ----------
    stage
        The stage that is done so. ``stage.of_block(tools, *frames)`` returns the rows of a block and a number; ``stage.tell(tools,
        number)`` tells the report of the sum.
    """

    gives_rows: ClassVar[bool] = True

    keys: tuple[str, ...]
    stage: Any

    def opened(self, tools: Tools, *frames: nw.DataFrame[Any]) -> tuple[pa.Table, ...]:
        """Return the rows."""
        return tuple(plain_table(frame.to_arrow()) for frame in frames)

    def start(self) -> None:
        """Return nothing: there is one pass, and nothing to be known before it."""
        return None

    def measure(self, tools: Tools, question: None, held: tuple[pa.Table, ...]) -> tuple[int, pa.Table]:
        """Return what is told, and the rows made as what is kept."""
        made, told = self.stage.of_block(tools, *map(tools.adopted, held))
        return told, plain_table(made.to_arrow())

    def merge(self, measured: Sequence[int]) -> int:
        """Return the sum."""
        return sum(measured)

    def advance(self, tools: Tools, state: None, total: int) -> tuple[None, bool]:
        """Tell the report."""
        self.stage.tell(tools, total)
        return None, True

    def rows(self, tools: Tools, held: pa.Table) -> nw.DataFrame[Any]:
        """Return the rows made."""
        made: nw.DataFrame[Any] = tools.adopted(held)
        return made
