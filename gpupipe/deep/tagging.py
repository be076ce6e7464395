"""Networks that tag the words of sentences: learning by teacher forcing, decoding, and votes of networks with dropout."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from gpupipe.core.errors import StageError
from gpupipe.core.progress import Progress
from gpupipe.deep.history import History
from gpupipe.deep.network import Network, as_torch, weights_of
from gpupipe.deep.sentences import UNKNOWN, Batches, Sentences
from gpupipe.deep.training import train_on
from gpupipe.deep.training_objective import Batch, Moment
from gpupipe.deep.training_settings import Training

TOGETHER = 128  # sentences that are decoded together


@dataclass(frozen=True)
class Steps:
    """How long a tagger learns, and what its words are hidden by.

    Parameters
    ----------
    least
        Steps of the optimiser at least, whatever the epochs: a few sentences need many.
    word_dropout
        The share of words that are unknown ones while it learns, so that it knows what to make of these.
    validation
        The share of sentences that tells the best epoch and is not learnt from.
    """

    least: int = 450
    word_dropout: float = 0.05
    validation: float = 0.0


@dataclass(frozen=True)
class LearntTags:
    """A trained tagger, as arrays: weights, and what the optimiser goes on with."""

    names: tuple[str, ...]
    weights: tuple[Any, ...]
    state_names: tuple[str, ...]
    state: tuple[Any, ...]
    history: History
    n_learnt: int
    n_validated: int


@dataclass(frozen=True)
class _Forcing:
    """The objective: the mean loss of a batch's words, each with the true tag before it."""

    word_dropout: float

    def __call__(self, network: nn.Module, batch: Batch, at: Moment) -> tuple[torch.Tensor, Mapping[str, torch.Tensor]]:
        words, characters, before, tags = batch
        if at.training and self.word_dropout:
            words = torch.where((torch.rand(words.shape, device=words.device) < self.word_dropout) & (words != 0), UNKNOWN, words)
        scores = network(words, characters, before)
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), tags.flatten(), ignore_index=-1)
        there = tags >= 0
        return loss, {} if at.training else {"accuracy": (scores.argmax(2) == tags)[there].float().mean()}


def learn_tags(
    network: Network,
    sentences: Sentences,
    tags: Any,
    n_tags: int,
    *,
    before: LearntTags | None = None,
    steps: Steps | None = None,
    training: Training | None = None,
    progress: Progress | None = None,
) -> LearntTags:
    """Return a network that was trained on tagged sentences.

    Parameters
    ----------
    network
        What makes the network.
    tags
        [n_words] the number of each word's tag.
    before
        What an earlier round learnt: its weights and its optimiser go on.

    Raises
    ------
    StageError
        There is no sentence with words, the network does not take sentences, or its loss is no number any more.
    """
    settings, steps = training or Training(clip_norm=5.0), steps or Steps()
    order = _by_content(sentences, tags)
    if not len(order):
        raise StageError("A tagger learns from sentences with words, and there is none. Tag some first.")
    drawn = np.random.default_rng(settings.seed).permutation(len(order))
    n_validated = min(round(len(order) * steps.validation), len(order) - 1)
    learnt, held = (order[np.sort(part)] for part in (drawn[n_validated:], drawn[:n_validated]))
    examples, checked = (Batches(sentences, tags, n_tags, chosen, settings.batch_size) for chosen in (learnt, held))
    epochs = max(settings.epochs, -(-steps.least // len(examples)))
    made = network.make(settings.seed)
    state: dict[str, Any] = {}
    if before is not None:
        made = network.made_of(before.names, before.weights)
        state = {name: as_torch(array).clone() for name, array in zip(before.state_names, before.state, strict=True)}
    once = _by_batch(settings, epochs)
    objective = _Forcing(steps.word_dropout)
    what = _digest(sentences, tags, before) if settings.folder else ""
    try:
        history, kept = train_on(
            made, objective, examples, checked if n_validated else None, state=state, training=once, progress=progress, what=what
        )
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        msg = f"{network.name} cannot be trained on sentences: {type(error).__name__}: {error}"
        raise StageError(msg) from error
    arrays = tuple(held.detach().cpu().numpy().copy() for held in kept.values())
    return LearntTags(*weights_of(made), tuple(kept), arrays, history, len(learnt), n_validated)


def decode(network: nn.Module, sentences: Sentences, device: str, *, seed: int | None = None) -> tuple[Any, Any]:
    """Return the tag of each word [n_words] (int64) and its log-probability given those before it (float64), in the sentences' order.

    Parameters
    ----------
    seed
        Of a decoding with dropout, as while learning; None for one without.
    """
    to = Training(device=device).on_device()
    network = network.to(to).eval()
    tags, told = np.zeros(len(sentences.words), np.int64), np.zeros(len(sentences.words))
    with torch.no_grad(), torch.random.fork_rng([to] if to.type == "cuda" else [], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
            for part in network.modules():
                part.train(isinstance(part, nn.modules.dropout._DropoutNd)) if not list(part.children()) else None
        for numbers in sentences.in_batches(TOGETHER):
            places = sentences.places(numbers)
            best, logs = network.decode(*(held.to(to) for held in sentences.batch(places)))  # type: ignore[operator]
            there = places >= 0
            tags[places[there]] = best.cpu().numpy()[there]
            told[places[there]] = logs.double().cpu().numpy()[there]
    network.eval()
    return tags, told


def _by_batch(settings: Training, epochs: int) -> Training:
    """Return a training of so many epochs whose examples are batches already."""
    options = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
    options |= {name: dict(options[name]) for name in ("optimizer_options", "schedule_options")}
    return Training(**{**options, "epochs": epochs, "batch_size": 1})


def _by_content(sentences: Sentences, tags: Any) -> Any:
    """Return the sentences with words, in an order that does not depend on that of rows."""
    starts = sentences.offsets.tolist()
    keys = {int(place): tags[starts[place] : starts[place + 1]].tobytes() for place in sentences.order}
    words = {place: sentences.forms[starts[place] : starts[place + 1]].tobytes() for place in keys}
    ordered = sorted(keys, key=lambda place: (starts[place + 1] - starts[place], words[place], keys[place]))
    return np.array(ordered, np.int64)


def _digest(sentences: Sentences, tags: Any, before: LearntTags | None) -> str:
    """Return a digest of what is learnt from."""
    made = hashlib.blake2b(digest_size=16)
    for array in (sentences.words, sentences.forms, sentences.characters, sentences.offsets, tags):
        made.update(array.tobytes())
    for array in before.weights if before else ():
        made.update(as_torch(array).cpu().contiguous().numpy().tobytes())
    return made.hexdigest()
