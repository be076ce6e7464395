"""Sentences as a network takes them: numbers of words and of their characters, in batches of like length."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch

PADDING, UNKNOWN = 0, 1  # numbers that no word and no character of a vocabulary has
MOST_CHARACTERS = 20  # of a word that are looked at


@dataclass(frozen=True)
class Vocabulary:
    """Words and characters that have numbers, from 2 on; the others have one together.

    Parameters
    ----------
    words, characters
        In the order of their numbers.
    lower
        Whether words are the same in small letters; digits are the same in any case. Characters are told apart always.

    Examples
    --------
    >>> vocabulary = Vocabulary.of([["In", "1990"], ["in", "2001"]])
    >>> vocabulary.words
    ('0000', 'in')
    >>> sentences = vocabulary.encode([["In", "Rome"]])
    >>> sentences.words.tolist(), sentences.characters[sentences.forms].tolist()[0][:2]
    ([3, 1], [6, 8])
    """

    words: tuple[str, ...]
    characters: tuple[str, ...]
    lower: bool = True

    @classmethod
    def of(cls, sentences: Sequence[Sequence[str]], *, lower: bool = True) -> Vocabulary:
        """Return the vocabulary of some sentences, the same for any order of them."""
        forms = {word for sentence in sentences for word in sentence}
        words = {_known_as(form, lower=lower) for form in forms}
        return cls(tuple(sorted(words)), tuple(sorted({one for form in forms for one in form[:MOST_CHARACTERS]})), lower)

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each word."""
        return {word: number for number, word in enumerate(self.words, 2)}

    def encode(self, sentences: Sequence[Sequence[str]], learnt: Any = None) -> Sentences:
        """Return sentences as numbers.

        Parameters
        ----------
        learnt
            [n_words + 2] which numbers of words a network has learnt from; the others stand for unknown words.
        """
        flat = [word for sentence in sentences for word in sentence]
        forms = sorted(set(flat))
        place = {form: number for number, form in enumerate(forms)}
        known = np.array([self.numbers.get(_known_as(form, lower=self.lower), UNKNOWN) for form in forms], np.int64)
        if learnt is not None:
            known = np.where(np.asarray(learnt, bool)[known], known, UNKNOWN) if len(known) else known
        numbers = {character: number for number, character in enumerate(self.characters, 2)}
        spelled = np.zeros((len(forms), min(MOST_CHARACTERS, max(map(len, forms), default=1)) or 1), np.int64)
        for row, form in enumerate(forms):
            cut = form[:MOST_CHARACTERS] or " "
            spelled[row, : len(cut)] = [numbers.get(character, UNKNOWN) for character in cut]
        at = np.array([place[word] for word in flat], np.int64)
        offsets = np.concatenate([[0], np.cumsum([len(sentence) for sentence in sentences])]).astype(np.int64)
        return Sentences(known[at] if len(at) else at, at, spelled, offsets)


@dataclass(frozen=True)
class Sentences:
    """Sentences as numbers, all words behind one another.

    Parameters
    ----------
    words
        [n_words] the number of each.
    forms
        [n_words] which of the spellings it has.
    characters
        [n_forms, m] the spellings, as numbers of characters, 0 behind the last.
    offsets
        [n_sentences + 1] where each sentence begins.
    """

    words: Any
    forms: Any
    characters: Any
    offsets: Any

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Any:
        """How many words each sentence has."""
        return np.diff(self.offsets)

    @cached_property
    def order(self) -> Any:
        """The sentences by length, those of one length by what they say, without those of no words; the same for any order of rows."""
        starts = self.offsets.tolist()
        keys = [(stop - start, self.forms[start:stop].tobytes()) for start, stop in pairwise(starts)]
        return np.array(sorted((place for place, key in enumerate(keys) if key[0]), key=keys.__getitem__), np.int64)

    def places(self, numbers: Any) -> Any:
        """Return where the words of some sentences are, [n, longest], -1 behind the last of each."""
        lengths = self.lengths[numbers]
        steps = np.arange(lengths.max())
        return np.where(steps < lengths[:, None], self.offsets[numbers][:, None] + steps, -1)

    def batch(self, places: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return words and characters, as a network takes them."""
        there = places >= 0
        characters = self.characters[self.forms[places]] * there[..., None]
        longest = max(1, int((characters != PADDING).any((0, 1)).sum()))
        return torch.from_numpy(self.words[places] * there), torch.from_numpy(characters[..., :longest].copy())

    def in_batches(self, size: int) -> Iterator[Any]:
        """Yield the numbers of sentences in batches of like length."""
        for start in range(0, len(self.order), size):
            yield self.order[start : start + size]


@dataclass(frozen=True)
class Batches:
    """Batches of sentences with their tags, as examples of a training: one example is a batch, so that it is as long as its sentences.

    Parameters
    ----------
    tags
        [n_words] the number of each word's tag.
    n_tags
        How many tags there are, and the number of what stands before the first word.
    chosen
        Which sentences, in an order that does not depend on that of rows.
    drawn
        Which of them stand together in this epoch; those of like length where it is None.
    """

    sentences: Sentences
    tags: Any
    n_tags: int
    chosen: Any
    size: int
    drawn: Any = None

    def __len__(self) -> int:
        return math.ceil(len(self.chosen) / self.size)

    def of_epoch(self, number: int) -> Batches:
        """Return the batches of an epoch: sentences of about the same length, other ones together each time."""
        lengths = self.sentences.lengths[self.chosen]
        shaken = lengths + np.random.default_rng(number).random(len(lengths)) * (1 + 0.25 * lengths)
        return Batches(self.sentences, self.tags, self.n_tags, self.chosen, self.size, self.chosen[np.argsort(shaken, kind="stable")])

    def __getitem__(self, numbers: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return words, characters, the tag before each word, and its own, -1 behind the last."""
        (number,) = numbers.tolist()
        ordered = self.chosen if self.drawn is None else self.drawn
        places = self.sentences.places(ordered[number * self.size : (number + 1) * self.size])
        tags = np.where(places >= 0, self.tags[places], -1)
        before = np.concatenate([np.full((len(tags), 1), self.n_tags), np.maximum(tags[:, :-1], 0)], axis=1)
        return *self.sentences.batch(places), torch.from_numpy(before), torch.from_numpy(tags)


def _known_as(form: str, *, lower: bool) -> str:
    """Return what a spelling counts as among words."""
    word = form.lower() if lower else form
    return "".join("0" if one.isdigit() else one for one in word) if any(map(str.isdigit, word)) else word
