"""Questions that still wait for an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from gpupipe.active.belief import Beliefs, most_common
from gpupipe.active.scheme import Scheme


def waiting(questions: pa.Table, answers: pa.Table, known: Beliefs, scheme: Scheme, annotator: str | None = None) -> np.ndarray:
    """Return of each question whether it waits: for anybody, or for one annotator.

    A question waits for anybody until as many as it is for have answered or skipped it; one that is for one annotator also no longer than
    what else is known leaves a doubt about it. It waits for an annotator who has done neither, in that round or later; also where enough
    have answered, but as many of them say one thing as another.

    Parameters
    ----------
    questions, answers
        All of a store, the answers each once.
    known
        What is believed of the questions' examples, each once.
    """
    said = _said(answers)
    rows = {key: row for row, key in enumerate(known.ids.to_pylist())}
    wait = np.zeros(questions.num_rows, dtype=bool)
    names = ("example_id", "question", "round", "annotators")
    for at, (example, question, number, wanted) in enumerate(zip(*(questions[name].to_pylist() for name in names), strict=True)):
        replies = {who: told for who, (told, since) in said.get((example, question), {}).items() if since >= number}
        if annotator in replies or (wanted == 1 and _is_settled(question, known, rows[example], scheme)):
            continue
        votes = [told for told in replies.values() if told is not None]
        is_tie = annotator is not None and bool(votes) and most_common(votes) is None
        wait[at] = len(replies) < wanted or is_tie
    return wait


def _said(answers: pa.Table) -> Mapping[Any, dict[str, tuple[str | None, float]]]:
    """Return what each annotator last said to each question, None where they skipped it, and in which round."""
    names = ("answer_id", "example_id", "question", "answer", "annotator", "round", "replaces")
    columns = [answers[name].to_pylist() for name in names]
    replaced = set(columns[-1])
    said: dict[Any, dict[str, tuple[str | None, float]]] = {}
    for name, example, question, answer, annotator, number, replaces in zip(*columns, strict=True):
        is_withdrawal = answer is None and replaces is not None
        if name not in replaced and not is_withdrawal:  # an answer of no round is one to all
            said.setdefault((example, question), {})[annotator] = (answer, float("inf") if number is None else number)
    return said


def _is_settled(question: str, known: Beliefs, row: int, scheme: Scheme) -> bool:
    """Whether what is known of an example answers a question."""
    if scheme.kind == "spans":
        return known.spans[row] is not None
    possible = known.possible[row]
    if question == scheme.question({"kind": scheme.kind}):
        return bool(known.exact[row])
    named = possible & scheme.mask(question)
    return not named.any() or bool(named.sum() == possible.sum())
