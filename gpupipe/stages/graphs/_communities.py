"""What the report shows of communities: how many there are, how large, and how well cut off the largest ones are."""

from __future__ import annotations

from typing import Any

import gpupipe.graphs as gg
from gpupipe.core.tools import Tools

_LARGEST = 10


def show(tools: Tools, graph: gg.Graph, found: gg.Communities) -> None:
    """Tell the report of communities.

    The conductance of one is the weight of edges that leave it over the smaller total degree of the two sides.
    """
    tools.note(communities=found.n_communities, modularity=found.modularity)
    if not found.n_communities:
        return
    xp, community = tools.xp, found.community
    weight = xp.ones(graph.n_stored) if graph.weight is None else graph.weight
    own, other = community[graph.source], community[graph.destination]
    volume = xp.bincount(own, weights=weight, minlength=found.n_communities)
    inside = xp.bincount(own[own == other], weights=weight[own == other], minlength=found.n_communities)
    sizes = xp.bincount(community, minlength=found.n_communities)
    total = float(volume.sum())
    rows: list[list[Any]] = []
    for number in range(min(_LARGEST, found.n_communities)):
        cut, smaller = float(volume[number] - inside[number]), min(float(volume[number]), total - float(volume[number]))
        half = 1 if graph.directed else 2
        rows.append([number, int(sizes[number]), float(inside[number]) / half, round(cut / smaller, 4) if smaller else 0.0])
    columns = ["community", "vertices", "weight inside", "conductance"]
    bars = [[str(number), int(sizes[number])] for number in range(min(2 * _LARGEST, found.n_communities))]
    largest = {"kind": "table", "title": "The largest communities", "columns": columns, "rows": rows}
    tools.show("Communities", {"kind": "bars", "title": "Vertices of each", "bars": bars}, largest)
