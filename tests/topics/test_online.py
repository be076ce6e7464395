"""Online steps move topics towards what documents tell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from gpupipe.core.errors import UsageError
from gpupipe.topics import OnlineTopics, measure_documents
from tests.topics.examples import Corpus, total_variation


def test_a_step_is_the_weighted_mean_of_before_and_what_the_batch_expects(small: Corpus) -> None:
    batch = small.X[:100]
    start = OnlineTopics.start(small.components, small.alpha, 1000.0)
    moved = start.step(batch, small.alpha, 0.01)
    told = measure_documents(batch, start.components(0.01), small.alpha).words / batch.sum()
    size = 10.0**-0.7
    assert np.allclose(moved.words, (1 - size) * start.words + size * told)
    assert moved.words.sum() == pytest.approx(1)
    assert (moved.n_tokens, moved.n_steps) == (1000.0 + batch.sum(), 1)


def test_steps_lead_from_blurred_topics_to_the_true_ones(small: Corpus) -> None:
    blurred = 0.5 * small.components + 0.5 * small.components.mean(axis=0)
    topics = OnlineTopics.start(blurred, small.alpha, 1.0)
    for _ in range(3):
        for at in range(0, 3000, 250):
            topics = topics.step(small.X[at : at + 250], small.alpha, 0.01)
    assert total_variation(blurred, small.components)[0] > 0.3
    assert total_variation(topics.components(0.01), small.components)[0] < 0.08


def test_no_words_no_step(small: Corpus) -> None:
    start = OnlineTopics.start(small.components, small.alpha, 10.0)
    assert start.step(csr_array((3, 200)), small.alpha, 0.01) is start
    with pytest.raises(UsageError, match="Expected counts of 200 words, got 3"):
        start.step(csr_array((2, 3)), small.alpha, 0.01)
