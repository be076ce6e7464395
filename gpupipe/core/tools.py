"""Tools: what makes arrays of an engine's frames, and frames of arrays, so that a task's array code is written once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.progress import Progress


@dataclass(frozen=True)
class Codes:
    """Keys as numbers from 0 on, in ascending order of the keys.

    Parameters
    ----------
    numbers
        For each of the frames, an array of int32 (int64 from 2**31 keys on): the number of each row's key.
    keys
        Each key once, in ascending order, as a frame under the names of the first frame's columns.
    """

    numbers: tuple[Any, ...]
    keys: nw.DataFrame[Any]


class Tools(ABC):
    """Arrays of frames, and frames of arrays, in the engine's library.

    Parameters
    ----------
    xp
        The module of the engine's arrays: NumPy or CuPy.
    progress
        Told of each round of a task that has rounds.
    most_bytes
        How much memory the task may need; None where nobody says.
    """

    xp: Any
    progress: Progress | None = None
    most_bytes: int | None = None
    told: Mapping[str, Any] = {}  # ``facts`` and ``cards`` for the report, see `Barrier.describe`

    def note(self, **facts: Any) -> None:
        """Tell the report something of how the task went, such as how many iterations it took."""
        self.told = {**self.told, "facts": {**self.told.get("facts", {}), **facts}}

    def show(self, title: str, *parts: Mapping[str, Any]) -> None:
        """Show something on the report's page; what parts there are is told in `report/cards.py`."""
        self.told = {**self.told, "cards": [*self.told.get("cards", ()), {"title": title, "parts": list(parts)}]}

    @abstractmethod
    def array(self, frame: nw.DataFrame[Any], column: str) -> Any:
        """Return a column of numbers, truth values, dates or times as an array; what is missing is NaN in floats, else anything."""

    @abstractmethod
    def missing(self, frame: nw.DataFrame[Any], column: str) -> Any | None:
        """Return an array that says of each row whether its value is missing; None where none is."""

    @abstractmethod
    def coded(self, *frames: tuple[nw.DataFrame[Any], Sequence[str]]) -> Codes:
        """Return the keys of rows as numbers; a key is the values of some columns, none of them missing, of one dtype in each frame."""

    @abstractmethod
    def frame(self, columns: Mapping[str, Any], beside: nw.DataFrame[Any] | None = None) -> nw.DataFrame[Any]:
        """Return a frame of arrays, beside the columns of a frame of as many rows; a masked array's masked values are missing."""

    @abstractmethod
    def masked(self, values: Any, missing: Any) -> Any:
        """Return an array whose values are missing where another one says so, as `frame` takes it."""

    @abstractmethod
    def adopted(self, data: Any) -> Any:
        """Return an array or an Arrow table, of whatever device, as an array or a frame of the engine."""
