"""Leaves out columns of few categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.stages._drops import LeftOut
from gpupipe.stages._fits import CategoriesFit


@dataclass(frozen=True, init=False)
class DropLowCardinality(CategoriesFit):
    """Leaves out the columns in which fewer than `least` categories were seen where it is fitted, as NVTabular's operator of that name.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`, of columns of text, whole numbers or booleans; a missing value is no category.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"a": ["x", "x"], "b": ["x", "y"]})
    >>> DropLowCardinality(["a", "b"]).fit_plain(frame).apply(frame).columns
    ['b']
    """

    columns: tuple[str, ...] | Columns
    least: int

    def __init__(self, columns: str | Sequence[str] | Columns, *, least: int = 2) -> None:
        if least < 1:
            msg = f"DropLowCardinality expects least >= 1, got {least}."
            raise UsageError(msg)
        settle(self, columns=given_columns(columns, "DropLowCardinality's columns"), least=least)

    def made(self, names: tuple[str, ...], counts: Sequence[Mapping[str, int]]) -> DroppedLowCardinality:
        """Return what leaves the columns out."""
        is_open = not any(counts)
        gone = () if is_open else tuple(name for name, of_column in zip(names, counts, strict=True) if len(of_column) < self.least)
        return DroppedLowCardinality(gone, is_open)


@dataclass(frozen=True)
class DroppedLowCardinality(LeftOut):
    """Leaves out `columns`."""

    columns: tuple[str, ...]
    is_open: bool
