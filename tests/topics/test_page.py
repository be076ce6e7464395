"""The page for those who come from scikit-learn and gensim names things that are there, and its example runs."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer

import gpupipe.topics as gt

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "topics.md").read_text(encoding="utf-8")
RESULTS = {"DocumentSums", "FoundTopics", "PowerResult", "TopicWarning"}


def test_the_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    topics, counts, pipeline, words = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(topics, {})
    assert "[['sun', 'moon', 'star'], ['bread', 'milk', 'salt']]" in re.sub(r"'milk', 'bread'", "'bread', 'milk'", capsys.readouterr().out)
    made: dict[str, Any] = {}
    exec(counts, made)
    theirs = CountVectorizer(stop_words=["the", "and"], ngram_range=(1, 2), max_df=0.5)
    expected = theirs.fit_transform([text or "" for text in made["texts"].to_pylist()])
    assert made["words"]["word"].to_pylist() == list(theirs.get_feature_names_out())
    assert (made["X"] != expected).nnz == 0
    exec(pipeline, made)
    told = made["result"]["words"].sort("topic", "word")["word"].to_list()
    assert {tuple(told[:3]), tuple(told[3:])} == {("moon", "star", "sun"), ("bread", "milk", "salt")}
    assert len(made["result"]["shares"]) == 60
    exec(words, made)
    assert capsys.readouterr().out.count("sky") == 3


def test_nothing_of_the_face_is_forgotten() -> None:
    assert [name for name in gt.__all__ if name not in PAGE and name not in RESULTS] == []
    assert [one.name for one in fields(gt.TensorLDA) if one.name not in PAGE and one.name not in ("min_length", "random_state")] == []
    assert sorted(gt.__all__) == list(gt.__all__)


def test_scikit_learns_names_are_there() -> None:
    theirs = LatentDirichletAllocation().get_params()
    table = PAGE[PAGE.index("| `LatentDirichletAllocation`") : PAGE.index("## Coming from gensim")]
    named = re.findall(r"^\| `(\w+)(?:=[^`]*)?`(?:, `(\w+))?", table, re.MULTILINE)
    parameters = {name for pair in named for name in pair if name} & set(theirs)
    assert {"n_components", "doc_topic_prior", "topic_word_prior", "max_iter", "learning_method", "learning_offset"} <= parameters
    assert theirs["learning_offset"] == 10.0
    assert theirs["learning_decay"] == 0.7
