"""The network that tags words: convolutions over characters, convolutions over words, and a decoder that goes on with its own tags.

A tag depends on the words around it and on the tags before it. The decoder is one-directional, so that decoding takes as many steps as
there are words, each linear in the number of tags. Any module with the same two methods may stand in its place; see `TagNetwork`.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

PADDING = 0  # the number of no word, and of no character
WIDTH = 5  # words that a convolution sees


class TagNetwork(Protocol):
    """What `TagSequences` asks of a module; its class is called with ``n_words``, ``n_characters``, ``n_tags`` and the options.

    `words` [batch, n] and `characters` [batch, n, m] are numbers, 0 where a sentence or a word has ended.
    """

    def __call__(self, words: Tensor, characters: Tensor, before: Tensor) -> Tensor:
        """Return scores [batch, n, n_tags]; `before` [batch, n] is the tag before each word, ``n_tags`` before the first."""

    def decode(self, words: Tensor, characters: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tag of each word, and its log-probability given those before it, both [batch, n]."""


class CnnCnnLstm(nn.Module):
    """CNN-CNN-LSTM: a word is its vector and what a convolution finds in its characters; two convolutions see the words around it.

    Parameters
    ----------
    n_words, n_characters, n_tags
        How many there are; the number 0 of words and characters is nobody's.
    word_size, character_size
        The lengths of their vectors, which are learnt.
    character_filters
        What the convolution (width 3) over characters finds, of which the largest in a word counts.
    filters
        Of each convolution (width 5) over words; the second one's are added to the first one's.
    hidden
        The size of the decoder's state.
    dropout
        Of vectors, of what convolutions find, and of the decoder's state.

    Source
    ------
    Shen, Yun, Lipton, Kronrod and Anandkumar (2018), "Deep active learning for named entity recognition", arXiv 1707.05928.

    Examples
    --------
    >>> network = CnnCnnLstm(n_words=9, n_characters=5, n_tags=3, filters=8, hidden=4)
    >>> words, characters = torch.tensor([[1, 2, 0]]), torch.ones(1, 3, 4, dtype=torch.long)
    >>> network(words, characters, torch.tensor([[3, 0, 0]])).shape
    torch.Size([1, 3, 3])
    """

    def __init__(
        self,
        n_words: int,
        n_characters: int,
        n_tags: int,
        *,
        word_size: int = 100,
        character_size: int = 25,
        character_filters: int = 50,
        filters: int = 200,
        hidden: int = 100,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        width = word_size + character_filters
        self.n_tags, self.width = n_tags, filters + width
        self.word = nn.Embedding(n_words, word_size, padding_idx=PADDING)
        self.character = nn.Embedding(n_characters, character_size, padding_idx=PADDING)
        self.of_characters = nn.Conv1d(character_size, character_filters, 3, padding=1)
        self.first = nn.Conv1d(width, filters, WIDTH, padding=WIDTH // 2)
        self.second = nn.Conv1d(filters, filters, WIDTH, padding=WIDTH // 2)
        self.decoder = nn.LSTM(self.width + n_tags + 1, hidden, batch_first=True)
        self.scores = nn.Linear(hidden, n_tags)
        self.dropout = nn.Dropout(dropout)

    def features(self, words: Tensor, characters: Tensor) -> Tensor:
        """Return what is known of each word before tags are: [batch, n, n_features]."""
        there = words != PADDING
        spelled = self.character(characters[there]).transpose(1, 2)  # words alone, so that padding costs nothing
        found = torch.relu(self.of_characters(spelled)).amax(2)
        of_characters = found.new_zeros(*words.shape, found.shape[1]).masked_scatter(there[..., None], found)
        vectors = self.dropout(torch.cat([self.word(words), of_characters], 2))
        # Behind a sentence stand zeros at every step, so that its tags do not depend on the others in its batch.
        mask = there[:, None].to(vectors.dtype)
        first = self.dropout(torch.relu(self.first(vectors.transpose(1, 2) * mask))) * mask
        second = first + self.dropout(torch.relu(self.second(first))) * mask
        return torch.cat([second.transpose(1, 2), vectors], 2)

    def forward(self, words: Tensor, characters: Tensor, before: Tensor) -> Tensor:
        """Return scores of tags where the tags before are told: one call of the decoder for all words."""
        told = nn.functional.one_hot(before, self.n_tags + 1)
        features = self.features(words, characters)
        states, _ = self.decoder(torch.cat([features, told.to(features.dtype)], 2))
        scores: Tensor = self.scores(self.dropout(states))
        return scores

    def decode(self, words: Tensor, characters: Tensor) -> tuple[Tensor, Tensor]:
        """Return the likeliest tag of each word given those that were found before it, and its log-probability."""
        features = self.features(words, characters)
        cell: Any = self.decoder
        # The features' part of the gates is one product for all words; that of a tag is a column of the weights.
        gates = nn.functional.linear(features, cell.weight_ih_l0[:, : self.width], cell.bias_ih_l0 + cell.bias_hh_l0)
        of_tag = cell.weight_ih_l0[:, self.width :].T
        state = memory = features.new_zeros(len(words), cell.hidden_size)
        before = torch.full((len(words),), self.n_tags, device=words.device)
        tags, told = [], []
        for at in range(words.shape[1]):
            taken, kept, new, shown = (gates[:, at] + of_tag[before] + state @ cell.weight_hh_l0.T).chunk(4, 1)
            memory = torch.sigmoid(kept) * memory + torch.sigmoid(taken) * torch.tanh(new)
            state = torch.sigmoid(shown) * torch.tanh(memory)
            best = torch.log_softmax(self.scores(self.dropout(state)), 1).max(1)
            before = best.indices
            tags.append(best.indices)
            told.append(best.values)
        return torch.stack(tags, 1), torch.stack(told, 1)
