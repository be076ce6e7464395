"""Corpora that the tests of topics share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from tests.topics.examples import Corpus, drawn


@pytest.fixture(scope="session")
def corpus_a() -> Corpus:
    """Return 10,000 documents of 100 words, with 20 topics over 2,000 words."""
    return drawn(20, 2000, 10_000, 100)


@pytest.fixture(scope="session")
def small() -> Corpus:
    """Return 3,000 documents of 50 words, with 5 topics of unequal sizes over 200 words."""
    return drawn(5, 200, 3000, 50, alpha=np.array([0.4, 0.25, 0.15, 0.12, 0.08]), seed=1)


@pytest.fixture(scope="session")
def newsgroups(shared_data: Path) -> Any:
    """Return the counts of 11,214 newsgroup posts."""
    path = shared_data / "text" / "20newsgroups_bow_train.npz"
    if not path.is_file():
        pytest.skip(f"there is no {path.name} among the real samples")
    with np.load(path, allow_pickle=True) as held:
        return csr_array((held["data"].astype(float), held["indices"], held["indptr"]), shape=tuple(held["shape"]))
