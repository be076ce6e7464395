"""Verbs: what a stage may ask of an engine on frames, beyond narwhals, and the values that say how."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pyarrow as pa


@dataclass(frozen=True)
class Joining:
    """How two tables are joined. Missing keys match nothing.

    Parameters
    ----------
    suffix, left_suffix
        What is put behind names that both tables have: the right table's, and the left one's.
    once
        Of which sides each key is to stand in one row.
    """

    left_on: tuple[str, ...]
    right_on: tuple[str, ...]
    how: Literal["inner", "left", "right", "full", "semi", "anti", "cross"]
    suffix: str = "_right"
    left_suffix: str = ""
    once: frozenset[Literal["left", "right"]] = frozenset()
    ordered: bool = False  # whether a left or inner join must keep the order of the left table's rows


@dataclass(frozen=True)
class AsofJoining:
    """How each row of a table is joined to the row of another one that is nearest in time, within its key. Missing ones match nothing.

    Parameters
    ----------
    at
        The column of time in both tables, Int64; the other table's is left out of the result.
    tolerance
        How far apart the times may be.
    exact
        Whether a row of the same time counts.
    suffix
        What is put behind names that both tables have.
    """

    by: tuple[str, ...]
    at: str
    strategy: Literal["backward", "forward", "nearest"]
    tolerance: int | None
    exact: bool
    suffix: str


@dataclass(frozen=True)
class IntervalJoining:
    """How each row of a table is joined to those of another one whose interval, in its key, holds its value. Missing ones are in none.

    Parameters
    ----------
    start, end
        The other table's columns; an interval without an end has none.
    how
        Whether rows without an interval come out.
    closed
        Which ends belong to an interval.
    suffix
        What is put behind names that both tables have.
    """

    by: tuple[str, ...]
    at: str
    start: str
    end: str
    how: Literal["inner", "left"]
    closed: Literal["left", "right", "both", "none"]
    suffix: str


@dataclass(frozen=True)
class Sorting:
    """In what order rows are put."""

    columns: tuple[str, ...]
    descending: tuple[bool, ...]
    nulls_last: bool


@dataclass(frozen=True)
class Stacking:
    """The rows of several tables become those of one."""


@dataclass(frozen=True)
class ByBlock:
    """Done block by block; where `again`, once more on what is left of all blocks."""

    again: bool = False


Spread: TypeAlias = Joining | Sorting | Stacking | ByBlock


@dataclass(frozen=True)
class Rolled:
    """One column of a rolling window: a function of a column, under a new name; see `kernels/rolling.py` for what there is."""

    name: str
    column: str
    function: str


@dataclass(frozen=True)
class Window:
    """The rows of the same key whose index lies in ``[index + start, index + stop)``, around each row."""

    by: tuple[str, ...]
    index: str
    start: int
    stop: int
    aggregates: tuple[Rolled, ...]

    @property
    def columns(self) -> list[str]:
        """The columns that the window needs."""
        return list(dict.fromkeys([*self.by, self.index, *(rolled.column for rolled in self.aggregates)]))


class Verbs(ABC):
    """What a stage may ask of an engine on frames, beyond narwhals: where the libraries disagree, or narwhals has no word for it."""

    @abstractmethod
    def join(self, left: nw.LazyFrame[Any], right: nw.LazyFrame[Any], how: Joining) -> nw.LazyFrame[Any]:
        """Return the joined rows. A full join keeps one key column, from whichever side has the row."""

    @abstractmethod
    def join_asof(self, left: nw.LazyFrame[Any], right: nw.LazyFrame[Any], how: AsofJoining) -> nw.LazyFrame[Any]:
        """Return the left rows, each with the right one that is nearest in time; of several, the first or last as they come."""

    @abstractmethod
    def join_interval(self, left: nw.LazyFrame[Any], right: nw.LazyFrame[Any], how: IntervalJoining) -> nw.LazyFrame[Any]:
        """Return each left row with every right one in whose interval it lies; in a left join also alone, where there is none."""

    def in_order(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame for a user's function: left and inner joins of narwhals' own keep the order of its rows."""
        return frame

    @abstractmethod
    def require_once(self, frame: nw.LazyFrame[Any], keys: Sequence[str], expected: str) -> nw.LazyFrame[Any]:
        """Return the frame; where rows have equal keys, computing it fails with what was `expected`. Missing keys equal nothing."""

    @abstractmethod
    def sort(self, frame: nw.LazyFrame[Any], columns: Sequence[str], descending: Sequence[bool], *, nulls_last: bool) -> nw.LazyFrame[Any]:
        """Return the rows in order; NaN is the largest number."""

    @abstractmethod
    def hash_rows(self, frame: nw.LazyFrame[Any], columns: Sequence[str], seed: int, name: str) -> nw.LazyFrame[Any]:
        """Return the frame with a UInt64 column `name`: XXH64 of the columns' values, the same on every engine."""

    @abstractmethod
    def hash_columns(self, frame: nw.LazyFrame[Any], columns: Sequence[str], seed: int, n_bits: int) -> nw.LazyFrame[Any]:
        """Return the frame with each of the columns replaced by the upper bits of its XXH64, as UInt32; missing stays missing."""

    @abstractmethod
    def look_up(self, frame: nw.LazyFrame[Any], values: Mapping[str, Sequence[str]], unknown: int | None) -> nw.LazyFrame[Any]:
        """Return the frame with columns replaced by the position, as Int32, of their text among the values; the rows keep their order."""

    @abstractmethod
    def scale(self, frame: nw.LazyFrame[Any], scales: Mapping[str, tuple[float, float]]) -> nw.LazyFrame[Any]:
        """Return the frame with columns as Float64, less the first number and divided by the second one."""

    @abstractmethod
    def roll(self, frame: nw.LazyFrame[Any], window: Window) -> nw.LazyFrame[Any]:
        """Return the frame with the window's aggregates appended to each row."""

    @abstractmethod
    def map_arrays(self, frame: nw.LazyFrame[Any], mapped: ArrayMap) -> nw.LazyFrame[Any]:
        """Return the frame with columns appended that a function makes of an array of some columns."""

    @abstractmethod
    def map_text(self, frame: nw.LazyFrame[Any], mapped: TextMap) -> nw.LazyFrame[Any]:
        """Return the rows that a function makes of each text of a column, beside the kept columns of the text's row."""

    @abstractmethod
    def unfitted(self, estimator: Any) -> Any:
        """Return a copy of an unfitted estimator, or what stands for it, that is fitted to the arrays that `map_arrays` hands over."""

    @abstractmethod
    def literal(self, table: pa.Table) -> nw.LazyFrame[Any]:
        """Return a small Arrow table as a frame of this engine."""


@dataclass(frozen=True)
class ArrayMap:
    """A function from an array [n_rows, n_columns] to one array [n_rows] for each output.

    Parameters
    ----------
    columns
        The columns of the array, in order.
    outputs
        Names and dtypes of the columns made.
    function
        Gets the engine's array (NumPy, CuPy), never of zero rows; missing values are NaN.
    drop
        Columns left out of the result.
    whole
        Whether the function must see all rows at once.
    nan_as_null
        Whether NaN in what the function makes is missing.
    named
        Whether the function gets a data frame (pandas) with the columns' names instead of an array.
    """

    columns: tuple[str, ...]
    outputs: tuple[tuple[str, Any], ...]
    function: Callable[[Any], Sequence[Any]]
    drop: tuple[str, ...] = ()
    whole: bool = False
    nan_as_null: bool = False
    named: bool = False


@dataclass(frozen=True)
class TextMap:
    """A function from texts to any number of rows for each.

    Parameters
    ----------
    column
        The column of the texts.
    kept
        The columns that each row made gets from its text's row.
    outputs
        Names and dtypes of the columns made; no kept one is among them.
    function
        Gets an Arrow array of texts, never of no rows, and returns an Arrow table of the outputs, behind a column ``row``: which text each
        is of, from 0 on, in ascending order. What is missing has no rows, and each text's rows depend on it alone.
    """

    column: str
    kept: tuple[str, ...]
    outputs: tuple[tuple[str, Any], ...]
    function: Callable[[pa.Array], pa.Table]
