"""Gives numbers the smallest dtype that holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.errors import StageError, UsageError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, RowStage
from gpupipe.stages._drops import OPEN
from gpupipe.stages._fits import ReductionsFit

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

_INTEGERS = {f"{sign}Int{n_bits}": getattr(nw, f"{sign}Int{n_bits}") for n_bits in (8, 16, 32, 64) for sign in ("", "U")}


@dataclass(frozen=True, init=False)
class ReduceDtype(ReductionsFit):
    """Gives whole numbers the smallest dtype, with a sign if that does, that holds what was seen where it is fitted, and floats Float32.

    A later number that the dtype does not hold is an error. It is NVTabular's ReduceDtypeSize.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`; all whole numbers unless given.
    floats
        Whether floats become Float32, which has seven digits.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"a": [1, 300], "b": [1, 2]})
    >>> ReduceDtype().fit_plain(frame).apply(frame).schema
    Schema([('a', Int16), ('b', Int8)])
    """

    words: ClassVar[tuple[str, ...]] = ("missing", "low", "high")
    as_float: ClassVar[bool] = False

    columns: tuple[str, ...] | Columns
    floats: bool

    def __init__(self, columns: str | Sequence[str] | Columns | None = None, *, floats: bool = False) -> None:
        if columns is None and floats:
            msg = "ReduceDtype with floats expects the columns that may lose digits, such as gp.columns('float'), got none."
            raise UsageError(msg)
        given = Columns(("integer",), (), ()) if columns is None else given_columns(columns, "ReduceDtype's columns")
        settle(self, columns=given, floats=floats)

    def made(self, names: tuple[str, ...], found: Mapping[str, Sequence[Any]]) -> ReducedDtype:
        """Return the casts."""
        facts = list(zip(names, *(found[word] for word in self.words), strict=True))
        chosen = [(name, self._dtype(low, high)) for name, missing, low, high in facts if missing is not None]
        kept = [(name, dtype) for name, dtype in chosen if dtype is not None]
        return ReducedDtype(tuple(name for name, _ in kept), tuple(dtype for _, dtype in kept), not chosen)

    def _dtype(self, low: Any, high: Any) -> str | None:
        """Return the name of the smallest dtype; None where it stays as it is."""
        if isinstance(low, float):
            return "Float32" if self.floats else None
        if not isinstance(low, int) or isinstance(low, bool):
            return None
        return next(name for name in _INTEGERS if _holds(name, low) and _holds(name, high))


def _holds(name: str, value: int) -> bool:
    n_bits = int(name.lstrip("UInt"))
    least, most = (0, 1 << n_bits) if name.startswith("U") else (-(1 << n_bits - 1), 1 << n_bits - 1)
    return least <= value < most


@dataclass(frozen=True)
class ReducedDtype(RowStage):
    """Casts `columns` to `dtypes`."""

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True

    columns: tuple[str, ...]
    dtypes: tuple[str, ...]
    is_open: bool

    def plan(self, *schemas: Schema) -> Outcome:
        """Return that the dtypes are not known yet, where they are not.

        Raise ColumnError for a column that is not there, DtypeError for one that holds no numbers.
        """
        schemas[0].require_numeric(self.columns, "ReduceDtype")
        if unknown := set(self.dtypes) - {*_INTEGERS, "Float32"}:
            msg = f"ReduceDtype expects integers or Float32 as dtypes, got {sorted(unknown)}. Fit it again."
            raise StageError(msg)
        return Outcome(promises=OPEN if self.is_open else ())

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the casts."""
        pairs = zip(self.columns, self.dtypes, strict=True)
        return frames[0].with_columns(nw.col(name).cast(getattr(nw, dtype)()) for name, dtype in pairs)

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return the columns that are cast."""
        return frozenset(self.columns)
