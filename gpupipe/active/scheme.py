"""What a label store asks and takes: the classes, the keys of examples, and the form of questions and answers.

A question is a short text in JSON, the same text for the same question:

=================================================  =============================  ==========================================
question                                           means                          an answer is
=================================================  =============================  ==========================================
``{"kind":"class"}``                               which class?                   the class as text: ``cat``, ``7``
``{"classes":[...],"kind":"set","name":"animal"}``  is the class one of these?     ``yes`` or ``no``
``{"kind":"spans"}``                               which words are what?          ``[[first, end, type], ...]`` in words
=================================================  =============================  ==========================================

A missing answer says that the annotator would not or could not tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.errors import UsageError, listing, nearest

CLASS = '{"kind":"class"}'
SPANS = '{"kind":"spans"}'
YES, NO = "yes", "no"
Kind = Literal["class", "spans"]
KeyKind = Literal["text", "integer"]


@dataclass(frozen=True)
class Scheme:
    """What is asked and answered.

    Parameters
    ----------
    classes
        The classes, in their order; of spans the types of entities. All texts or all whole numbers.
    kind
        ``"class"`` where an example has one class, ``"spans"`` where its words are marked.
    key
        What examples are known by: ``"text"`` or ``"integer"``.

    Raises
    ------
    UsageError
        No class, one twice, an empty one, or texts beside numbers.

    Examples
    --------
    >>> scheme = Scheme(("cat", "dog", "oak"))
    >>> scheme.set_question(["dog", "cat"], "animal")
    '{"classes":["cat","dog"],"kind":"set","name":"animal"}'
    >>> scheme.answer(CLASS, "dgo")
    Traceback (most recent call last):
    gpupipe.core.errors.UsageError: Expected an answer among the classes 'cat', 'dog', 'oak', got 'dgo'. Did you mean 'dog'?
    """

    classes: tuple[str, ...] | tuple[int, ...]
    kind: Kind = "class"
    key: KeyKind = "text"

    def __post_init__(self) -> None:
        if self.kind not in ("class", "spans") or self.key not in ("text", "integer"):
            msg = f"Expected kind 'class' or 'spans' and key 'text' or 'integer', got {self.kind!r} and {self.key!r}."
            raise UsageError(msg)
        texts = all(isinstance(one, str) and one.strip() for one in self.classes)
        numbers = all(isinstance(one, int) and not isinstance(one, bool) for one in self.classes)
        if not self.classes or not (texts or numbers) or len(set(self.classes)) < len(self.classes):
            msg = f"Expected classes that are all texts or all whole numbers, each once, got {listing(map(str, self.classes)) or 'none'}."
            raise UsageError(f"{msg} Name each class once.")
        if self.kind == "spans" and not texts:
            raise UsageError("Expected types of entities that are texts, such as 'PER', got numbers. Name them.")

    @property
    def id_type(self) -> pa.DataType:
        """The Arrow type of examples' keys."""
        return pa.int64() if self.key == "integer" else pa.large_string()

    @property
    def label_type(self) -> pa.DataType:
        """The Arrow type of a label: of a class, or of the tags of words."""
        if self.kind == "spans":
            return pa.large_list(pa.large_string())
        return pa.int64() if isinstance(self.classes[0], int) else pa.large_string()

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """The position of each class, by its text."""
        return {str(one): position for position, one in enumerate(self.classes)}

    @cached_property
    def _checked(self) -> dict[str, str]:
        """Texts of questions that have been looked at, and how they are kept."""
        return {CLASS: CLASS} if self.kind == "class" else {SPANS: SPANS}

    @cached_property
    def _masks(self) -> dict[str, np.ndarray]:
        """The classes of each question about a set that has been asked for."""
        return {}

    def as_json(self) -> dict[str, Any]:
        """Return the scheme as plain values."""
        return {"kind": self.kind, "key": self.key, "classes": list(self.classes)}

    def set_question(self, classes: Iterable[str | int], name: str | None = None) -> str:
        """Return the question whether the class is one of some; the name is what people call them."""
        return self.question({"kind": "set", "classes": list(classes), **({} if name is None else {"name": name})})

    def question(self, value: str | Mapping[str, Any]) -> str:
        """Return a question as it is kept.

        Raises
        ------
        UsageError
            It has no known kind, or names a class that is not there, none, or all of them.
        """
        if isinstance(value, str) and value in self._checked:
            return self._checked[value]
        try:
            told = json.loads(value) if isinstance(value, str) else dict(value)
        except (ValueError, TypeError):
            told = None
        kept = self._kept(told, value)
        self._checked[value if isinstance(value, str) else kept] = kept
        return kept

    def _kept(self, told: Any, value: Any) -> str:
        """Return a question that was read, as it is kept."""
        whole = {"kind": self.kind}
        if told == whole:
            return _text(whole)
        if self.kind != "class" or not isinstance(told, dict) or told.get("kind") != "set" or not set(told) <= {"kind", "classes", "name"}:
            others = "" if self.kind == "spans" else ' or {"kind":"set","classes":[...],"name":"..."}'
            raise UsageError(f"Expected the question {_text(whole)}{others}, got {value!r}.")
        classes, name = told.get("classes"), told.get("name")
        if not isinstance(classes, list) or (name is not None and not (isinstance(name, str) and name.strip())):
            raise UsageError(f"Expected a question with a list of classes, and a name that is a text or left out, got {value!r}.")
        chosen = sorted({self.position(one) for one in classes})
        if not 0 < len(chosen) < len(self.classes):
            raise UsageError(f"Expected a question about some of the {len(self.classes)} classes, got one about {len(chosen)}: {value!r}.")
        return _text({"kind": "set", "classes": [self.classes[one] for one in chosen], **({} if name is None else {"name": name})})

    def position(self, value: object) -> int:
        """Return the position of a class.

        Raises
        ------
        UsageError
            There is no such class.
        """
        found = self.positions.get(str(value)) if not isinstance(value, bool) else None
        if found is None:
            known = list(map(str, self.classes))
            raise UsageError(f"Expected an answer among the classes {listing(known)}, got {value!r}.{nearest(str(value), known)}")
        return found

    def answer(self, question: str, value: object, n_words: int | None = None) -> str | None:
        """Return an answer to a question as it is kept; None stays None.

        Parameters
        ----------
        n_words
            How many words the example has, of which spans are made, where that is known.

        Raises
        ------
        UsageError
            It is no answer to this question.
        """
        if value is None:
            return None
        if self.kind == "spans":
            return _text(self.spans(value, n_words))
        if question == CLASS:
            return str(self.classes[self.position(value)])
        if isinstance(value, bool):
            return YES if value else NO
        if value not in (YES, NO):
            raise UsageError(f"Expected the answer 'yes' or 'no' to a question about a set of classes, got {value!r}.")
        return str(value)

    def spans(self, value: object, n_words: int | None = None) -> list[list[Any]]:
        """Return marked spans in order: the first word, the one after the last, and the type of each."""
        try:
            told = json.loads(value) if isinstance(value, str) else value
            found = sorted([first, end, str(self.classes[self.position(kind)])] for first, end, kind in told)  # type: ignore[union-attr]
        except (ValueError, TypeError) as error:
            msg = f"Expected spans [[first word, word after the last, type], ...], got {value!r}."
            raise UsageError(msg) from error
        before = 0
        for first, end, _ in found:
            plain = all(isinstance(one, int) and not isinstance(one, bool) for one in (first, end))
            if not plain or not before <= first < end or (n_words is not None and end > n_words):
                words = "" if n_words is None else f" of {n_words} words"
                raise UsageError(f"Expected spans{words} that hold words and do not overlap, got {found!r}.")
            before = end
        return found

    def mask(self, question: str) -> np.ndarray:
        """Return which classes a question about a set names, as an array of truth values."""
        if question not in self._masks:
            made = np.zeros(len(self.classes), dtype=bool)
            made[[self.position(one) for one in json.loads(question)["classes"]]] = True
            self._masks[question] = made
        return self._masks[question]

    def ids(self, values: Any) -> pa.Array:
        """Return examples' keys in the store's type.

        Raises
        ------
        UsageError
            One is missing, empty, or of another type.
        """
        try:
            made = pa.array(values) if isinstance(values, Sequence) else _arrow_array(values)
            if not len(made):
                return pa.array([], self.id_type)
            if self.key == "text" and not (pa.types.is_string(made.type) or pa.types.is_large_string(made.type)):
                raise pa.ArrowInvalid(str(made.type))
            if self.key == "integer" and not pa.types.is_integer(made.type):
                raise pa.ArrowInvalid(str(made.type))
            made = made.cast(self.id_type)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            msg = f"Expected keys of examples of kind {self.key}, as the store was made for, got others: {error}. Cast the column."
            raise UsageError(msg) from error
        if made.null_count or (self.key == "text" and "" in made.unique().to_pylist()):
            raise UsageError("Expected a key for every example, got a missing or empty one. Give each row of the pool a key.")
        return made


def _arrow_array(values: Any) -> pa.Array:
    """Return Arrow's array of a column of any kind."""
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    if isinstance(values, pa.Array):
        return values
    if isinstance(values, np.ndarray):
        return pa.array(values.tolist() if values.dtype == object else values)
    return _arrow_array(nw.from_native(values, series_only=True).to_arrow())


def _text(value: Any) -> str:
    """Return JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
