"""Chooses columns by what they are, for stages that are fitted, models and `Drop`."""

from __future__ import annotations

from collections.abc import Sequence

from gpupipe.core.columns import Columns, require_kinds


def columns(kinds: str | Sequence[str] = (), *, named: str | Sequence[str] = (), but: str | Sequence[str] = ()) -> Columns:
    """Return the columns of some kinds, whose names match a pattern, but for some: for fitted stages, the features of models, and `Drop`.

    They are looked for in the table that reaches the stage. Unlike narwhals' selectors, which are expressions, two that are alike are
    equal, so that checkpoints know them again.

    Parameters
    ----------
    kinds
        Among "number", "integer", "float", "text", "boolean" and "time"; of any unless given.
    named
        Shell patterns, such as ``"C*"``, of which a name matches one.
    but
        Names, or shell patterns, of the columns that play another role: the target, a key, a weight.

    Raises
    ------
    UsageError
        There is no such kind.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import Standardize
    >>> frame = pl.DataFrame({"id": [7, 8], "x": [1.0, 3.0]})
    >>> Standardize(columns("number", but="id")).fit_plain(frame).apply(frame).rows()
    [(7, -1.0), (8, 1.0)]
    """
    given = [(value,) if isinstance(value, str) else tuple(value) for value in (kinds, named, but)]
    require_kinds(given[0])
    return Columns(*given)
