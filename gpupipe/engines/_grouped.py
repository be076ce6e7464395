"""Aggregates of groups on pandas' kind of frames: taken apart into plain reductions before narwhals sees them.

narwhals reduces a column of each group by the library's own reduction. Of an aggregate that is put together of more it takes the first
column and the last reduction, or makes one Python call for each group. So each is taken apart here (`core/aggregates.py`), also those of
users' functions: columns are made of the rows before, plain reductions taken, and the aggregates made of their results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from narwhals.group_by import GroupBy, LazyGroupBy

from gpupipe.core.aggregates import REDUCTIONS, Reduction, spelled_out, taken_apart
from gpupipe.core.expressions import COLUMNS, nodes_of

_agg: dict[Any, Callable[..., Any]] = {LazyGroupBy: LazyGroupBy.agg, GroupBy: GroupBy.agg}
_PLAIN = REDUCTIONS | {"first", "last", "any_value", "mode"}
_COUNTED = Reduction("len", "len", None)


def replaced_methods() -> list[tuple[Any, str, Any]]:
    """Return the methods of narwhals' that take aggregates apart: owner, name, method."""
    return [(kind, "agg", _apart(kind)) for kind in (LazyGroupBy, GroupBy)]


def _apart(kind: Any) -> Callable[..., Any]:
    """Return the method that takes aggregates apart, for frames of pandas' kind."""

    def agg(self: Any, *aggregates: Any, **named: Any) -> Any:
        aggregates = tuple(_flat(aggregates))
        frame = self._df
        if not frame.implementation.is_pandas_like():
            return _agg[kind](self, *aggregates, **named)
        wanted = [(None, given) for given in aggregates] + list(named.items())
        if all(_is_plain(given) for _, given in wanted):
            return _agg[kind](self, *aggregates, **named)
        names = frame.collect_schema().names()
        keys = self._grouped._output_key_names

        def names_of(columns: Any) -> list[str]:
            return [name for name in frame.select(columns).collect_schema().names() if name not in keys]

        apart = taken_apart(spelled_out(tuple(wanted), names_of), names)
        grown = frame.with_columns(*apart.before) if apart.before else frame
        grouped = kind(grown, self._keys, drop_null_keys=self._grouped._drop_null_keys)
        reduced = _agg[kind](grouped, *(reduction.expression() for reduction in apart.reductions or [_COUNTED]))
        return reduced.select(*keys, *apart.after)

    return agg


def _flat(given: Iterable[Any]) -> list[Any]:
    """Return the aggregates given by themselves, in lists and by generators."""
    return [one for part in given for one in (part if isinstance(part, list | tuple | Iterator) else [part])]


def _is_plain(aggregate: Any) -> bool:
    """Whether an aggregate reduces columns as they are, and perhaps gives the result a name."""
    nodes = [node for node in nodes_of(aggregate) if not node.name.startswith(("alias", "name."))]
    if len(nodes) == 1:
        return bool(nodes[0].name == "len" and nodes[0].kind.name == "AGGREGATION")
    return len(nodes) == 2 and nodes[0].kind.name in COLUMNS and nodes[1].name in _PLAIN
