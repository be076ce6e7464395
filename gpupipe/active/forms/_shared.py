"""What the forms have in common: what is shown of an example, keys as texts, spans of words and of characters."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gpupipe.active.scheme import Scheme
from gpupipe.core.errors import UsageError

QUESTION = "label"  # what the question is called in files of ours


@dataclass(frozen=True)
class Item:
    """What is written of one example.

    Parameters
    ----------
    shown
        The example's text, image, words and row, those that there are.
    answers
        The last answer of each annotator to the whole question.
    guess
        The question with the model's last guess.
    """

    key: Any
    shown: Mapping[str, Any]
    answers: Sequence[Mapping[str, Any]]
    guess: Mapping[str, Any] | None


@dataclass(frozen=True)
class Found:
    """What was read: answers, the examples that they are of, and how many answers were left out."""

    answers: list[dict[str, Any]]
    examples: list[dict[str, Any]]
    n_left_out: int = 0


@dataclass(frozen=True)
class Asked:
    """What is to be read: for which store's scheme, the words of its examples, the question's name, and when the file was written."""

    scheme: Scheme
    words: Mapping[Any, Sequence[str]]
    question: str | None
    written: datetime

    def key(self, value: Any) -> Any:
        """Return an example's key in the store's kind."""
        if self.scheme.key == "text":
            return str(value)
        return int(value) if isinstance(value, str) and value.lstrip("-").isdecimal() else value

    def words_of(self, key: Any, text: str) -> Sequence[str]:
        """Return the words of an example; of one that the store does not know, those between the spaces of its text."""
        return self.words.get(key) or text.split()


def records_of(text: str) -> Any:
    r"""Return the values of a JSON list, or of JSON lines, which end at a line feed alone: texts in them may hold other ends of lines.

    Examples
    --------
    >>> records_of('{"text": "a\u2028b"}\n\n{"text": "c"}\n')
    [{'text': 'a\u2028b'}, {'text': 'c'}]
    """
    return json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.split("\n") if line.strip()]


def content_of(item: Item) -> dict[str, Any]:
    """Return what is shown of an example, by name."""
    made: dict[str, Any] = {}
    if text_of(item) is not None:
        made["text"] = text_of(item)
    if item.shown.get("image") is not None:
        made["image"] = f"data:image/png;base64,{base64.b64encode(item.shown['image']).decode()}"
    if item.shown.get("row") is not None:
        made["row"] = json.loads(item.shown["row"])
    return made


def text_of(item: Item) -> str | None:
    """Return the text of an example: of one that has words, these with single spaces."""
    if item.shown.get("words"):
        return " ".join(item.shown["words"])
    text: str | None = item.shown.get("text")
    return text


def characters_of(spans: str, words: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return spans of words as spans of characters of the words with single spaces.

    Examples
    --------
    >>> characters_of('[[0,2,"PER"]]', ["Ada", "Byron", "left"])
    [(0, 9, 'PER')]
    """
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word) + 1)
    return [(starts[first], starts[end] - 1, kind) for first, end, kind in json.loads(spans)]


def spans_of(marked: Sequence[tuple[int, int, str]], words: Sequence[str], text: str) -> list[list[Any]]:
    """Return spans of characters as spans of words, which are looked for in the text one after the other.

    A span may begin or end beside a word, in spaces, but not within one.

    Raises
    ------
    UsageError
        A span cuts a word or holds none, or the text does not have the words.

    Examples
    --------
    >>> spans_of([(0, 11, "PER")], ["Ada", "Byron", "left"], "Ada  Byron left")
    [[0, 2, 'PER']]
    """
    places, at = [], 0
    for word in words:
        at = text.find(word, at)
        if at < 0:
            raise UsageError(f"Expected the text of an example with the words that the store has, got one without {word!r}: {text[:80]!r}.")
        places.append((at, at + len(word)))
        at += len(word)
    made = []
    for first, end, kind in marked:
        inside = [number for number, (start, stop) in enumerate(places) if start < end and first < stop]
        if not inside or first > places[inside[0]][0] or end < places[inside[-1]][1]:
            raise UsageError(f"Expected spans of whole words, got {text[first:end]!r} of {text[:80]!r}. Mark whole words.")
        made.append([inside[0], inside[-1] + 1, kind])
    return made
