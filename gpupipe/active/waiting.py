"""Questions that still wait for an answer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.active.belief import Beliefs, most_common
from gpupipe.active.scheme import Scheme

_NO_ROUND = np.iinfo(np.int64).max  # an answer of no round is one to all


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
    replies = answers.filter(_counts(answers))
    row = _places(questions["example_id"], known.ids)
    pair, reply_pair, n_pairs = _pairs(questions, replies, known.ids)
    asked_in = questions["round"].to_numpy()
    wanted = questions["annotators"].to_numpy()
    # The one reply that one question wants: what nearly all are, and need no look at who said what.
    n_replies = np.bincount(reply_pair, minlength=n_pairs)
    latest = np.full(n_pairs, -1, dtype=np.int64)
    np.maximum.at(latest, reply_pair, replies["round"].fill_null(_NO_ROUND).to_numpy())
    is_open = ~((wanted == 1) & (n_replies[pair] == 1) & (latest[pair] >= asked_in))
    said = _said(replies, reply_pair, np.isin(reply_pair, pair[is_open]))
    texts = questions["question"]
    for at in np.flatnonzero(is_open):
        mine = {who: told for who, (told, since) in said.get(int(pair[at]), {}).items() if since >= asked_in[at]}
        if annotator in mine or (wanted[at] == 1 and _is_settled(texts[int(at)].as_py(), known, int(row[at]), scheme)):
            is_open[at] = False
            continue
        votes = [told for told in mine.values() if told is not None]
        is_tie = annotator is not None and bool(votes) and most_common(votes) is None
        is_open[at] = len(mine) < wanted[at] or is_tie
    return np.asarray(is_open)


def _counts(answers: pa.Table) -> pa.ChunkedArray:
    """Return of each answer whether it is a reply: not replaced, and no withdrawal."""
    replaced = answers["replaces"].drop_null().unique()
    is_withdrawal = pc.and_(pc.is_null(answers["answer"]), pc.is_valid(answers["replaces"]))
    return pc.and_not(pc.invert(pc.is_in(answers["answer_id"], replaced)), is_withdrawal)


def _places(column: pa.ChunkedArray, ids: pa.Array) -> np.ndarray:
    """Return the row of each example among some, -1 where it is none of them."""
    return np.asarray(pc.index_in(column, value_set=ids).fill_null(-1).to_numpy(), dtype=np.int64)


def _pairs(questions: pa.Table, replies: pa.Table, ids: pa.Array) -> tuple[np.ndarray, np.ndarray, int]:
    """Return, as numbers, the example with the question of each question and of each reply, and how many numbers there may be."""
    both = pa.chunked_array([*questions["question"].chunks, *replies["question"].chunks], pa.large_string())
    coded = both.combine_chunks().dictionary_encode()
    text = np.asarray(coded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    n_texts = len(coded.dictionary)
    place = np.concatenate([_places(questions["example_id"], ids), _places(replies["example_id"], ids)])
    place[place < 0] = len(ids)  # replies to what nobody asked about
    _, number = np.unique(place * max(n_texts, 1) + text, return_inverse=True)
    return number[: questions.num_rows], number[questions.num_rows :], int(number.max(initial=-1)) + 1


def _said(replies: pa.Table, pair: np.ndarray, wanted: np.ndarray) -> Mapping[int, dict[str, tuple[str | None, int]]]:
    """Return what each annotator last said to some questions, None where they skipped it, and in which round."""
    at = np.flatnonzero(wanted)
    rows = replies.select(["answer", "annotator", "round"]).take(pa.array(at)).to_pydict()
    said: dict[int, dict[str, tuple[str | None, int]]] = {}
    for number, answer, annotator, since in zip(pair[at].tolist(), rows["answer"], rows["annotator"], rows["round"], strict=True):
        said.setdefault(number, {})[annotator] = (answer, _NO_ROUND if since is None else since)
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
