import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")

from gpupipe.deep.sentences import Batches, Vocabulary  # noqa: E402

TEXTS = [["Ada", "slept", "in", "1843"], ["ada"], [], ["Rome", "slept"]]


def test_words_and_characters() -> None:
    vocabulary = Vocabulary.of(TEXTS)
    assert vocabulary.words == ("0000", "ada", "in", "rome", "slept")
    assert Vocabulary.of(TEXTS, lower=False).words == ("0000", "Ada", "Rome", "ada", "in", "slept")
    made = vocabulary.encode([["ADA", "x"], ["9999"]])
    assert made.words.tolist() == [3, 1, 2] and made.offsets.tolist() == [0, 2, 3]
    spelled = ["".join("?!"[one] if one < 2 else vocabulary.characters[one - 2] for one in row) for row in made.characters[made.forms]]
    assert spelled == ["A!A?", "!???", "!!!!"]
    learnt = np.array([1, 1, 0, 1, 0, 0, 0], bool)
    assert vocabulary.encode([["1843", "Ada"]], learnt).words.tolist() == [1, 3]


def test_long_words_are_cut() -> None:
    made = Vocabulary.of([["x" * 99]]).encode([["x" * 99]])
    assert made.characters.shape == (1, 20)


def test_batches_are_of_like_length_and_have_each_sentence_once() -> None:
    chance = np.random.default_rng(0)
    texts = [[f"w{place}"] * int(chance.integers(1, 30)) for place in range(50)]
    sentences = Vocabulary.of(texts).encode(texts)
    tags = np.arange(len(sentences.words)) % 3
    batches = Batches(sentences, tags, 3, sentences.order, 8)
    assert len(batches) == 7
    first, second = batches.of_epoch(0), batches.of_epoch(1)
    assert first.drawn.tolist() != second.drawn.tolist() and sorted(first.drawn) == list(range(50))
    waste = [float((first[torch.tensor([at])][0] == 0).float().mean()) for at in range(7)]
    assert max(waste) < 0.5 and np.mean(waste) < 0.25
    words, characters, before, target = batches[torch.tensor([6])]
    longest = sentences.order[-1]
    assert words[-1].tolist() == sentences.words[sentences.offsets[longest] : sentences.offsets[longest + 1]].tolist()
    assert characters.shape[:2] == words.shape and before[:, 0].tolist() == [3, 3]
    assert torch.equal(before[:, 1:][target[:, 1:] >= 0], target[:, :-1][target[:, 1:] >= 0])
    assert torch.equal(target < 0, words == 0)


def test_the_order_does_not_depend_on_that_of_rows() -> None:
    turned = TEXTS[::-1]
    vocabulary = Vocabulary.of(turned)
    assert vocabulary == Vocabulary.of(TEXTS)
    orders = [[given[place] for place in vocabulary.encode(given).order] for given in (TEXTS, turned)]
    assert orders[0] == orders[1] == [["ada"], ["Rome", "slept"], ["Ada", "slept", "in", "1843"]]
