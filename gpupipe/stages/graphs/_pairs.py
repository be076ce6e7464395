"""What stages of pairs of vertices have in common: which pairs, and the table of their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import PlanError, UsageError
from gpupipe.core.node import Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Field, Schema
from gpupipe.core.stage import as_columns
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.graph import Graph, GraphData, GraphSpec

MOST_PAIRS = 1 << 28  # that may share a neighbour, where no pairs are given


def as_pairs(pairs: Sequence[Any], stage: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns of both ends of a pair, each one name or several.

    Examples
    --------
    >>> as_pairs(("a", "b"), "Jaccard"), as_pairs((["a", "n"], ["b", "m"]), "Jaccard")
    ((('a',), ('b',)), (('a', 'n'), ('b', 'm')))
    """
    if isinstance(pairs, str) or len(pairs) != 2:
        msg = f"{stage} expects pairs as two columns, one for each end: pairs=('a', 'b'), got {pairs!r}."
        raise UsageError(msg)
    first, second = (as_columns(end, f"{stage}'s pairs") for end in pairs)
    return first, second


def pair_schema(spec: GraphSpec, table: Schema, pairs: tuple[tuple[str, ...], tuple[str, ...]], stage: str) -> list[tuple[str, Field]]:
    """Return the columns of pairs that a table gives, under its names."""
    spec.require_pairs(table, pairs, stage)
    return [(name, Field(table[name].dtype, nullable=False)) for name in dict.fromkeys([*pairs[0], *pairs[1]])]


@dataclass(frozen=True, init=False)
class PairMeasure(TaskStage):
    """Gives pairs of vertices a ``value``: those of a second table, or all that have a neighbour in common, as ``first`` and ``second``.

    Parameters
    ----------
    pairs
        The columns of a second table that hold both ends of a pair.
    top_k
        Only so many pairs, those with the largest values.
    weighted
        Weights of an undirected graph count.
    max_pairs
        Without pairs: refuse where there may be more pairs with a common neighbour.
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Graph, Table)
    optional: ClassVar[int] = 1
    measure: ClassVar[Callable[..., Any]]

    pairs: tuple[tuple[str, ...], tuple[str, ...]] | None
    top_k: int | None
    weighted: bool
    max_pairs: int

    def __init__(
        self, pairs: Sequence[Any] | None = None, *, top_k: int | None = None, weighted: bool = False, max_pairs: int = MOST_PAIRS
    ) -> None:
        if top_k is not None and top_k < 1:
            msg = f"top_k={top_k!r}: {type(self).__name__} expects 1 or more."
            raise UsageError(msg)
        settle(self, pairs=None if pairs is None else as_pairs(pairs, type(self).__name__))
        settle(self, top_k=top_k, weighted=weighted, max_pairs=max_pairs)

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the columns of the pairs."""
        return [list(dict.fromkeys([*self.pairs[0], *self.pairs[1]]))] if self.pairs is not None else [list(schemas[0])] if schemas else []

    def plan(self, *specs: Any) -> Schema:
        """Return both keys and the value."""
        spec: GraphSpec = specs[0]
        if self.weighted and (spec.directed or not spec.weighted):
            msg = f"{self.name} with weighted=True expects an undirected graph with weights. Leave it out, or make the graph so."
            raise PlanError(msg)
        if (self.pairs is None) != (len(specs) == 1):
            msg = f"{self.name} expects pairs=(COLUMN, COLUMN) and a second table with them, or neither; got one of the two."
            raise PlanError(msg)
        value = ("value", Field(nw.Float64(), nullable=False))
        if self.pairs is None:
            return spec.by_pair("first", "second", value=nw.Float64())
        return Schema((*pair_schema(spec, specs[1], self.pairs, self.name), value))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the values."""
        graph: GraphData = inputs[0]
        measure = type(self).measure
        if self.pairs is None:
            found = measure(graph.graph, top_k=self.top_k, weighted=self.weighted, max_pairs=self.max_pairs)
            return graph.by_pair(tools, ("first", found.first), ("second", found.second), value=found.value)
        ends = tuple(graph.numbers(tools, inputs[1], columns, self.name) for columns in self.pairs)
        found = measure(graph.graph, ends, weighted=self.weighted)
        made: nw.DataFrame[Any] = tools.frame({"value": found.value}, beside=inputs[1])
        if self.top_k is None:
            return made
        largest = tools.xp.argsort(-found.value, kind="stable")[: self.top_k]
        taken: nw.DataFrame[Any] = made[largest.get() if hasattr(largest, "get") else largest]
        return taken
