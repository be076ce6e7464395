"""What stages that go from some vertices have in common: how those are given, and what is told of the way."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import UsageError
from gpupipe.core.schema import Field, Schema
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import GraphData, GraphSpec


def as_keys(given: Any, what: str) -> tuple[Any, ...]:
    """Return vertices given as one key or several; a tuple is one key of several columns.

    Examples
    --------
    >>> as_keys("a", "BFS"), as_keys(["a", "b"], "BFS"), as_keys(("de", 1), "BFS")
    (('a',), ('a', 'b'), (('de', 1),))
    """
    keys = tuple(given) if isinstance(given, list | set | frozenset) else (given,)
    if not keys or any(key is None for key in keys):
        msg = f"{what} expects the key of a vertex or a list of keys, got {given!r}."
        raise UsageError(msg)
    return keys


def planned_distances(spec: GraphSpec, stage: str, dtype: Any, *, predecessors: bool) -> Schema:
    """Return the columns of distances: none where a vertex is not reached."""
    made = spec.by_vertex(stage, distance=Field(dtype))
    return Schema((*made.items(), *spec.keyed("predecessor", nullable=True))) if predecessors else made


def distances(graph: GraphData, tools: Tools, distance: Any, unreached: Any, predecessor: Any | None) -> nw.DataFrame[Any]:
    """Return the table of distances."""
    made = graph.by_vertex(tools, distance=tools.masked(distance, unreached))
    return made if predecessor is None else nw.concat([made, graph.keyed("predecessor", predecessor)], how="horizontal")
