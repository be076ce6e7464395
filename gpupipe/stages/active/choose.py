"""Chooses which rows to ask about, within a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.active import selectors
from gpupipe.active.scorers.random_order import round_seed
from gpupipe.core.errors import StageError, UsageError, listing, nearest
from gpupipe.core.node import Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.core.verbs import Verbs
from gpupipe.core.want import Want
from gpupipe.stages.active._candidates import candidates, require_ids

Diverse = Literal["k_center", "badge", "ranked_batch", "representatives"]
_DIVERSE = ("k_center", "badge", "ranked_batch", "representatives")
_NEAR_KNOWN = ("k_center", "ranked_batch", "representatives")  # which look at what is known, too
_HASH, _RANK, _COST, _NOISE = "__gpupipe_draw__", "__gpupipe_rank__", "__gpupipe_cost__", "__gpupipe_noise__"
_SCORE = "__gpupipe_score__"
_DRAWN = "__gpupipe_drawn__"  # whether a row is there as one of those that chance may draw, beside the best
_SHOWN = 20


@dataclass(frozen=True, init=False)
class Choose(TaskStage):
    """Chooses the rows that are worth most, within a budget; gives a row for each: its id, ``rank``, ``score``, ``cost`` and what to keep.

    ``Choose(budget=50)(scored, known, held_out)``: of the first table's rows, none whose id one of the others has, such as what is labelled
    already (``gp.ReadLabels(store)``) and a hold-out. Ties are broken by a hash of the id, so the choice is the same for any order and any
    cut of the rows, and on every engine. Of blocks only the best rows of each come together.

    Parameters
    ----------
    budget
        How many rows; or with `cost`, how much they may cost together: rows are taken until it is reached, the one that crosses it too.
    score
        The column to go by, the higher the sooner; None for chance alone. A row whose score is missing comes last.
    cost
        A column of costs above 0, in the budget's unit: words, seconds, questions.
    gamma
        From 0 to 1: scores are divided by ``cost ** gamma``.
    power
        How much scores, from 0 on, count against chance in a batch that is drawn (power acquisition); None for the best rows.
    diverse
        How rows are chosen that differ: ``k_center``, ``badge``, ``ranked_batch``, ``representatives``; see `gpupipe.active.selectors`.
    embedding
        The columns in which rows differ, for `diverse`; the known table has them, too, unless it is ``badge``.
    candidates
        How many times the budget the best rows by score may be, of which the diverse ones are chosen; None for all rows.
    prefix
        Of the probabilities' columns, for ``badge``.
    by_chance
        The share of the budget that is drawn by chance alone, whatever the scores, and comes first: by these labels accuracy and shares of
        classes are estimated without bias. A column ``by_chance`` tells which, and ``gp.ReadLabels(store, what="by_chance")`` their labels.
    check_ids
        Whether all ids are looked through for one that is there twice, which takes some 25 bytes a row; else those that are chosen are.
    id
        The column of ids.
    keep
        Further columns that come along, such as the text to be shown.
    seed, round
        Of the hash; another round draws anew: ``round=store.next_round``.

    Raises
    ------
    UsageError
        The budget is not above 0, or options do not go together.

    Examples
    --------
    >>> import polars as pl
    >>> pool = pl.DataFrame({"id": ["a", "b", "c"], "score": [0.1, 0.9, 0.5]})
    >>> Choose(budget=2).apply(pool).sort("rank")["id"].to_list()
    ['b', 'c']
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    optional: ClassVar[int] = 1
    many: ClassVar[bool] = True

    budget: float
    score: str | None
    cost: str | None
    gamma: float
    power: float | None
    diverse: Diverse | None
    embedding: tuple[str, ...]
    candidates: int | None
    prefix: str
    by_chance: float
    check_ids: bool
    id: str
    keep: tuple[str, ...]
    seed: int
    round: int

    def __init__(
        self,
        budget: float,
        *,
        score: str | None = "score",
        cost: str | None = None,
        gamma: float = 0.0,
        power: float | None = None,
        diverse: Diverse | None = None,
        embedding: Sequence[str] = (),
        candidates: int | None = 10,
        prefix: str = "probability",
        by_chance: float = 0.0,
        check_ids: bool = True,
        id: str = "id",
        keep: Sequence[str] = (),
        seed: int = 0,
        round: int = 0,
    ) -> None:
        if isinstance(budget, bool) or not isinstance(budget, int | float) or not budget > 0 or (cost is None and budget % 1 != 0):
            unit = "rows, a whole number" if cost is None else f"{cost!r}"
            msg = f"Choose expects a budget above 0 in {unit}, got {budget!r}. With nothing to spend nothing can be asked."
            raise UsageError(msg)
        if diverse is not None and diverse not in _DIVERSE:
            raise UsageError(f"Choose expects diverse to be one of {listing(_DIVERSE)}, got {diverse!r}.{nearest(diverse, _DIVERSE)}")
        if (diverse is None) != (not embedding):
            msg = f"Choose expects embedding, the columns in which rows differ, with diverse alone, got {diverse!r} and {embedding!r}."
            raise UsageError(msg)
        if not 0 <= gamma <= 1 or (gamma and cost is None) or (power is not None and (power < 0 or score is None)):
            msg = f"Choose expects gamma in [0, 1] with a cost, and power from 0 on with a score, got gamma={gamma}, power={power}."
            raise UsageError(msg)
        if candidates is not None and candidates < 1:
            raise UsageError(f"Choose expects candidates from 1 on, how many times the budget, or None for all rows, got {candidates}.")
        settle(self, budget=budget, score=score, cost=cost, gamma=gamma, power=power, diverse=diverse, embedding=tuple(embedding))
        if not 0 <= by_chance < 1:
            raise UsageError(f"Choose expects by_chance, a share of the budget, from 0 to below 1, got {by_chance!r}.")
        settle(self, candidates=candidates, prefix=prefix, by_chance=by_chance, check_ids=check_ids, id=id)
        settle(self, keep=tuple(keep), seed=seed, round=round)

    def __call__(self, *inputs: Node) -> Any:
        """Return the node of the chosen rows: of the first table, none that is in one of the others."""
        if not inputs or not all(isinstance(given, Table) for given in inputs):
            return self.wire(inputs)  # which tells what is wrong
        scored, *others = inputs
        left = candidates(scored, others, self.id, self.name, check_ids=self.check_ids)  # type: ignore[arg-type]
        return self.wire((left, others[0]) if others and self.diverse in _NEAR_KNOWN else (left,))

    def _probabilities(self, names: Sequence[str]) -> list[str]:
        """Return the columns of probabilities, which BADGE alone looks at."""
        return [name for name in names if name == self.prefix or name.startswith(f"{self.prefix}_")] if self.diverse == "badge" else []

    @property
    def _times(self) -> int | None:
        """How many times the budget the rows may be among which is chosen; None for all rows."""
        if self.diverse is None:
            return 1
        return None if self.score is None else self.candidates

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return the best rows of each block, and of what is known the embedding."""
        used = {self.id, *self.keep, *self.embedding, *self._probabilities(list(specs[0]))}
        used |= {name for name in (self.score, self.cost) if name is not None}
        own = Want(self._best, "held", columns=frozenset(used))
        return (own, *(Want(lambda _, frame: frame.select(list(self.embedding)), "held") for _ in specs[1:]))

    def _best(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows of a block that may be chosen, with their hash, what they are ranked by, and their cost."""
        kept = [self.id, *self.keep, *self.embedding, *self._probabilities(frame.collect_schema().names())]
        hashed = verbs.hash_rows(frame, [self.id], round_seed(self.seed, self.round), _HASH)
        cost = nw.lit(1.0) if self.cost is None else nw.col(self.cost).cast(nw.Float64)
        if self.power is not None:
            hashed = verbs.hash_columns(hashed.with_columns(nw.col(self.id).alias(_NOISE)), [_NOISE], round_seed(self.seed, self.round), 32)
        made = hashed.with_columns(cost.alias(_COST)).with_columns(self._ranked().alias(_RANK))
        made = made.select([*dict.fromkeys(kept), _HASH, _RANK, _COST])
        best = self._within(made, self._times)
        if not self.by_chance:
            return best
        flat = made.with_columns(nw.col(_RANK).alias(_SCORE), nw.lit(0.0).alias(_RANK))
        drawn = self._within(flat, 1, self._drawn_budget).with_columns(nw.col(_SCORE).alias(_RANK)).select(best.collect_schema().names())
        return nw.concat([best.with_columns(nw.lit(False).alias(_DRAWN)), drawn.with_columns(nw.lit(True).alias(_DRAWN))])

    @property
    def _drawn_budget(self) -> float:
        """What chance may spend; of rows, one at least."""
        share = self.budget * self.by_chance
        return share if self.cost is not None else max(1.0, round(share))

    def _within(self, made: nw.LazyFrame[Any], times: int | None, budget: float | None = None) -> nw.LazyFrame[Any]:
        """Return the best rows within so many times the budget; all for None."""
        budget = self.budget if budget is None else budget
        if times is None:
            return made
        if self.cost is None:
            return made.top_k(int(budget) * times, by=[_RANK, _HASH], reverse=[False, True])
        turned = made.with_columns((-nw.col(_RANK)).alias(f"{_RANK}-"))
        spent = nw.col(_COST).fill_null(0.0).cum_sum().over(order_by=[f"{_RANK}-", _HASH]) - nw.col(_COST).fill_null(0.0)
        wrong = nw.col(_COST).is_null() | ~(nw.col(_COST) > 0)  # kept, so that they are told
        return (
            turned.with_columns(spent.alias("__gpupipe_spent__"))
            .filter(wrong | (nw.col("__gpupipe_spent__") < budget * times))
            .drop([f"{_RANK}-", "__gpupipe_spent__"])
        )

    def _ranked(self) -> nw.Expr:
        """Return what rows are ranked by: the score for its cost, with chance where it is drawn; a row without an id first, to be told."""
        if self.score is None:
            ranked: nw.Expr = nw.lit(0.0)
        else:
            ranked = nw.col(self.score).cast(nw.Float64)
            weight = nw.col(_COST) ** self.gamma
            ranked = nw.when(ranked < 0).then(ranked * weight).otherwise(ranked / weight) if self.gamma else ranked
            if self.power is not None:
                uniform = (nw.col(_NOISE).cast(nw.Float64) + 0.5) * 2.0**-32
                drawn = nw.when(ranked > 0).then(ranked).otherwise(1.0).log() * self.power - (-(uniform.log())).log()
                ranked = nw.when(ranked.is_null() | ranked.is_nan() | ~(ranked > 0)).then(float("-inf")).otherwise(drawn)
            ranked = nw.when(ranked.is_null() | ranked.is_nan()).then(float("-inf")).otherwise(ranked)
        return nw.when(nw.col(self.id).is_null()).then(float("inf")).otherwise(ranked)

    def plan(self, *specs: Any) -> Schema:
        """Return the columns; raise ColumnError for a column that is not there, DtypeError for one that holds no numbers."""
        require_ids(specs[0], self.id, self.name)
        specs[0].require(self.keep)
        specs[0].require_numeric([name for name in (self.score, self.cost) if name is not None], self.name)
        for schema in specs if self.diverse is not None else ():
            schema.require_numeric(self.embedding, f"{self.name}(diverse={self.diverse!r})")
        own = {"rank": Field(nw.Int64(), nullable=False), "score": Field(nw.Float64(), nullable=False)}
        columns = {self.id: specs[0][self.id], **own, "cost": Field(nw.Float64(), nullable=False)}
        columns |= {"by_chance": Field(nw.Boolean(), nullable=False)} if self.by_chance else {}
        columns |= {name: specs[0][name] for name in self.keep if name not in columns}
        return Schema(tuple((name, Field(field.dtype, field.nullable)) for name, field in columns.items()))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the chosen rows."""
        rows = inputs[0]
        self._require_whole(tools, rows)
        ranks, hashes, costs = (tools.array(rows, name) for name in (_RANK, _HASH, _COST))
        order = selectors.top(ranks, hashes, max(1, len(ranks))) if len(ranks) else tools.xp.arange(0)
        drawn = order[:0]
        if self.by_chance and len(order):
            order, drawn = self._drawn(tools, rows, order)
        left = self.budget - float(costs[drawn].sum())
        if self.diverse is not None and len(order) and left > 0:
            spent = tools.xp.cumsum(costs[order]) - costs[order]
            order = order if self._times is None else order[spent < self.budget * self._times]  # blocks gave the best of each
            order = order[self._diverse(tools, rows, order, left, *inputs[1:])]
        before = tools.xp.cumsum(costs[order]) - costs[order]
        chosen = tools.xp.concatenate([drawn, order[before < left]])
        taken = [int(place) for place in chosen]
        made = rows[taken].select([self.id, *self.keep])
        if made[self.id].n_unique() < len(made):
            raise StageError(
                f"Choose expects each example once, under an id of its own, got one twice in {self.id!r}. Deduplicate the pool."
            )
        numbers = {"rank": np.arange(1, len(taken) + 1), "score": ranks[chosen], "cost": costs[chosen]}
        told: list[str] = []
        if self.by_chance:
            told, numbers["by_chance"] = ["by_chance"], tools.xp.arange(len(taken)) < len(drawn)
            tools.note(**{"by chance": len(drawn)})
        whole = tools.frame(numbers, beside=made)
        tools.note(chosen=len(taken), cost=float(costs[chosen].sum()), budget=self.budget)
        self._show(tools, whole)
        return whole.select(list(dict.fromkeys([self.id, "rank", "score", "cost", *told, *self.keep])))

    def _drawn(self, tools: Tools, rows: nw.DataFrame[Any], order: Any) -> tuple[Any, Any]:
        """Return the places of the rows in their order without those that are drawn by chance, and these."""
        xp = tools.xp
        hashes, costs, beside = (tools.array(rows, name) for name in (_HASH, _COST, _DRAWN))
        beside = beside.astype(bool)
        places = xp.nonzero(beside)[0]
        places = places[xp.argsort(hashes[places], kind="stable")]
        drawn = places[xp.cumsum(costs[places]) - costs[places] < self._drawn_budget]
        return order[~beside[order] & ~xp.isin(hashes[order], hashes[drawn])], drawn

    def _require_whole(self, tools: Tools, rows: nw.DataFrame[Any]) -> None:
        """Raise StageError for rows that cannot be asked about."""
        lacking = tools.missing(rows, self.id)
        if lacking is not None and bool(lacking.any()):
            msg = f"Choose expects an id in each row, got {int(lacking.sum())} or more without one in {self.id!r}. Drop them, or name them."
            raise StageError(msg)
        costs = tools.array(rows, _COST)
        if not bool((costs > 0).all()):
            msg = f"Choose expects costs above 0 in {self.cost!r}, got one that is missing, 0 or below. Drop such rows, or name a cost."
            raise StageError(msg)

    def _diverse(self, tools: Tools, rows: nw.DataFrame[Any], order: Any, budget: float, known: Any = None) -> Any:
        """Return places among the ordered rows, those that differ first, as many as a budget may be enough for."""
        xp = tools.xp
        cheapest = xp.cumsum(xp.sort(tools.array(rows, _COST)[order]))
        n_rows = min(len(order), int((cheapest < budget).sum()) + 1)
        by_hash = xp.argsort(tools.array(rows, _HASH)[order], kind="stable")  # so that chance goes by ids and not by the order of rows
        placed = order[by_hash]
        embedded = xp.stack([tools.array(rows, name) for name in self.embedding], axis=1).astype(xp.float64)[placed]
        near = None if known is None else xp.stack([tools.array(known, name) for name in self.embedding], axis=1).astype(xp.float64)
        if not bool(xp.isfinite(embedded).all()) or (near is not None and not bool(xp.isfinite(near).all())):
            msg = f"Choose expects finite numbers in its embedding, got a missing or infinite one in {listing(self.embedding, limit=5)}."
            raise StageError(f"{msg} Fill or drop such rows.")
        seed = round_seed(self.seed, self.round)
        if self.diverse == "k_center":
            found = selectors.k_center(embedded, n_rows, centers=near)
        elif self.diverse == "ranked_batch":
            found = selectors.ranked_batch(xp.maximum(tools.array(rows, _RANK)[placed], -1e300), embedded, n_rows, centers=near)
        elif self.diverse == "badge":
            columns = [tools.array(rows, name)[placed] for name in self._probabilities(rows.columns)]
            found = selectors.badge([1 - columns[0], columns[0]] if len(columns) == 1 else columns, embedded, n_rows, seed=seed)
        else:
            both = embedded if near is None else xp.concatenate([embedded, near[xp.lexsort(near.T)]])
            found = selectors.representatives(both, n_rows, labelled=xp.arange(len(both)) >= len(embedded), seed=seed)
        return by_hash[xp.asarray(found)]

    def _show(self, tools: Tools, chosen: nw.DataFrame[Any]) -> None:
        """Show the first of what was chosen in the report."""
        names = [self.id, "score", "cost", *self.keep]
        rows = [[row[0] if isinstance(row[0], str) else str(row[0]), *row[1:]] for row in chosen.select(names).head(_SHOWN).rows()]
        left = f", the first {_SHOWN} of {len(chosen)}" if len(chosen) > _SHOWN else ""
        tools.show(f"What was chosen{left}", {"kind": "table", "title": "", "columns": names, "rows": rows})
