"""Projects a table of two kinds of things onto one kind: which of them share how many of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gpupipe.graphs as gg
from gpupipe.core.node import Node
from gpupipe.core.options import settle
from gpupipe.core.present import as_text, require_present, text_of
from gpupipe.core.schema import Schema
from gpupipe.core.stage import as_columns
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec

_MOST_PAIRS = 1 << 28


@dataclass(frozen=True, init=False)
class Project(TaskStage):
    """Makes a graph of the keys in a table, joined where they share an other; an edge's weight is how many they share.

    ``gp.Project("item", "visit")(clicks)`` joins items that were clicked in the same visit.

    Parameters
    ----------
    key
        The columns of the things that become vertices.
    other
        The columns of what they share.
    weight
        A column of weights: an edge's weight is then the sum of products over the others that are shared.
    max_degree
        Others with more keys are left out: they join everything, and cost most.
    max_pairs
        Refuse where there may be more pairs of keys that share an other.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import FromGraph
    >>> clicks = pl.DataFrame({"item": ["u", "v", "u", "w"], "visit": [1, 1, 2, 2]})
    >>> FromGraph().apply(Project("item", "visit").apply(clicks)).rows()
    [('u', 'v', 1.0), ('u', 'w', 1.0)]
    """

    gives: ClassVar[type[Node]] = Graph

    key: tuple[str, ...]
    other: tuple[str, ...]
    weight: str | None
    max_degree: int | None
    max_pairs: int

    def __init__(
        self,
        key: str | Sequence[str],
        other: str | Sequence[str],
        weight: str | None = None,
        *,
        max_degree: int | None = None,
        max_pairs: int = _MOST_PAIRS,
    ) -> None:
        settle(self, key=as_columns(key, "Project's key"), other=as_columns(other, "Project's other"), weight=weight)
        settle(self, max_degree=max_degree, max_pairs=max_pairs)

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the keys, the others and the weight."""
        return [list(dict.fromkeys([*self.key, *self.other, *([] if self.weight is None else [self.weight])]))]

    def plan(self, *specs: Any) -> GraphSpec:
        """Return what is known of the graph.

        Raise ColumnError for a column that is not there, DtypeError for weights that are no numbers.
        """
        specs[0].require([*self.key, *self.other])
        if self.weight is not None:
            specs[0].require_numeric([self.weight], "Project's weight")
        key = tuple((name, text_of(specs[0][name].dtype)) for name in self.key)
        return GraphSpec(key, directed=False, weighted=True)

    def solve(self, tools: Tools, *inputs: Any) -> GraphData:
        """Return the graph."""
        (frame,) = inputs
        require_present(frame, [*self.key, *self.other, *([] if self.weight is None else [self.weight])], "Project", "a value")
        frame = as_text(frame, [*self.key, *self.other])
        keys, others = tools.coded((frame, self.key)), tools.coded((frame, self.other))
        weight = None if self.weight is None else tools.array(frame, self.weight)
        duplicates = "any" if weight is None else "sum"
        options: dict[str, Any] = {"max_degree": self.max_degree, "max_pairs": self.max_pairs, "duplicates": duplicates}
        made = gg.project(keys.numbers[0], others.numbers[0], weight, len(keys.keys), **options)
        return GraphData.of(made, keys.keys)
