"""Aggregates a window of rows around each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from gpupipe.core.errors import DtypeError, UsageError, listing, nearest
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, as_columns
from gpupipe.core.verbs import Rolled, Window
from gpupipe.stages._keys import require_plain

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.verbs import Verbs

FUNCTIONS = ("min", "max", "sum", "mean", "count")


@dataclass(frozen=True, init=False)
class Rolling(KeyStage):
    """Appends to each row aggregates of the rows of its key whose index lies in a window around its own.

    The window of a row with index t holds the rows with index in ``[t + start, t + stop)``, however many there are: gaps are no rows, and
    rows of one index share a window. Missing values are passed over; a row whose index is missing gets missing aggregates. A minimum or
    maximum passes over NaN unless there is nothing else. Sums of whole numbers are Int64, and wrap; a mean is taken in Float64.

    Parameters
    ----------
    by
        The key's columns.
    index
        An integer column: months, seconds, positions.
    start, stop
        The window's ends, relative to the row's index: ``start=0, stop=12`` is this month and the eleven after it.
    aggregates
        ``new_name=("column", "max")``, with ``min``, ``max``, ``sum``, ``mean`` or ``count``.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"k": [1, 1, 1], "t": [0, 1, 5], "x": [3, 1, 2]})
    >>> Rolling("k", index="t", start=0, stop=2, low=("x", "min")).apply(frame).sort("t")["low"].to_list()
    [1, 1, 2]
    """

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True

    window: Window

    def __init__(self, by: str | Sequence[str], *, index: str, start: int, stop: int, **aggregates: tuple[str, str]) -> None:
        if not isinstance(start, int) or not isinstance(stop, int) or start >= stop:
            msg = f"Rolling expects integers start < stop, got start={start!r}, stop={stop!r}."
            raise UsageError(msg)
        if not aggregates:
            msg = "Rolling expects at least one aggregate, new_name=('column', 'max'), got none."
            raise UsageError(msg)
        rolled = tuple(_rolled(name, given) for name, given in aggregates.items())
        settle(self, window=Window(as_columns(by, "Rolling's by"), index, start, stop, rolled))

    @property
    def keys(self) -> tuple[str, ...]:
        """The key's columns."""
        return self.window.by

    def keeps_keys(self) -> bool:
        """Whether the key's columns come out as they went in: they do."""
        return True

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for a key, an index or values of the wrong kind."""
        schema = schemas[0]
        require_plain(schema, self.window.by, "Rolling's by")
        schema.require((self.window.index,))
        if not schema[self.window.index].dtype.is_integer():
            msg = f"Rolling expects integers in index {self.window.index!r}, got {schema[self.window.index].dtype}. Cast it first."
            raise DtypeError(msg)
        for rolled in self.window.aggregates:
            schema.require((rolled.column,))
            if rolled.function != "count":
                schema.require_numeric((rolled.column,), f"Rolling's {rolled.function}")
                dtype = schema[rolled.column].dtype
                if dtype.is_decimal():
                    expected = f"Rolling's {rolled.function} expects integers or floats, got {dtype} in column {rolled.column!r}."
                    raise DtypeError(f"{expected} Cast it to Float64 first.")
            if rolled.name in schema:
                msg = f"Rolling expects new names for its aggregates, got {rolled.name!r}, which is a column already."
                raise DtypeError(msg)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the aggregates."""
        return verbs.roll(frames[0], self.window)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns of the window."""
        return frozenset(self.window.columns)


def _rolled(name: str, given: Any) -> Rolled:
    """Return one aggregate from ``("column", "function")``."""
    if not isinstance(given, tuple) or len(given) != 2:
        msg = f"Rolling expects ('column', 'function') for {name!r}, got {given!r}."
        raise UsageError(msg)
    column, function = given
    if function not in FUNCTIONS:
        msg = f"Rolling expects one of {listing(FUNCTIONS)} for {name!r}, got {function!r}.{nearest(str(function), FUNCTIONS)}"
        raise UsageError(msg)
    return Rolled(name, column, cast(Any, function))
