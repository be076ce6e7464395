"""The pipeline of topics, on made-up notes and on titles of papers whose fields are known."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import normalized_mutual_info_score

from gpupipe.definition import load_definition

FILE = Path(__file__).resolve().parents[2] / "pipelines" / "topics.py"


@pytest.fixture(scope="module")
def topics() -> Iterator[ModuleType]:
    before = list(sys.path)
    yield sys.modules[load_definition(str(FILE)).function.__module__]
    sys.path[:] = before


def test_made_up_things_are_told_apart(topics: ModuleType, engine: str) -> None:
    result = topics.pipeline().run(engine)
    by_label = pl.from_arrow(result["by_label"].to_arrow())
    assert by_label["label"].to_list() == sorted(topics.THINGS)
    assert by_label["texts"].sum() == 225
    means = by_label.select(pl.col("^topic_.*$")).to_numpy()
    assert (means.max(axis=1) > 0.6).all()
    assert sorted(means.argmax(axis=1).tolist()) == [0, 1, 2]
    words = pl.from_arrow(result["words"].to_arrow())
    for place, thing in enumerate(by_label["label"]):
        told = words.filter(pl.col("topic") == int(means[place].argmax()) + 1)["word"].to_list()
        assert len(told) == 10
        assert len(set(told) & set(topics.THINGS[thing])) >= 9
    assert result["perplexity"] < 31  # of 34 words, no model could be worse than all of them alike
    assert -1 <= result["coherence"] <= 1


def test_topics_of_real_titles_are_about_their_fields(topics: ModuleType, shared_data: Path) -> None:
    """8,355 titles of papers of ten fields (CiteSeer M10); nobody tells the topics of the fields, as nobody tells scikit-learn's."""
    file = shared_data / "text" / "m10_corpus.tsv.gz"
    result = topics.pipeline(str(file), n_topics=10).run("cpu")
    shares = pl.from_arrow(result["shares"].to_arrow()).sort("document")
    found = shares.select(pl.col("^topic_.*$")).to_numpy()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    ours = normalized_mutual_info_score(shares["label"], found.argmax(axis=1))

    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    counter = CountVectorizer(stop_words=topics.COMMON.split(), min_df=5, max_df=0.3)
    theirs = LatentDirichletAllocation(10, random_state=0, max_iter=10)
    theirs.fit(counter.fit_transform([text for text, part, _ in rows if part == "train"]))
    counted = counter.transform([text for text, part, _ in rows if part != "train"])
    there = np.asarray(counted.sum(axis=1)).ravel() > 0
    labels = np.array([label for _, part, label in rows if part != "train"])[there]
    assert labels.tolist() == [str(label) for label in shares["label"]]
    assert ours > normalized_mutual_info_score(labels, theirs.transform(counted[there]).argmax(axis=1))
    assert ours > 0.3
