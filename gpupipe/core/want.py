"""Wants: what is made of a table for a stage that must see it before anything after it can start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pyarrow as pa

    from gpupipe.core.expressions import Named
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True)
class Want:
    """What a barrier needs of one input before it can conclude.

    Parameters
    ----------
    prepare
        Makes the wanted frame of the input; on several blocks it is called on each.
    form
        ``"arrow"``: a small Arrow table on the host. ``"held"``: rows that stay where the engine keeps them.
    merge
        Makes one Arrow table of those of several blocks.
    aggregates
        The aggregates of the whole input that the wanted frame is, where it is nothing else; blocks are then aggregated in parts.
    whole
        What may be left out of the wanted frame of a whole input, where an engine makes it in one: `merge` would have to see all of it.
    columns
        The columns that `prepare` looks at; found by running it on an empty table unless given.
    """

    prepare: Callable[[Verbs, nw.LazyFrame[Any]], nw.LazyFrame[Any]]
    form: Literal["arrow", "held"]
    merge: Callable[[Sequence[pa.Table]], pa.Table] | None = None
    aggregates: Named | None = None
    columns: frozenset[str] | None = None
    whole: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]] | None = None
