"""Deals the rows of a table to folds, for cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gpupipe.core.errors import UsageError
from gpupipe.core.node import Table
from gpupipe.core.options import WithOptions, settle
from gpupipe.core.stage import TableStage, as_columns
from gpupipe.stages._chance import SPAN
from gpupipe.stages._parts import SplitPart, StratumPart, ValuePart

_OWN_DRAWS = 1 << 40  # added to seeds: a part of a Split holds rows of some draws alone, and folds of it must not go by the same ones


@dataclass(frozen=True, init=False)
class Folds(WithOptions):
    """Cuts a table into pairs of training and test rows, a pair for each fold; every row is tested in one fold, or by time, at most in one.

    A row's fold is the hash of its values, so equal rows are in one fold; by key, the hash of the key. They are the same on every
    engine and however the table is cut. Folds of rows and keys come out near equal sizes, stratified ones equal to a row for each value.

    Parameters
    ----------
    n_folds
        How many there are.
    by
        The columns of a key whose rows stay together.
    stratify
        Columns, such as the target, whose values are to be in all folds in the same shares.
    order, at
        The column that tells time, and where tests begin, ascending: fold k is trained on all before ``at[k]`` and tested from there to
        ``at[k + 1]``, the last one to the end. Rows without a time are trained on.
    column
        A column that holds each row's fold, 0 to ``n_folds - 1``, made beforehand.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"day": [1, 2, 3, 4], "fold": [0, 1, 0, 1]})
    >>> [(train["day"].to_list(), test["day"].to_list()) for train, test in Folds(2, column="fold").apply(frame)]
    [([2, 4], [1, 3]), ([1, 3], [2, 4])]
    >>> [(train["day"].to_list(), test["day"].to_list()) for train, test in Folds(order="day", at=[2, 4]).apply(frame)]
    [([1], [2, 3]), ([1, 2, 3], [4])]
    """

    pairs: tuple[tuple[TableStage, TableStage], ...]

    def __init__(
        self,
        n_folds: int | None = None,
        *,
        by: str | Sequence[str] | None = None,
        stratify: str | Sequence[str] | None = None,
        order: str | None = None,
        at: Sequence[Any] | None = None,
        column: str | None = None,
        seed: int = 0,
    ) -> None:
        ways = [name for name, given in (("by", by), ("stratify", stratify), ("order", order), ("column", column)) if given is not None]
        if len(ways) > 1 or (order is None) != (at is None):
            msg = f"Folds expects at most one of by, stratify, order (with at) and column, got {', '.join(ways) or 'at without order'}."
            raise UsageError(msg)
        if (order is None) == (n_folds is None) or (n_folds is not None and (type(n_folds) is not int or n_folds < 2)):
            msg = f"Folds expects n_folds, 2 or more, or order and at for folds in time, got n_folds={n_folds!r}: gp.Folds(5)."
            raise UsageError(msg)
        n, seed = n_folds or 0, seed + _OWN_DRAWS
        pairs: list[tuple[TableStage, TableStage]] = []
        if order is not None:
            pairs = _by_time(order, at or ())
        elif column is not None:
            pairs = [(ValuePart(column, number, outside=True), ValuePart(column, number)) for number in range(n)]
        elif stratify is not None:
            strata = as_columns(stratify, "Folds' stratify")
            made = [StratumPart(strata, number, number, seed, n, title="Folds") for number in range(n)]
            pairs = [(StratumPart(strata, number, number, seed, n, True, "Folds"), test) for number, test in enumerate(made)]
        else:
            columns = None if by is None else as_columns(by, "Folds' by")
            edges = [number * SPAN // n for number in range(n + 1)]
            ends = [(columns, low, high, seed) for low, high in pairwise(edges)]
            pairs = [(SplitPart(*each, outside=True, title="Folds"), SplitPart(*each, title="Folds")) for each in ends]
        settle(self, pairs=tuple(pairs))

    def __len__(self) -> int:
        """Return how many folds there are."""
        return len(self.pairs)

    def __call__(self, table: Table) -> tuple[tuple[Table, Table], ...]:
        """Return the training and the test table of each fold."""
        return tuple((train(table), test(table)) for train, test in self.pairs)

    def apply(self, frame: Any) -> tuple[tuple[Any, Any], ...]:
        """Return the training and the test rows of each fold of a plain frame."""
        return tuple((train.apply(frame), test.apply(frame)) for train, test in self.pairs)


def _by_time(order: str, at: Sequence[Any]) -> list[tuple[TableStage, TableStage]]:
    """Return the pairs of folds in time."""
    if isinstance(at, str) or not len(at) or any(low >= high for low, high in pairwise(at)):
        msg = f"Folds expects times at which tests begin, ascending, got at={at!r}."
        raise UsageError(msg)
    parts = [(SplitPart((order,), None, low, None, title="Folds"), low, high) for low, high in pairwise([*at, None])]
    return [(train, SplitPart((order,), low, high, None, title="Folds")) for train, low, high in parts]
