"""What the report shows of components: how many there are, how many of which size, and how large the largest ones are."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import GraphData

_LARGEST = 10


def show(tools: Tools, graph: GraphData, found: Any) -> None:
    """Tell the report of components, given as one of its vertices for each vertex."""
    vertices, sizes = tools.xp.unique(found, return_counts=True)
    tools.note(components=len(sizes), largest=int(sizes.max(initial=0)), **{"of one vertex": int((sizes == 1).sum())})
    if len(sizes) < 2:
        return
    order = tools.xp.argsort(-sizes, kind="stable")[:_LARGEST]
    largest, shown = _host(vertices[order]), _host(sizes[order])
    names = ["/".join(map(str, key)) for key in graph.keys[largest].rows()]
    bars = [[f"that of {name}", int(size)] for name, size in zip(names, shown, strict=True)]
    parts = [
        {"kind": "bars", "title": "Components by how many vertices they have", "bars": by_size(_host(sizes))},
        {"kind": "bars", "title": "Vertices of the largest components", "bars": bars},
    ]
    tools.show("Components", *parts)


def by_size(sizes: Any) -> list[list[Any]]:
    """Return how many sizes there are between powers of two; empty classes at the ends are left out.

    Examples
    --------
    >>> by_size(np.array([1, 1, 2, 3, 9]))
    [['1', 2], ['2 to 3', 2], ['4 to 7', 0], ['8 to 15', 1]]
    """
    classes = np.bincount(np.floor(np.log2(sizes)).astype(int))
    first = int(np.flatnonzero(classes)[0])
    names = ["1" if power == 0 else f"{2**power:,} to {2 ** (power + 1) - 1:,}" for power in range(len(classes))]
    return [[names[power], int(classes[power])] for power in range(first, len(classes))]


def _host(array: Any) -> Any:
    """Return an array in the host's memory."""
    return array.get() if hasattr(array, "get") else array
