"""Taggers that learn, go on, and decode with and without dropout, on sentences whose tags are known by a rule."""

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")

from gpupipe.core.errors import StageError  # noqa: E402
from gpupipe.deep import Training  # noqa: E402
from gpupipe.deep.cnn_cnn_lstm import CnnCnnLstm  # noqa: E402
from gpupipe.deep.network import Network  # noqa: E402
from gpupipe.deep.sentences import Vocabulary  # noqa: E402
from gpupipe.deep.tagging import Steps, decode, learn_tags  # noqa: E402

CHANCE = np.random.default_rng(0)
TEXTS = [[f"{'Aa'[int(one)]}{place % 7}" for place, one in enumerate(CHANCE.integers(0, 2, CHANCE.integers(1, 9)))] for _ in range(40)]
VOCABULARY = Vocabulary.of(TEXTS)
SENTENCES = VOCABULARY.encode(TEXTS)
TAGS = np.array([int(word[0] == "A") for text in TEXTS for word in text])
SIZES = {"n_words": len(VOCABULARY.words) + 2, "n_characters": len(VOCABULARY.characters) + 2, "n_tags": 2}
NETWORK = Network(CnnCnnLstm, word_size=8, character_size=6, character_filters=8, filters=8, hidden=8, dropout=0.3, **SIZES)
TRAINING = Training(1, 8, 0.02, clip_norm=5.0, device="cpu")


@pytest.fixture(scope="module")
def learnt() -> Any:
    return learn_tags(NETWORK, SENTENCES, TAGS, 2, steps=Steps(60), training=TRAINING)


def test_it_learns_at_least_so_many_steps(learnt: Any) -> None:
    assert len(learnt.history.epochs) == 12  # of 5 batches
    tags, logs = decode(NETWORK.made_of(learnt.names, learnt.weights), SENTENCES, "cpu")
    assert (tags == TAGS).mean() > 0.97
    assert (logs <= 0).all() and (logs[tags == TAGS].mean()) > -0.2


def test_it_goes_on_with_its_optimiser(learnt: Any) -> None:
    assert {int(array) for name, array in zip(learnt.state_names, learnt.state, strict=True) if name.endswith("step")} == {60}
    further = learn_tags(NETWORK, SENTENCES, TAGS, 2, before=learnt, steps=Steps(5), training=TRAINING)
    assert {int(array) for name, array in zip(further.state_names, further.state, strict=True) if name.endswith("step")} == {65}
    assert further.history.epochs[0]["loss"] < 0.3 < learnt.history.epochs[0]["loss"]
    assert any((one != other).any() for one, other in zip(learnt.weights, further.weights, strict=True))


def test_the_best_epoch_is_told_by_sentences_that_are_not_learnt_from() -> None:
    made = learn_tags(NETWORK, SENTENCES, TAGS, 2, steps=Steps(20, validation=0.25), training=TRAINING)
    assert (made.n_learnt, made.n_validated) == (30, 10)
    losses = [row["validation_loss"] for row in made.history.epochs]
    assert losses[made.history.best - 1] == min(losses)


def test_dropout_passes(learnt: Any) -> None:
    network = NETWORK.made_of(learnt.names, learnt.weights)
    plain, first, again, other = (decode(network, SENTENCES, "cpu", seed=seed)[1] for seed in (None, 1, 1, 2))
    assert (first == again).all() and (first != other).any() and (first != plain).any()
    assert (decode(network, SENTENCES, "cpu")[1] == plain).all()  # and dropout is off again


def test_the_same_for_any_order_of_rows(learnt: Any) -> None:
    turned = VOCABULARY.encode(TEXTS[::-1])
    tags = np.array([int(word[0] == "A") for text in TEXTS[::-1] for word in text])
    made = learn_tags(NETWORK, turned, tags, 2, steps=Steps(60), training=TRAINING)
    assert all((one == other).all() for one, other in zip(learnt.weights, made.weights, strict=True))


def test_nothing_to_learn_from() -> None:
    with pytest.raises(StageError, match="sentences with words, and there is none"):
        learn_tags(NETWORK, VOCABULARY.encode([[]]), TAGS[:0], 2, training=TRAINING)
    with pytest.raises(StageError, match="CnnCnnLstm cannot be trained on sentences"):
        learn_tags(NETWORK, SENTENCES, TAGS + 5, 7, training=TRAINING)
