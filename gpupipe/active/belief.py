"""Beliefs: what answers imply of each example. A pure function of the answers, the same for any order that they came in.

Answers are taken in the order of ``answered_at`` and, where that is equal, of ``answer_id``. Of one annotator the latest answer to a
question counts, and of several annotators the one that most give; where two are given equally often, the question is *unresolved* and
excludes no class. The classes that remain possible are those that all questions leave. Where none would remain, the answers so far are a
*conflict*: they are kept and listed, and the example is open again, with all classes possible and only later answers counting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.active.scheme import CLASS, YES, Scheme

NOTHING, PARTIAL, EXACT = "nothing", "partial", "exact"


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What is believed of some examples, by row.

    Parameters
    ----------
    ids
        The examples' keys.
    possible
        For each example and class whether it may be that class: an array of truth values, examples by classes. Of spans, no columns.
    n_answers
        How many answers each example has that count.
    unresolved
        Whether annotators disagree on a question of the example, as many for one answer as for another.
    conflicts
        How often the answers of the example have contradicted one another.
    spans
        Of spans, the answer of each example as it is kept, or None.
    """

    ids: pa.Array
    possible: np.ndarray
    n_answers: np.ndarray
    unresolved: np.ndarray
    conflicts: np.ndarray
    spans: tuple[str | None, ...] = ()

    @cached_property
    def exact(self) -> np.ndarray:
        """Whether each example has its label."""
        if self.spans:
            return np.array([one is not None for one in self.spans])
        return np.asarray(self.possible.sum(axis=1) == 1) & (self.n_answers > 0)

    @property
    def touched(self) -> np.ndarray:
        """Whether some class of each example is excluded, or its spans are known: those that a model learns from."""
        return self.exact if self.spans else np.asarray(~self.possible.all(axis=1))

    @property
    def labels(self) -> np.ndarray:
        """The position of each example's class, -1 where that is not exact."""
        return np.where(self.exact, self.possible.argmax(axis=1), -1) if self.possible.shape[1] else np.full(len(self.ids), -1)

    @property
    def states(self) -> list[str]:
        """What is known of each example: ``"nothing"``, ``"partial"`` or ``"exact"``."""
        return [EXACT if exact else PARTIAL if touched else NOTHING for exact, touched in zip(self.exact, self.touched, strict=True)]


def live(answers: pa.Table) -> pa.Table:
    """Return the answers that count, in their order: each once, none that another one replaces, none that are missing."""
    once = distinct(answers)
    replaced = once["replaces"].drop_null().unique()
    kept = pc.and_(pc.invert(pc.is_in(once["answer_id"], replaced)), pc.is_valid(once["answer"]))
    return once.filter(kept)


def distinct(answers: pa.Table) -> pa.Table:
    """Return every answer once, in the order of time, then of ``answer_id``."""
    ordered = answers.sort_by([("answered_at", "ascending"), ("answer_id", "ascending")])
    names = ordered["answer_id"].combine_chunks()
    if len(names) < 2 or pc.count_distinct(names).as_py() == len(names):
        return ordered
    _, first = np.unique(np.asarray(names.to_numpy(zero_copy_only=False), dtype=str), return_index=True)
    return ordered.take(pa.array(np.sort(first)))


def latest(answers: pa.Table, moment: datetime) -> dict[Any, datetime]:
    """Return the moment of the latest answer of each example that has one from a moment on, as of a machine whose clock is ahead."""
    late = answers.filter(pc.greater_equal(answers["answered_at"], pa.scalar(moment, answers.schema.field("answered_at").type)))
    found = late.group_by("example_id").aggregate([("answered_at", "max")])
    return dict(zip(found["example_id"].to_pylist(), found["answered_at_max"].to_pylist(), strict=True))


def believe(answers: pa.Table, scheme: Scheme, ids: pa.Array) -> tuple[Beliefs, list[tuple[int, list[int]]]]:
    """Return what answers imply of some examples, and each conflict: the example's row and the rows of `live` in it.

    Parameters
    ----------
    answers
        Rows as `live` returns them.
    ids
        The examples to tell of, each once.
    """
    rows = pc.index_in(answers["example_id"].combine_chunks(), value_set=ids)
    wanted = np.flatnonzero(np.asarray(rows.is_valid()))
    example = np.asarray(rows.fill_null(-1).to_numpy(zero_copy_only=False))[wanted].astype(np.int64)
    if scheme.kind == "spans":
        return _believe_spans(answers, ids, wanted, example), []
    question, questions = _codes(answers["question"], wanted)
    told = answers["answer"].combine_chunks().take(pa.array(wanted))
    masks, values = _masks(scheme, questions, question, told.to_pylist())
    n_examples = len(ids)
    possible = np.ones((n_examples, len(scheme.classes)), dtype=bool)
    n_answers = np.bincount(example, minlength=n_examples).astype(np.int64)
    for at in _turns(example):
        possible[example[at]] &= masks[values[at]]
    pair = example * max(len(questions), 1) + question
    _, first, count = np.unique(pair, return_index=True, return_counts=True)
    by_hand: np.ndarray = np.asarray(~possible.any(axis=1))
    by_hand[example[first[count > 1]]] = True
    unresolved, conflicts = np.zeros(n_examples, dtype=bool), np.zeros(n_examples, dtype=np.int64)
    found: list[tuple[int, list[int]]] = []
    if by_hand.any():
        annotator, _ = _codes(answers["annotator"], wanted)
        order = np.flatnonzero(by_hand[example])
        order = order[np.argsort(example[order], kind="stable")]
        for at in np.split(order, np.flatnonzero(np.diff(example[order])) + 1):
            row = int(example[at[0]])
            votes = [(int(question[one]), int(annotator[one]), int(values[one])) for one in at]
            possible[row], unresolved[row], n_answers[row], cut = _fold(votes, masks)
            conflicts[row] = len(cut)
            found += [(row, [int(wanted[one]) for one in at[start:stop]]) for start, stop in cut]
    return Beliefs(ids, possible, n_answers, unresolved, conflicts), found


def _codes(column: pa.ChunkedArray, rows: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return the values of some rows as numbers, and what the numbers stand for."""
    coded = column.combine_chunks().take(pa.array(rows)).dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    return np.asarray(coded.indices.to_numpy(zero_copy_only=False)).astype(np.int64), coded.dictionary.to_pylist()


def _masks(scheme: Scheme, questions: Sequence[str], question: np.ndarray, answers: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes that each kind of answer leaves, and which kind each answer is."""
    n_classes = len(scheme.classes)
    sets = [np.zeros(n_classes, dtype=bool) if one == CLASS else scheme.mask(one) for one in questions]
    asked = np.array(sets, dtype=bool).reshape(len(sets), n_classes)
    masks = np.concatenate([np.eye(n_classes, dtype=bool), asked, ~asked])
    is_class = np.array([one == CLASS for one in questions], dtype=bool)
    values = np.array(
        [
            scheme.positions[answer] if is_class[code] else n_classes + code + (0 if answer == YES else len(sets))
            for code, answer in zip(question, answers, strict=True)
        ],
        dtype=np.int64,
    )
    return masks, values


def _turns(example: np.ndarray) -> list[np.ndarray]:
    """Return rows in turns, in each of which no example comes twice."""
    order = np.argsort(example, kind="stable")
    sorted_ = example[order]
    starts = np.flatnonzero(np.concatenate([[True], sorted_[1:] != sorted_[:-1]])) if len(order) else np.zeros(0, dtype=np.int64)
    turn = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    by_turn = np.argsort(turn, kind="stable")
    cuts = np.flatnonzero(np.diff(turn[by_turn])) + 1
    return [order[part] for part in np.split(by_turn, cuts)] if len(order) else []


def _fold(votes: Sequence[tuple[int, int, int]], masks: np.ndarray) -> tuple[np.ndarray, bool, int, list[tuple[int, int]]]:
    """Return what is possible after votes (question, annotator, answer), whether one is unresolved, how many count, and the conflicts."""
    held: dict[int, dict[int, int]] = {}
    possible = np.ones(masks.shape[1], dtype=bool)
    cut: list[tuple[int, int]] = []
    start = 0
    for number, (question, annotator, answer) in enumerate(votes):
        is_first = question not in held
        held.setdefault(question, {})[annotator] = answer
        possible = possible & masks[answer] if is_first else _left(held, masks)
        if not possible.any():
            cut.append((start, number + 1))
            held, start = {}, number + 1
            possible = np.ones(masks.shape[1], dtype=bool)
    unresolved = any(most_common(one.values()) is None for one in held.values())
    return possible, unresolved, sum(map(len, held.values())), cut


def _left(held: Mapping[int, Mapping[int, int]], masks: np.ndarray) -> np.ndarray:
    """Return what all questions leave, by what most annotators say to each."""
    possible = np.ones(masks.shape[1], dtype=bool)
    for one in held.values():
        winner = most_common(one.values())
        if winner is not None:
            possible &= masks[winner]
    return possible


def most_common(votes: Any) -> Any | None:
    """Return what most votes are for; None where there are two such.

    Examples
    --------
    >>> most_common("aab"), most_common("ab")
    ('a', None)
    """
    counted = Counter(votes).most_common(2)
    return None if len(counted) == 2 and counted[0][1] == counted[1][1] else counted[0][0]


def _believe_spans(answers: pa.Table, ids: pa.Array, wanted: np.ndarray, example: np.ndarray) -> Beliefs:
    """Return what answers about spans imply: the whole marking that most annotators give."""
    told = answers["answer"].combine_chunks().take(pa.array(wanted)).to_pylist()
    annotators = answers["annotator"].combine_chunks().take(pa.array(wanted)).to_pylist()
    votes: list[dict[str, str]] = [{} for _ in range(len(ids))]
    for row, annotator, answer in zip(example, annotators, told, strict=True):
        votes[row][annotator] = answer
    winners = tuple(most_common(one.values()) if one else None for one in votes)
    n_answers = np.array([len(one) for one in votes], dtype=np.int64)
    unresolved = np.array([bool(one) and winner is None for one, winner in zip(votes, winners, strict=True)], dtype=bool)
    return Beliefs(ids, np.zeros((len(ids), 0), dtype=bool), n_answers, unresolved, np.zeros(len(ids), dtype=np.int64), winners)
