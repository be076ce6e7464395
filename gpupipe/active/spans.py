"""Spans of words, and tags of words: the two forms of marked entities."""

from __future__ import annotations

import json


def tags_of(spans: str, n_words: int) -> list[str]:
    """Return a tag for each word (IOB2) of spans as a label store keeps them.

    Examples
    --------
    >>> tags_of('[[0,2,"PER"],[3,4,"LOC"]]', 4)
    ['B-PER', 'I-PER', 'O', 'B-LOC']
    """
    tags = ["O"] * n_words
    for first, end, kind in json.loads(spans):
        tags[first:end] = [f"B-{kind}", *(f"I-{kind}" for _ in range(first + 1, end))]
    return tags
