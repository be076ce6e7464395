"""What stages share that aggregate windows of rows around each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import DtypeError, UsageError, listing, nearest
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage
from gpupipe.core.verbs import Rolled, Window
from gpupipe.kernels.rolling import FUNCTIONS
from gpupipe.stages._keys import require_plain
from gpupipe.stages._ordered import as_number, is_time, settled_order

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

_AT = "\x1findex"


class WindowStage(KeyStage):
    """Appends to each row aggregates of a window of its key's rows."""

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True
    keeps_keys: ClassVar[bool] = True

    window: Window
    by_row: bool  # whether the window is of rows in order, however far apart

    @property
    def keys(self) -> tuple[str, ...]:
        """The key's columns."""
        return self.window.by

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for a key, an index or values of the wrong kind."""
        schema = schemas[0]
        require_plain(schema, self.window.by, f"{self.name}'s by")
        schema.require((self.window.index,))
        self.check_index(schema[self.window.index].dtype)
        for rolled in self.window.aggregates:
            schema.require((rolled.column,))
            if rolled.function != "count":
                word = rolled.function.partition(":")[0]
                schema.require_numeric((rolled.column,), f"{self.name}'s {word}")
                dtype = schema[rolled.column].dtype
                if dtype.is_decimal():
                    expected = f"{self.name}'s {word} expects integers or floats, got {dtype} in column {rolled.column!r}."
                    raise DtypeError(f"{expected} Cast it to Float64 first.")
            if rolled.name in schema:
                msg = f"{self.name} expects new names for its aggregates, got {rolled.name!r}, which is a column already."
                raise DtypeError(msg)

    def check_index(self, dtype: Any) -> None:
        """Raise DtypeError where the index holds neither whole numbers nor times."""
        if not (dtype.is_integer() or is_time(dtype)):
            msg = f"{self.name} expects integers, dates or times in index {self.window.index!r}, got {dtype}. Cast it first."
            raise DtypeError(msg)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the aggregates."""
        schema = frames[0].collect_schema()
        if not self.by_row and not is_time(schema[self.window.index]):
            return verbs.roll(frames[0], self.window)
        if self.by_row:
            order = settled_order(schema, self.window.by, (self.window.index,))
            one = nw.when(nw.col(self.window.index).is_null()).then(nw.lit(None, dtype=nw.Int64)).otherwise(nw.lit(1))
            frame = frames[0].with_columns(one.alias(_AT))
            frame = frame.with_columns(nw.col(_AT).cum_sum().over(*self.window.by, order_by=order).alias(_AT))
        else:
            frame = frames[0].with_columns(as_number(nw.col(self.window.index), schema[self.window.index]).alias(_AT))
        window = Window(self.window.by, _AT, self.window.start, self.window.stop, self.window.aggregates)
        return verbs.roll(frame, window).drop(_AT)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns of the window; all where rows are counted, since the others settle their order."""
        return frozenset(schemas[0]) if self.by_row else frozenset(self.window.columns)


def rolled_of(aggregates: Mapping[str, Any], what: str) -> tuple[Rolled, ...]:
    """Return the aggregates from ``("column", "function")``, or ``("column", "quantile", 0.9)``.

    Raises
    ------
    UsageError
        There is none, or one of another form.
    """
    if not aggregates:
        msg = f"{what} expects at least one aggregate, new_name=('column', 'max'), got none."
        raise UsageError(msg)
    return tuple(_rolled(name, given, what) for name, given in aggregates.items())


def _rolled(name: str, given: Any, what: str) -> Rolled:
    """Return one aggregate."""
    if not isinstance(given, tuple) or len(given) not in (2, 3):
        msg = f"{what} expects ('column', 'function') for {name!r}, got {given!r}."
        raise UsageError(msg)
    column, function, *level = given
    if function not in FUNCTIONS:
        msg = f"{what} expects one of {listing(FUNCTIONS)} for {name!r}, got {function!r}.{nearest(str(function), FUNCTIONS)}"
        raise UsageError(msg)
    has_level = len(level) == 1 and isinstance(level[0], int | float) and 0 <= level[0] <= 1
    if (function == "quantile") is not has_level or (level and function != "quantile"):
        msg = f"{what} expects ('column', 'quantile', level) with a level from 0 to 1, and no level for others, got {given!r} for {name!r}."
        raise UsageError(msg)
    return Rolled(name, column, f"quantile:{float(level[0])!r}" if level else function)
