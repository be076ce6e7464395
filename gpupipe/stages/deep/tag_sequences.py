"""Learns to tag the words of sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.active.spans import convert_tags, spans_of_tags
from gpupipe.core.answers import answers
from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import ArtefactError, StageError, UsageError, listing
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.deep import History, Training
from gpupipe.deep.cnn_cnn_lstm import CnnCnnLstm
from gpupipe.deep.network import Network, n_parameters, options_of
from gpupipe.deep.sentences import Vocabulary
from gpupipe.deep.tagging import LearntTags, Steps, learn_tags
from gpupipe.stages.deep._tagged import ScoredSentences, TaggedSentences, require_texts, sentences_of

_TRAINING = Training(epochs=5, batch_size=16, clip_norm=5.0)


@dataclass(frozen=True, eq=False, repr=False)
class FittedTagger(Holding):
    """A network that tags words, with its vocabulary.

    Parameters
    ----------
    factory, options
        What makes the network, and with which options (JSON).
    names, weights
        Its weights and buffers.
    state_names, state
        What its optimiser goes on with.
    words, characters
        Frames: each word with whether it was ``learnt`` from, and each character.
    kinds
        Of entities, in order.
    lower
        Whether words are the same in small letters.
    column
        The column of words.
    figures, figure_names, best
        A row of figures for each epoch, their names, and the best epoch.
    """

    word: ClassVar[str] = "tagger"

    factory: Any
    options: str
    names: tuple[str, ...]
    weights: tuple[Any, ...]
    state_names: tuple[str, ...]
    state: tuple[Any, ...]
    words: Any
    characters: Any
    kinds: tuple[str, ...]
    lower: bool
    column: str
    device: str
    figures: Any
    figure_names: tuple[str, ...]
    best: int

    @cached_property
    def network(self) -> Any:
        """The network, for decoding."""
        return Network(self.factory, **options_of(self.options)).made_of(self.names, self.weights)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words and characters that have numbers."""
        return Vocabulary(tuple(self.words["word"].to_list()), tuple(self.characters["character"].to_list()), self.lower)

    @property
    def learnt(self) -> Any:
        """Which numbers of words the network has learnt from; the two before the vocabulary's have been, too."""
        return np.array([True, True, *self.words["learnt"].to_list()], bool)

    @property
    def tags(self) -> list[str]:
        """The tags in the order of their numbers."""
        return tags_of_kinds(self.kinds)

    @property
    def history(self) -> History:
        """The epochs of the last training."""
        rows = [
            {name: value for name, value in zip(self.figure_names, row, strict=True) if not math.isnan(value)}
            for row in self.figures.tolist()
        ]
        return History([{**row, "epoch": int(row["epoch"])} for row in rows], self.best)

    @answers(Table)
    def predict(self) -> TaggedSentences:
        """Return the rows with a ``prediction``, the tags of the words (IOBES), and its ``log_probability``, in nats."""
        return TaggedSentences(self)

    @answers(Table)
    def score(self, by: str = "mnlp", passes: int = 20, seed: int = 0) -> ScoredSentences:
        """Return the rows with a ``score``, the higher the sooner to ask: by ``mnlp``, ``least_confidence``, ``bald`` or ``random``."""
        return ScoredSentences(self, by, passes, seed)

    def check(self) -> None:
        """Raise ArtefactError unless the weights are those of the network, and the other parts fit one another."""
        arrays = (*self.weights, *self.state, self.figures)
        sound = all(isinstance(array, np.ndarray) for array in arrays) and len(self.names) == len(self.weights)
        sound = sound and len(self.state_names) == len(self.state) and self.figures.ndim == 2 and "epoch" in self.figure_names
        sound = sound and self.figures.shape[1] == len(self.figure_names) and 0 < self.best <= len(self.figures)
        sound = sound and self.words.columns == ["word", "learnt"] and self.characters.columns == ["character"]
        try:
            sizes = options_of(self.options) if sound else {}
            expected = {"n_words": len(self.words) + 2, "n_characters": len(self.characters) + 2, "n_tags": len(self.tags)}
            if any(sizes.get(name) != number for name, number in expected.items()):
                raise ArtefactError("Expected a tagger's weights, vocabulary and tags, got others. Save what was fitted again.")
            self.vocabulary.encode([["a"]], self.learnt)
            self.network  # noqa: B018  (which is made here, and its weights looked through)
            self.describe()
        except (UsageError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise ArtefactError(f"What was saved of a tagger is damaged: {error}. Save what was fitted again.") from error

    def describe(self) -> Mapping[str, Any]:
        """Return what the network is, and how it was trained."""
        if not len(self.figures):
            return {"facts": {"network": self.factory.__name__}}
        learnt = int(self.learnt.sum()) - 2
        facts = {"network": self.factory.__name__, "parameters": n_parameters(self.network), "kinds": len(self.kinds)}
        facts |= {"words known": len(self.words), "words learnt from": learnt, **self.history.facts()}
        return {"facts": facts, "cards": [{"title": "Training", "parts": self.history.parts()}]}


@dataclass(frozen=True, init=False)
class TagSequences(TaskStage):
    """Learns to tag the words of sentences, as for named entities; what is fitted tags others and says how sure it is.

    ``TagSequences().fit(table)`` takes a row for each sentence, with lists of words and of tags, such as `ReadConll` gives. It learns from
    the rows that have tags. Those without, where their tags are missing, have their words counted into the vocabulary, so that a later
    round can learn these: no tag is given away so. ``TagSequences().fit(table, before)`` goes on where `before`, what another one fitted,
    ended: its weights, its optimiser, its vocabulary and its kinds of entities.

    ===============================================  ===================================================================================
    ``fitted.predict(table)``                        the rows with their ``prediction`` (IOBES) and its ``log_probability``
    ``fitted.score(table, by="mnlp")``               the rows with a ``score`` for `Choose`: ``mnlp``, ``least_confidence`` or ``random``
    ``fitted.score(table, by="bald", passes=100)``   by how far passes with dropout disagree about the whole sentence
    ===============================================  ===================================================================================

    Parameters
    ----------
    network
        A class with the methods of `gpupipe.deep.cnn_cnn_lstm.TagNetwork`; it is called with ``n_words``, ``n_characters``, ``n_tags``.
    options
        Further options of the network: ``{"filters": 800, "hidden": 256}``.
    words, tags
        The columns of lists. Tags are of the schemes IO, IOB1, IOB2 or IOBES.
    kinds
        The kinds of entities there can be; by default those of the tags. Name them where the first rounds may not have each.
    least_steps
        Steps of the optimiser at least, whatever the epochs: with few sentences, epochs alone teach next to nothing.
    word_dropout
        The share of words that are hidden while it learns.
    validation
        The share of tagged sentences that tells the best epoch and is not learnt from.
    lower
        Whether words are the same in small letters; their characters are told apart in any case.
    training
        How it is trained, see `gpupipe.deep.Training`; a batch is of sentences of about the same length.

    Source
    ------
    Shen, Yun, Lipton, Kronrod and Anandkumar (2018), "Deep active learning for named entity recognition", arXiv 1707.05928.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"words": [["Ada", "slept"], ["I", "saw", "Ada"]] * 4, "tags": [["B-PER", "O"], ["O", "O", "B-PER"]] * 4})
    >>> small = {"word_size": 8, "character_size": 4, "character_filters": 4, "filters": 8, "hidden": 8, "dropout": 0.0}
    >>> tagger = TagSequences(options=small, least_steps=60, training=Training(1, 4, 0.02, device="cpu")).apply(rows)
    >>> tagger.predict().apply(pl.DataFrame({"words": [["Ada", "saw", "Ada"]]}))["prediction"].to_list()
    [['S-PER', 'O', 'S-PER']]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Fitted)
    optional: ClassVar[int] = 1
    gives: ClassVar[type[Node]] = Fitted
    fitted: ClassVar[type] = FittedTagger

    network: Network
    words: str
    tags: str
    kinds: tuple[str, ...] | None
    steps: Steps
    lower: bool
    training: Training

    def __init__(
        self,
        network: Callable[..., Any] = CnnCnnLstm,
        options: Mapping[str, Any] | None = None,
        *,
        words: str = "words",
        tags: str = "tags",
        kinds: Sequence[str] | None = None,
        least_steps: int = 450,
        word_dropout: float = 0.05,
        validation: float = 0.0,
        lower: bool = True,
        training: Training | None = None,
    ) -> None:
        if training is not None and not isinstance(training, Training):
            raise UsageError(f"TagSequences' training is a gpupipe.deep.Training(epochs=5, ...), got a {type(training).__name__}.")
        if isinstance(least_steps, bool) or not isinstance(least_steps, int) or least_steps < 0:
            raise UsageError(
                f"TagSequences' least_steps is how many steps it learns at least, a whole number from 0 on, got {least_steps!r}."
            )
        for name, share in {"word_dropout": word_dropout, "validation": validation}.items():
            if not 0 <= share < 1:
                raise UsageError(f"TagSequences' {name} is a share, from 0 to below 1, got {share!r}.")
        if training is not None and training.patience is not None and not validation:
            raise UsageError("A training with patience needs sentences for validation: give TagSequences a share, validation=0.1.")
        if kinds is not None and (isinstance(kinds, str) or not kinds or len(set(kinds)) < len(kinds)):
            raise UsageError(f"TagSequences' kinds are names of entities, each once, such as ['LOC', 'PER'], got {kinds!r}.")
        steps = Steps(least_steps, float(word_dropout), float(validation))
        settle(self, network=Network(network, **(options or {})), words=words, tags=tags, steps=steps, lower=lower)
        settle(self, kinds=None if kinds is None else tuple(kinds), training=training or _TRAINING)

    @property
    def refers_to(self) -> Sequence[Callable[..., Any]]:
        """What makes the network."""
        return [self.network.factory]

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return words and tags."""
        return [[self.words, self.tags]]

    def plan(self, *specs: Any) -> FittedTagger:
        """Return a tagger fitted to nothing; raise where a column is not there or is no list of texts, or the network cannot be made."""
        specs[0].require([self.words, self.tags])
        for name in (self.words, self.tags):
            require_texts(specs[0], name, self.name)
        if len(specs) > 1:
            self._require_before(specs[1])
        network = self._network(3, 3, 5)
        network.make(self.training.seed)
        texts = {"word": nw.String(), "learnt": nw.Boolean()}
        words = nw.from_dict({"word": [], "learnt": []}, texts, backend="pyarrow")
        characters = nw.from_dict({"character": []}, {"character": nw.String()}, backend="pyarrow")
        return self._kept(LearntTags((), (), (), (), History(), 0, 0), network, words, characters, self.kinds or ())

    def solve(self, tools: Tools, *inputs: Any) -> FittedTagger:
        """Return the tagger."""
        rows = plain_table(inputs[0].to_arrow())
        before = inputs[1] if len(inputs) > 1 else None
        texts = sentences_of(rows, self.words, self.name)
        told = self._tagged(rows[self.tags].to_pylist(), texts)
        kinds = self._kinds(list(told.values()), before)
        vocabulary = Vocabulary.of(texts, lower=self.lower) if before is None else before.vocabulary
        sentences = vocabulary.encode([texts[place] for place in told])
        numbers = {tag: number for number, tag in enumerate(tags_of_kinds(kinds))}
        tags = np.array([numbers[tag] for one in told.values() for tag in one], np.int64)
        network = self._network(len(vocabulary.words) + 2, len(vocabulary.characters) + 2, len(numbers))
        earlier = None if before is None else _earlier(before, network)
        made = learn_tags(
            network, sentences, tags, len(numbers), before=earlier, steps=self.steps, training=self.training, progress=tools.progress
        )
        learnt = np.zeros(len(vocabulary.words) + 2, bool) if before is None else before.learnt.copy()
        learnt[sentences.words] = True
        unknown = int((sentences.words == 1).sum())
        n_words = len(sentences.words)
        tools.note(sentences=made.n_learnt, validated=made.n_validated, words=n_words, **{"words not in the vocabulary": unknown})
        tools.note(**{"without tags": len(texts) - len(told)})
        words = tools.adopted(pa.table({"word": pa.array(vocabulary.words, pa.large_string()), "learnt": learnt[2:]}))
        characters = tools.adopted(pa.table({"character": pa.array(vocabulary.characters, pa.large_string())}))
        return self._kept(made, network, words, characters, kinds)

    def _tagged(self, tags: Sequence[Any], texts: Sequence[Sequence[str]]) -> dict[int, list[str]]:
        """Return the tags (IOBES) of each row that has some."""
        made: dict[int, list[str]] = {}
        for place, (one, words) in enumerate(zip(tags, texts, strict=True)):
            if one is None:
                continue
            if len(one) != len(words) or None in one:
                msg = f"TagSequences expects a tag for each word, got {len(one)} tags of {len(words)} words: {' '.join(words)[:80]!r}."
                raise StageError(f"{msg} Leave the row out, or mend its tags.")
            try:
                made[place] = convert_tags(one, "IOBES")
            except UsageError as error:
                raise StageError(f"TagSequences, in {self.tags!r}: {error}") from error
        if not made:
            msg = (
                f"TagSequences learns from sentences with tags, and {self.tags!r} is missing in each of {len(texts)} rows. Tag some first."
            )
            raise StageError(msg)
        return made

    def _kinds(self, tags: Sequence[Sequence[str]], before: FittedTagger | None) -> tuple[str, ...]:
        """Return the kinds of entities; raise StageError for one that cannot be."""
        found = sorted({kind for one in tags for _, _, kind in spans_of_tags(one)})
        known = self.kinds if before is None else before.kinds
        if known is None:
            return tuple(found)
        strange = [kind for kind in found if kind not in known]
        if strange:
            whose = "its kinds are" if before is None else "the tagger that it goes on from knows"
            msg = f"TagSequences was given entities of {listing(strange)}, and {whose} {listing(known)}."
            raise StageError(f"{msg} Name each kind that there can be in the first round: TagSequences(kinds=[...]).")
        return known

    def _require_before(self, before: Any) -> None:
        """Raise UsageError for something else than a tagger of such a network."""
        if not isinstance(before, FittedTagger):
            raise UsageError(f"TagSequences goes on from what another one fitted, got a {type(before).__name__}.")
        own, theirs = dict(self.network.options), {name: value for name, value in options_of(before.options).items() if name not in _SIZES}
        if before.factory is not self.network.factory or own != theirs:
            msg = f"TagSequences goes on from a tagger of the same network, got {before.factory.__name__} with {theirs}, not"
            raise UsageError(f"{msg} {self.network.name} with {own}. Give both the same options.")

    def _network(self, n_words: int, n_characters: int, n_tags: int) -> Network:
        """Return what makes the network for so many words."""
        sizes = dict(zip(_SIZES, (n_words, n_characters, n_tags), strict=True))
        return Network(self.network.factory, **{**dict(self.network.options), **sizes})

    def _kept(self, made: LearntTags, network: Network, words: Any, characters: Any, kinds: tuple[str, ...]) -> FittedTagger:
        """Return the tagger as it is held."""
        names = made.history.names or ("epoch",)
        figures = [[float(row.get(name, np.nan)) for name in names] for row in made.history.epochs]
        return FittedTagger(
            factory=network.factory,
            options=network.options_text,
            names=made.names,
            weights=made.weights,
            state_names=made.state_names,
            state=made.state,
            words=words,
            characters=characters,
            kinds=kinds,
            lower=self.lower,
            column=self.words,
            device=self.training.device,
            figures=np.array(figures).reshape(-1, len(names)),
            figure_names=names,
            best=made.history.best,
        )


_SIZES = ("n_words", "n_characters", "n_tags")


def tags_of_kinds(kinds: Sequence[str]) -> list[str]:
    """Return the tags (IOBES) of kinds of entities, in the order of their numbers.

    Examples
    --------
    >>> tags_of_kinds(["PER"])
    ['O', 'B-PER', 'I-PER', 'E-PER', 'S-PER']
    """
    return ["O", *(f"{mark}-{kind}" for kind in kinds for mark in "BIES")]


def _earlier(before: FittedTagger, network: Network) -> LearntTags:
    """Return what an earlier round learnt; raise StageError where its network has other sizes."""
    if before.options != network.options_text:
        raise StageError(f"TagSequences goes on from a tagger of {before.options}, got {network.options_text}. Give both the same options.")
    return LearntTags(before.names, before.weights, before.state_names, before.state, History(), 0, 0)
