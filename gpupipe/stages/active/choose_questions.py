"""Chooses which rows to ask about sets of classes, and which question each is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.active.hierarchy import LabelHierarchy
from gpupipe.active.partial.methods import choose_questions, method_of
from gpupipe.active.scorers.random_order import round_seed
from gpupipe.core.errors import StageError, UsageError, listing
from gpupipe.core.node import Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.core.verbs import Verbs
from gpupipe.core.want import Want
from gpupipe.stages.active._candidates import candidates, require_ids
from gpupipe.stages.active._sets import EXAMPLE, POSSIBLE, possible_of, require_labels

_HASH = "__gpupipe_draw__"


@dataclass(frozen=True, init=False)
class ChooseQuestions(TaskStage):
    """Chooses questions "is its class one of these?", at most one a row; gives the id, the ``question``, ``rank``, ``score`` and ``cost``.

    ``ChooseQuestions(hierarchy, budget=500)(scored, labels, held_out)``: `scored` has a column of probabilities for each class, `labels` is
    what ``gp.ReadLabels(store)`` gives, and no row of a further table is asked about. What an answer has settled is not asked again. An
    answer changes what is best to ask next, so a round is one question a row; the next run asks the next. What the methods do is in
    `gpupipe.active.partial.choose_questions`.

    Parameters
    ----------
    hierarchy
        The classes, and the sets that may be asked about.
    budget
        How many questions, each of cost 1.
    method
        ``uniform`` (or ``random``), ``AL-ME``, ``AL-LC``, ``AQ-EIG``, ``AQ-EDC``, ``AQ-ERC``, ``ALPF-EIG``, ``ALPF-EDC``, ``ALPF-ERC``.
    prefix
        Of the probabilities' columns, ``prefix_class``.
    id, keep, seed, round
        As for `Choose`.

    Raises
    ------
    UsageError
        The budget is not a whole number above 0, or there is no such method.

    Examples
    --------
    >>> import polars as pl
    >>> pool = pl.DataFrame({"id": ["x", "y"], "probability_cat": [0.5, 0.9], "probability_dog": [0.5, 0.1]})
    >>> made = ChooseQuestions(LabelHierarchy.flat(["cat", "dog"]), budget=1, method="ALPF-EIG").apply(pool)
    >>> made.select("id", "question").rows()
    [('x', '{"classes":["cat"],"kind":"set","name":"cat"}')]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    optional: ClassVar[int] = 1
    many: ClassVar[bool] = True

    hierarchy: LabelHierarchy
    budget: int
    method: str
    prefix: str
    id: str
    keep: tuple[str, ...]
    seed: int
    round: int

    def __init__(
        self,
        hierarchy: LabelHierarchy,
        budget: int,
        *,
        method: str = "ALPF-EIG",
        prefix: str = "probability",
        id: str = "id",
        keep: Sequence[str] = (),
        seed: int = 0,
        round: int = 0,
    ) -> None:
        if not isinstance(hierarchy, LabelHierarchy):
            msg = f"ChooseQuestions expects a gp.LabelHierarchy, got {type(hierarchy).__name__}. Make one: gp.LabelHierarchy.from_table(t)."
            raise UsageError(msg)
        if isinstance(budget, bool) or not isinstance(budget, int) or budget < 1:
            raise UsageError(f"ChooseQuestions expects a budget of 1 question or more, a whole number, got {budget!r}.")
        method_of(method)
        settle(self, hierarchy=hierarchy, budget=budget, method=method, prefix=prefix, id=id, keep=tuple(keep), seed=seed, round=round)

    def __call__(self, *inputs: Node) -> Any:
        """Return the node of the chosen questions."""
        if not inputs or not all(isinstance(given, Table) for given in inputs):
            return self.wire(inputs)  # which tells what is wrong
        scored, *others = inputs
        left = candidates(scored, others[1:], self.id, self.name)  # type: ignore[arg-type]
        return self.wire((left, *others[:1]))

    @property
    def _columns(self) -> list[str]:
        """The columns of probabilities, in the hierarchy's order."""
        return [f"{self.prefix}_{name}" for name in self.hierarchy.classes]

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return ids, hashes and probabilities, and of the store what is possible."""
        return (Want(self._hashed, "held"), *(Want(lambda _, frame: frame.select(EXAMPLE, POSSIBLE), "held") for _ in specs[1:]))

    def _hashed(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the needed columns with the hash of the ids; a model's columns are not known in every plan."""
        names = [name for name in frame.collect_schema().names() if name.startswith(self.prefix)]
        hashed = verbs.hash_rows(frame, [self.id], round_seed(self.seed, self.round), _HASH)
        return hashed.select(list(dict.fromkeys([self.id, *self.keep, *names, _HASH])))

    def plan(self, *specs: Any) -> Schema:
        """Return the columns.

        Raise ColumnError for a column that is not there, DtypeError for ids of another dtype than the store's.
        """
        require_ids(specs[0], self.id, self.name)
        specs[0].require(self.keep)
        for labels in specs[1:]:
            require_labels(labels, specs[0], self.id, self.name)
        own = {"question": nw.String(), "rank": nw.Int64(), "score": nw.Float64(), "cost": nw.Float64()}
        columns = {self.id: specs[0][self.id], **{name: Field(dtype, nullable=False) for name, dtype in own.items()}}
        columns |= {name: specs[0][name] for name in self.keep if name not in columns}
        return Schema(tuple((name, Field(field.dtype, field.nullable)) for name, field in columns.items()))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the chosen questions."""
        rows = inputs[0]
        lacking = [name for name in self._columns if name not in rows.columns]
        if lacking:
            msg = f"ChooseQuestions expects a column of probabilities for each class, got none called {listing(lacking, limit=5)}."
            raise StageError(f"{msg} Take them of a model of these {self.hierarchy.n_classes} classes, or another prefix.")
        absent = tools.missing(rows, self.id)
        if absent is not None and bool(absent.any()):
            raise StageError(f"ChooseQuestions expects an id in each row, got {int(absent.sum())} without one in {self.id!r}. Drop them.")
        xp = tools.xp
        known = inputs[1] if len(inputs) > 1 else None
        possible = xp.asarray(possible_of(rows, self.id, known, self.hierarchy.classes, self.name))
        probabilities = xp.stack([tools.array(rows, name) for name in self._columns], axis=1)
        if not bool(xp.isfinite(probabilities).all()):
            raise StageError("ChooseQuestions expects finite probabilities, got a missing or infinite one. Look at the model's features.")
        hashes = tools.array(rows, _HASH)
        chosen, questions, worths = choose_questions(probabilities, possible, hashes, self.hierarchy, self.budget, self.method)
        return self._table(tools, rows, chosen, [int(one) for one in questions], worths, int((possible.sum(axis=1) > 1).sum()))

    def _table(self, tools: Tools, rows: Any, chosen: Any, questions: Sequence[int], worths: Any, n_open: int) -> nw.DataFrame[Any]:
        """Return the questions as a table, and tell the report of them."""
        taken = [int(place) for place in chosen]
        texts = {number: self._text(number) for number in set(questions)}
        numbers = {
            "question": pa.array([texts[number] for number in questions], pa.large_string()),
            "rank": pa.array(np.arange(1, len(taken) + 1)),
            "score": tools.xp.asarray(worths, dtype=float),
            "cost": tools.xp.ones(len(taken)),
        }
        made = tools.frame(numbers, beside=rows[taken].select([self.id, *self.keep]))
        tools.note(questions=len(taken), **{"examples still open": n_open})
        often = np.bincount(np.array(questions, np.int64), minlength=len(self.hierarchy.sets)) if questions else np.zeros(0, np.int64)
        bars = [[self.hierarchy.questions[place], int(often[place])] for place in np.argsort(-often, kind="stable")[:15] if often[place]]
        tools.show("What is asked most", {"kind": "bars", "title": "Questions", "bars": bars})
        return made.select(list(dict.fromkeys([self.id, "question", "rank", "score", "cost", *self.keep])))

    def _text(self, number: int) -> str:
        """Return a question as a label store keeps it."""
        value = {"classes": self.hierarchy.names_of(number), "kind": "set", "name": self.hierarchy.questions[number]}
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
