"""The network that tags words: its decoding against its training pass, step by step, and against other lengths of a batch."""

import pytest

torch = pytest.importorskip("torch", reason="the extra deep is not installed")

from gpupipe.deep.cnn_cnn_lstm import CnnCnnLstm  # noqa: E402

SMALL = {"word_size": 6, "character_size": 4, "character_filters": 5, "filters": 7, "hidden": 8}
N_TAGS = 5


@pytest.fixture(scope="module")
def parts() -> tuple[CnnCnnLstm, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    network = CnnCnnLstm(n_words=20, n_characters=9, n_tags=N_TAGS, **SMALL).eval()
    words, characters = torch.randint(1, 20, (3, 6)), torch.randint(1, 9, (3, 6, 4))
    for row, length in enumerate((6, 4, 1)):
        words[row, length:] = 0
        characters[row, length:] = 0
    return network, words, characters


def test_greedy_decoding_is_the_training_pass_fed_with_its_own_tags(parts: tuple[CnnCnnLstm, torch.Tensor, torch.Tensor]) -> None:
    network, words, characters = parts
    with torch.no_grad():
        tags, told = network.decode(words, characters)
        before = torch.cat([torch.full((3, 1), N_TAGS), tags[:, :-1]], 1)
        logs = torch.log_softmax(network(words, characters, before), 2)
        assert torch.equal(logs.argmax(2), tags)
        torch.testing.assert_close(told, logs.max(2).values)
        found = torch.full((3, 1), N_TAGS)  # and each tag is the best one given those before it, found one by one
        for at in range(6):
            fed = torch.cat([found, torch.zeros(3, 6 - found.shape[1], dtype=torch.long)], 1)
            found = torch.cat([found, network(words, characters, fed)[:, at].argmax(1)[:, None]], 1)
        assert torch.equal(found[:, 1:], tags)
    assert len(tags.unique()) > 1


def test_a_sentence_is_tagged_alike_in_any_batch(parts: tuple[CnnCnnLstm, torch.Tensor, torch.Tensor]) -> None:
    network, words, characters = parts
    with torch.no_grad():
        _, together = network.decode(words, characters)
        for row, length in enumerate((6, 4, 1)):
            _, alone = network.decode(words[row : row + 1, :length], characters[row : row + 1, :length])
            torch.testing.assert_close(alone[0], together[row, :length])


def test_its_parts_are_as_published() -> None:
    network = CnnCnnLstm(n_words=10, n_characters=8, n_tags=3, filters=800, hidden=256)
    assert network.first.weight.shape == (800, 150, 5) and network.second.weight.shape == (800, 800, 5)
    assert network.of_characters.weight.shape == (50, 25, 3)
    assert network.decoder.weight_ih_l0.shape == (4 * 256, 800 + 150 + 4) and not network.decoder.bidirectional
