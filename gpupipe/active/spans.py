"""Spans of words and tags of words: the two forms of marked entities, and how far two markings agree.

A span is ``[first, end, type]``: the first word, the one after the last, and the type. Tags stand in one of four forms:

=========  =====================================================================================================
``IO``     ``I-`` for every word of an entity: entities of one type side by side are one
``IOB1``   as that, with ``B-`` for a word that begins an entity right behind another one of its type
``IOB2``   ``B-`` for the first word of each entity, ``I-`` for the others (also called BIO)
``IOBES``  as that, with ``E-`` for the last word and ``S-`` for the only one (also called BIOES; BILOU has L and U)
=========  =====================================================================================================
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

from gpupipe.core.errors import UsageError, listing

Form: TypeAlias = Literal["IO", "IOB1", "IOB2", "IOBES"]
FORMS = ("IO", "IOB1", "IOB2", "IOBES")
_TAG = re.compile(r"O|([BIESLU])-(.+)")


def tags_of(spans: str | Iterable[Sequence[Any]], n_words: int, form: Form = "IOB2") -> list[str]:
    """Return a tag for each word of spans, which are lists or the text that a label store keeps.

    Raises
    ------
    UsageError
        The form is unknown.

    Examples
    --------
    >>> tags_of('[[0,2,"PER"],[3,4,"LOC"]]', 4)
    ['B-PER', 'I-PER', 'O', 'B-LOC']
    >>> tags_of([[0, 2, "PER"], [3, 4, "LOC"]], 4, "IOBES")
    ['B-PER', 'E-PER', 'O', 'S-LOC']
    """
    if form not in FORMS:
        raise UsageError(f"Expected tags of form {listing(FORMS)}, got {form!r}.")
    tags = ["O"] * n_words
    before: tuple[int, str] | None = None  # where the span before ended, and its type
    for first, end, kind in sorted(json.loads(spans) if isinstance(spans, str) else spans):
        begins = form in ("IOB2", "IOBES") or (form == "IOB1" and before == (first, kind))
        tags[first:end] = [f"B-{kind}" if begins else f"I-{kind}", *(f"I-{kind}" for _ in range(first + 1, end))]
        if form == "IOBES":
            tags[end - 1] = f"{'S' if end == first + 1 else 'E'}-{kind}"
        before = (end, kind)
    return tags


def spans_of_tags(tags: Sequence[str]) -> list[list[Any]]:
    """Return the spans of tags of any of the forms; tags that no form allows are taken as the CoNLL script takes them.

    A word begins a span where its tag is B or S, or I or E with no open span of its type before it. So an ``I-`` without a ``B-`` opens
    one.

    Raises
    ------
    UsageError
        A tag is none.

    Examples
    --------
    >>> spans_of_tags(["I-PER", "I-PER", "O", "B-LOC", "I-PER"])
    [[0, 2, 'PER'], [3, 4, 'LOC'], [4, 5, 'PER']]
    """
    spans: list[list[Any]] = []
    is_open = False  # whether the last span may go on
    for place, tag in enumerate(tags):
        found = _TAG.fullmatch(tag)
        if found is None:
            raise UsageError(f"Expected tags such as O, B-PER or I-PER, got {tag!r}.")
        mark, kind = found.groups()
        if mark is None:
            is_open = False
            continue
        if is_open and mark in "IEL" and spans[-1][2] == kind:
            spans[-1][1] = place + 1
        else:
            spans.append([place, place + 1, kind])
        is_open = mark in "BI"
    return spans


def convert_tags(tags: Sequence[str], form: Form) -> list[str]:
    """Return tags of any form in another one.

    Examples
    --------
    >>> convert_tags(["I-PER", "I-PER", "O"], "IOBES")
    ['B-PER', 'E-PER', 'O']
    """
    return tags_of(spans_of_tags(tags), len(tags), form)


def entity_scores(truth: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> dict[str, Any]:
    """Return how far predicted tags have the true entities, each with the right words and the right type: the score of CoNLL-2003.

    Returns
    -------
    dict
        ``precision``, ``recall``, ``f1`` over all entities, 0 where there are none; ``n_true``, ``n_predicted``, ``n_right``;
        ``by_type``: the same for each type.

    Raises
    ------
    UsageError
        A sentence has other than as many tags on both sides.

    Notes
    -----
    Tjong Kim Sang and De Meulder, Introduction to the CoNLL-2003 shared task (2003).

    Examples
    --------
    >>> made = entity_scores([["B-PER", "I-PER", "O", "B-LOC"]], [["B-PER", "O", "O", "B-LOC"]])
    >>> made["precision"], made["recall"], made["f1"]
    (0.5, 0.5, 0.5)
    """
    n_true: Counter[str] = Counter()
    n_predicted: Counter[str] = Counter()
    n_right: Counter[str] = Counter()
    for number, (ours, theirs) in enumerate(zip(truth, predicted, strict=True)):
        if len(ours) != len(theirs):
            raise UsageError(f"Expected as many predicted tags as true ones, got {len(theirs)} for {len(ours)} words in sentence {number}.")
        true, found = ({tuple(span) for span in spans_of_tags(tags)} for tags in (ours, theirs))
        n_true.update(kind for *_, kind in true)
        n_predicted.update(kind for *_, kind in found)
        n_right.update(kind for *_, kind in true & found)
    kinds = sorted(n_true | n_predicted)
    by_type = {kind: _scores(n_true[kind], n_predicted[kind], n_right[kind]) for kind in kinds}
    return {**_scores(n_true.total(), n_predicted.total(), n_right.total()), "by_type": by_type}


def _scores(n_true: int, n_predicted: int, n_right: int) -> dict[str, Any]:
    """Return precision, recall and their harmonic mean of counts."""
    both = n_true + n_predicted
    precision, recall = n_right / n_predicted if n_predicted else 0.0, n_right / n_true if n_true else 0.0
    counts = {"n_true": n_true, "n_predicted": n_predicted, "n_right": n_right}
    return {"precision": precision, "recall": recall, "f1": 2 * n_right / both if both else 0.0, **counts}
