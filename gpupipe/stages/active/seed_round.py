"""Chooses the rows of a simulation's first round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.active import selectors
from gpupipe.active.scorers.random_order import round_seed
from gpupipe.core.errors import StageError, UsageError
from gpupipe.core.node import Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.core.verbs import Verbs
from gpupipe.core.want import Want
from gpupipe.stages.active._candidates import candidates, require_ids

_HASH = "__gpupipe_draw__"


@dataclass(frozen=True, init=False)
class SeedRound(TaskStage):
    """Chooses rows by chance, one of each class before any second one: a first round that a model of all classes can learn from.

    ``SeedRound(60, classes="digit")(pool, held_out)``. Only a simulation knows the classes; people are asked about what
    ``gp.Choose(60, score=None)`` draws, or ``gp.Choose(60, score=None, diverse="representatives", embedding=[...])``. Gives a row for each:
    its id, ``rank``, ``score`` (0), ``cost`` (1) and what to keep, as `Choose` does.

    Parameters
    ----------
    budget
        How many rows, as many as there are classes or more.
    classes
        The column of classes; a row without one is drawn as any other.
    id
        The column of ids.
    keep
        Further columns that come along.
    seed
        Of the hash.

    Examples
    --------
    >>> import polars as pl
    >>> pool = pl.DataFrame({"id": [1, 2, 3, 4], "kind": ["a", "a", "a", "b"]})
    >>> SeedRound(2, classes="kind", keep=["kind"]).apply(pool)["kind"].sort().to_list()
    ['a', 'b']
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table,)

    budget: int
    classes: str
    id: str
    keep: tuple[str, ...]
    seed: int

    def __init__(self, budget: int, *, classes: str, id: str = "id", keep: Sequence[str] = (), seed: int = 0) -> None:
        if isinstance(budget, bool) or not isinstance(budget, int) or budget < 1:
            raise UsageError(f"SeedRound expects a budget of 1 row or more, got {budget!r}. With nothing to spend nothing can be asked.")
        settle(self, budget=budget, classes=classes, id=id, keep=tuple(keep), seed=seed)

    def __call__(self, *inputs: Node) -> Any:
        """Return the node of the chosen rows: of the first table, none that is in one of the others."""
        if not inputs or not all(isinstance(given, Table) for given in inputs):
            return self.wire(inputs)  # which tells what is wrong
        scored, *others = inputs
        return self.wire((candidates(scored, others, self.id, self.name),))  # type: ignore[arg-type]

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return of each block the first rows of each class, and the first of all."""
        return (Want(self._first, "held", columns=frozenset({self.id, self.classes, *self.keep})),)

    def _first(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows of a block that may be chosen, with their hash."""
        kept = list(dict.fromkeys([self.id, self.classes, *self.keep]))
        hashed = verbs.hash_rows(frame.select(kept), [self.id], round_seed(self.seed, 0), _HASH)
        place = nw.col(_HASH).rank("ordinal")
        return hashed.filter((place <= self.budget) | (place.over(self.classes) <= 1))

    def plan(self, *specs: Any) -> Schema:
        """Return the columns; raise ColumnError for a column that is not there."""
        require_ids(specs[0], self.id, self.name)
        specs[0].require([self.classes, *self.keep])
        number = Field(nw.Float64(), nullable=False)
        columns = {self.id: specs[0][self.id], "rank": Field(nw.Int64(), nullable=False), "score": number, "cost": number}
        columns |= {name: specs[0][name] for name in self.keep if name not in columns}
        return Schema(tuple((name, Field(field.dtype, field.nullable)) for name, field in columns.items()))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the chosen rows."""
        rows = inputs[0]
        if rows[self.id].is_null().any():
            raise StageError(f"SeedRound expects an id in each row, got one without in {self.id!r}. Drop such rows, or name them.")
        codes = {one: place for place, one in enumerate(dict.fromkeys(rows[self.classes].to_list()))}
        classes = np.array([codes[one] for one in rows[self.classes].to_list()], np.int64)
        known = sum(one is not None for one in codes)
        if known > self.budget:
            msg = f"SeedRound expects a budget of {known} rows or more, a row for each class of {self.classes!r}, got {self.budget}."
            raise StageError(msg)
        hashes = tools.array(rows, _HASH)
        found = selectors.seed_round(hashes, self.budget, classes=classes) if len(rows) else np.zeros(0, np.int64)
        made = rows[found.tolist()].select(list(dict.fromkeys([self.id, *self.keep])))
        numbers = {"rank": np.arange(1, len(found) + 1), "score": np.zeros(len(found)), "cost": np.ones(len(found))}
        tools.note(chosen=len(found), classes=known, budget=self.budget)
        return tools.frame(numbers, beside=made).select(list(dict.fromkeys([self.id, "rank", "score", "cost", *self.keep])))
