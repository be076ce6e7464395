"""Communities of modularity: the stages that find them, and what the report shows of them, with a drawing."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import narwhals.stable.v2 as nw
import numpy as np

import gpupipe.graphs as gg
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec
from gpupipe.stages.graphs._layout import placed

_LARGEST = 10
_DRAWN = 40  # communities; more are no drawing that can be read
_NAMED = 5  # vertices that are named of each
_SEEN = 2000  # vertices of a graph that are drawn themselves
_GOLDEN = 2.399963  # radians: points at multiples of it lie evenly, whatever their number


@dataclass(frozen=True)
class ByModularity(TaskStage):
    """Gives each vertex its community, in the column ``community``: 0 is the largest one."""

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    resolution: float = 1.0
    seed: int = 0
    view: Literal["undirected"] | None = None

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the key and the community."""
        specs[0].require_undirected(self.name, self.view)
        specs[0].try_out(self.found)
        return specs[0].by_vertex(self.name, community=nw.Int64())

    @abstractmethod
    def found(self, graph: gg.Graph) -> gg.Communities:
        """Return the communities."""

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the communities."""
        graph = inputs[0].graph
        found = self.found(graph)
        show(tools, graph if self.view is None else graph.simple, found, inputs[0])
        return inputs[0].by_vertex(tools, community=found.community)


def show(tools: Tools, graph: gg.Graph, found: gg.Communities, data: GraphData) -> None:
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
    if graph.n_loops:  # stored once, and two of its vertex's ends
        at = graph.source == graph.destination
        loops = xp.bincount(own[at], weights=weight[at], minlength=found.n_communities)
        volume, inside = volume + loops, inside + loops
    sizes = xp.bincount(community, minlength=found.n_communities)
    total = float(volume.sum())
    rows: list[list[Any]] = []
    for number in range(min(_LARGEST, found.n_communities)):
        cut, smaller = float(volume[number] - inside[number]), min(float(volume[number]), total - float(volume[number]))
        rows.append([number, int(sizes[number]), float(inside[number]) / 2, round(cut / smaller, 4) if smaller else 0.0])
    columns = ["community", "vertices", "weight inside", "conductance"]
    bars = [[str(number), int(sizes[number])] for number in range(min(2 * _LARGEST, found.n_communities))]
    largest = {"kind": "table", "title": "The largest communities", "columns": columns, "rows": rows}
    drawing = _drawing(tools, (own, other, weight), found, data)
    tools.show("Communities", *drawing, {"kind": "bars", "title": "Vertices of each", "bars": bars}, largest)


def _drawing(tools: Tools, edges: tuple[Any, Any, Any], found: gg.Communities, data: GraphData) -> list[dict[str, Any]]:
    """Return the largest communities as discs, as large as they have vertices, linked as their vertices are."""
    xp, n = tools.xp, min(found.n_communities, _DRAWN)
    own, other, weight = edges
    both = xp.flatnonzero((own < n) & (other < n) & (own != other))
    weights = _host(xp.bincount(own[both] * n + other[both], weights=weight[both], minlength=n * n)).reshape(n, n)
    weights = (weights + weights.T) / 2  # of a directed graph, both ways
    sizes = _host(xp.bincount(found.community, minlength=found.n_communities))[:n].astype(float)
    centres, radii = placed(sizes, weights)
    named = _named(tools, found, data, n)
    discs = [
        {
            "x": round(float(centres[number, 0]), 4),
            "y": round(float(centres[number, 1]), 4),
            "radius": round(float(radii[number]), 4),
            "label": str(number),
            "told": f"community {number}: {int(sizes[number])} vertices, among them {named[number]}",
        }
        for number in range(n)
    ]
    if data.graph.n_vertices <= _SEEN:
        discs += _vertices(found, data, (centres, radii), n)
    links = [[int(first), int(second), float(weights[first, second])] for first, second in np.argwhere(np.triu(weights) > 0)]
    more = f"The {n} largest communities: " if n < found.n_communities else "Communities: "
    title = f"{more}discs as large as they have vertices, lines as wide as the weight of the edges between them"
    return [{"kind": "discs", "title": title, "discs": discs, "links": links}]


def _vertices(found: gg.Communities, data: GraphData, discs: tuple[Any, Any], n: int) -> list[dict[str, Any]]:
    """Return the vertices of the first communities as small discs around the middle of theirs, those with most edges innermost."""
    graph, community = data.graph, _host(found.community)
    degree = np.bincount(_host(graph.source), minlength=graph.n_vertices)
    made = []
    for number in range(n):
        members = np.flatnonzero(community == number)
        if len(members) < 2:  # its disc is that of the vertex
            continue
        members = members[np.argsort(-degree[members], kind="stable")]
        place = np.arange(len(members))
        # The middle is left to the community's label.
        far = discs[1][number] * np.sqrt(0.2 + 0.6 * (place + 0.5) / len(members))
        across, up = (discs[0][number][:, None] + far * np.stack([np.cos(place * _GOLDEN), np.sin(place * _GOLDEN)])).round(4)
        told = [f"{'/'.join(map(str, key))}: community {number}" for key in data.keys[members].rows()]
        radius = round(float(discs[1][number]) * 0.3 / float(np.sqrt(len(members))), 4)
        made += [
            {"x": float(x), "y": float(y), "radius": radius, "label": "", "told": each, "value": 0.5}
            for x, y, each in zip(across, up, told, strict=True)
        ]
    return made


def _named(tools: Tools, found: gg.Communities, data: GraphData, n: int) -> list[str]:
    """Return some vertices of each of the first communities, those with most edges, by their keys."""
    xp, graph = tools.xp, data.graph
    degree = xp.bincount(graph.source, minlength=graph.n_vertices)
    order = xp.lexsort(xp.stack([-degree, found.community]))
    starts = _host(xp.searchsorted(found.community[order], xp.arange(n)))
    ends = _host(xp.searchsorted(found.community[order], xp.arange(n), side="right"))
    shown = []
    for start, end in zip(starts, ends, strict=True):
        chosen = _host(order[int(start) : min(int(end), int(start) + _NAMED)])
        shown.append(", ".join("/".join(map(str, key)) for key in data.keys[chosen].rows()))
    return shown


def _host(array: Any) -> Any:
    """Return an array in the host's memory."""
    return array.get() if hasattr(array, "get") else array
