"""Walks at random along the edges of a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

import gpupipe.graphs as gg
from gpupipe.core.errors import UsageError
from gpupipe.core.node import Node
from gpupipe.core.options import settle
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec
from gpupipe.stages.graphs._from_sources import as_keys


@dataclass(frozen=True, init=False)
class RandomWalks(TaskStage):
    """Gives walks as a long table: ``walk``, ``step``, and the key of the vertex under its own name.

    Chance is a hash of the seed, the walk, the step: the walks are the same on every engine.

    Parameters
    ----------
    length
        How many edges a walk follows, at most; it ends where none goes out.
    starts
        The keys of the vertices to start from; all of them unless given.
    walks
        How many start from each.
    weighted
        Edges are followed in relation to their weights.
    p, q
        Those of node2vec: going back is as likely as ``1 / p``, going far as ``1 / q``.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph,)

    length: int
    starts: tuple[Any, ...] | None
    walks: int
    weighted: bool
    p: float
    q: float
    seed: int

    def __init__(
        self, length: int, *, starts: Any = None, walks: int = 1, weighted: bool = False, p: float = 1.0, q: float = 1.0, seed: int = 0
    ) -> None:
        if length < 1 or walks < 1:
            msg = f"RandomWalks expects a length and a number of walks of 1 or more, got {length!r} and {walks!r}."
            raise UsageError(msg)
        settle(self, length=length, starts=None if starts is None else as_keys(starts, "RandomWalks' starts"), walks=walks)
        settle(self, weighted=weighted, p=p, q=q, seed=seed)

    def plan(self, *specs: GraphSpec) -> Schema:
        """Return the walk, the step and the key."""
        options: dict[str, Any] = {"weighted": self.weighted, "p": self.p, "q": self.q}
        specs[0].try_out(lambda graph: gg.random_walks(graph, graph.source, self.length, self.walks, **options))
        if self.starts is not None:
            specs[0].table_of(self.starts, self.name)
        held = (("walk", Field(nw.Int64(), nullable=False)), ("step", Field(nw.Int32(), nullable=False)))
        return Schema((*held, *specs[0].by_vertex(self.name).items()))

    def solve(self, tools: Tools, *inputs: GraphData) -> nw.DataFrame[Any]:
        """Return the walks."""
        graph, xp = inputs[0], tools.xp
        starts = xp.arange(graph.graph.n_vertices) if self.starts is None else graph.numbers_of(tools, self.starts, self.name)
        options: dict[str, Any] = {"weighted": self.weighted, "p": self.p, "q": self.q, "seed": self.seed}
        found = gg.random_walks(graph.graph, starts, self.length, self.walks, **options)
        held = tools.frame({"walk": found.walk.astype(xp.int64), "step": found.step.astype(xp.int32)})
        keys = graph.keyed("\x00", found.vertex)
        return nw.concat([held, keys.rename(dict(zip(keys.columns, graph.keys.columns, strict=True)))], how="horizontal")
