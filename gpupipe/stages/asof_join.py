"""Joins each row with the one of another table that is nearest in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals.stable.v2 as nw

from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.core.node import Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, Outcome, as_columns
from gpupipe.core.verbs import AsofJoining
from gpupipe.stages._keys import is_plain, require_plain
from gpupipe.stages._ordered import as_number, microseconds, require_points

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

_AT = "\x1fat"


@dataclass(frozen=True, init=False)
class AsofJoin(KeyStage):
    """Appends to each left row the columns of the right row of its key that is nearest in time; missing if there is none.

    Every left row comes out once. Of several right rows of one time the one with the largest values in its other columns is taken,
    ``"forward"`` the smallest. What is missing, key or time, matches nothing. It is Polars' ``join_asof``, pandas' ``merge_asof``.

    Parameters
    ----------
    on
        The column of time, in both tables: whole numbers, dates or times. The left one's stays.
    by
        The key's columns, in both tables. Without a key, give both a column of one value.
    strategy
        ``"backward"``: the last row that is no later; ``"forward"``: the first that is no earlier; ``"nearest"``: the closer of both, the
        later one where they are as close.
    tolerance
        How far apart the times may be: a whole number for whole numbers, else a timedelta or text such as ``"2h"``.
    right_on
        The right table's column of time, where its name differs.
    exact
        Whether a row of the same time counts.
    suffix
        What is put behind the right table's names that the left one has, too.

    Examples
    --------
    >>> import polars as pl
    >>> trades = pl.DataFrame({"stock": ["a", "a"], "t": [3, 9], "n": [10, 20]})
    >>> quotes = pl.DataFrame({"stock": ["a", "a"], "t": [1, 4], "price": [5.0, 6.0]})
    >>> AsofJoin("t", by="stock").apply(trades, quotes).sort("t")["price"].to_list()
    [5.0, 6.0]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    keeps_values: ClassVar[bool] = True
    keeps_keys: ClassVar[bool] = True

    on: str
    by: tuple[str, ...]
    right_on: str
    strategy: Literal["backward", "forward", "nearest"]
    tolerance: Any
    exact: bool
    suffix: str

    def __init__(
        self,
        on: str,
        *,
        by: str | Sequence[str],
        strategy: Literal["backward", "forward", "nearest"] = "backward",
        tolerance: int | str | dt.timedelta | None = None,
        right_on: str | None = None,
        exact: bool = True,
        suffix: str = "_right",
    ) -> None:
        if strategy not in ("backward", "forward", "nearest"):
            msg = f"AsofJoin expects strategy 'backward', 'forward' or 'nearest', got {strategy!r}."
            raise UsageError(msg)
        if tolerance is not None and not isinstance(tolerance, int):
            microseconds(tolerance, "AsofJoin's tolerance")
        keys = as_columns(by, "AsofJoin's by")
        settle(self, on=on, by=keys, right_on=right_on or on, strategy=strategy, tolerance=tolerance, exact=exact, suffix=suffix)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the left table's columns that had no missing value.

        Raise ColumnError for a column that is not there, DtypeError for a key or a time of the wrong kind.
        """
        for schema, on in zip(schemas, (self.on, self.right_on), strict=True):
            require_plain(schema, self.by, "AsofJoin's by")
            length = self.tolerance
            if length is None:
                length = 0 if on in schema and schema[on].dtype.is_integer() else "0s"
            require_points(schema, on, length, "AsofJoin")
        mine, yours = schemas[0][self.on].dtype, schemas[1][self.right_on].dtype
        zoned = [getattr(dtype, "time_zone", None) is not None for dtype in (mine, yours)]
        if mine.is_integer() != yours.is_integer() or zoned[0] != zoned[1]:
            msg = f"AsofJoin expects times that can be compared, got {mine} in {self.on!r} and {yours} in {self.right_on!r}. Cast one."
            raise DtypeError(msg)
        for name in self.by:
            if type(schemas[0][name].dtype) is not type(schemas[1][name].dtype):
                dtypes = f"{schemas[0][name].dtype} and {schemas[1][name].dtype}"
                raise DtypeError(f"AsofJoin expects keys of one dtype, got {dtypes} in {name!r}. Cast one of them.")
        return Outcome(not_null=schemas[0].not_null)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the left rows with the right ones' columns."""
        left, right = frames
        schemas = [frame.collect_schema() for frame in frames]
        rest = [name for name, dtype in schemas[1].items() if name not in (*self.by, self.right_on) and is_plain(dtype)]
        left = verbs.sort(left, [self.on], [False], nulls_last=False)
        right = verbs.sort(right, [self.right_on, *rest], [False] * (1 + len(rest)), nulls_last=False)
        left = left.with_columns(as_number(nw.col(self.on), schemas[0][self.on]).alias(_AT))
        right = right.with_columns(as_number(nw.col(self.right_on), schemas[1][self.right_on]).alias(_AT)).drop(self.right_on)
        length = self.tolerance if self.tolerance is None or isinstance(self.tolerance, int) else microseconds(self.tolerance, "")
        return verbs.join_asof(left, right, AsofJoining(self.by, _AT, self.strategy, length, self.exact, self.suffix)).drop(_AT)

    def needs(self, wanted: frozenset[str], *schemas: Schema) -> Sequence[frozenset[str]]:
        """Return the keys and times, what is wanted of the left table, and all of the right one, which settles ties."""
        return [frozenset({*self.by, self.on}) | (wanted & set(schemas[0])) | set(schemas[1]) & set(schemas[0]), frozenset(schemas[1])]
