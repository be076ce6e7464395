"""Words and their counts are those of scikit-learn's CountVectorizer, on real and on odd texts; parts merge into the whole."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

from gpupipe.core.errors import DtypeError, UsageError
from gpupipe.kernels import tokens as module
from gpupipe.kernels.tokens import TokenRules, count_documents, count_words, merge_documents, number_words, vocabulary

PROSE = [
    "It was the best of times, it was the worst of times; it was the age of wisdom.",
    "Don't panic: e-mail me at a.b@c.org, or call 555-0199 (ext_7).",
    "Café, CAFÉ, naïve ÜBER straße STRASSE; 東京タワー x² ½ ١٢ a b c",
    "",
    "  \n\t ",
    "a I !",
    "same same same different",
]


def matrix(texts: list[str | None], rules: TokenRules, **limits: Any) -> tuple[list[str], Any]:
    """Return the words and the counts of texts as a dense array."""
    counted = count_words(pa.array(texts, pa.string()), rules)
    words = vocabulary(count_documents(counted), len(texts), **limits)
    cells = number_words(counted, words)
    documents, numbers, counts = (cells[name].to_numpy() for name in ("document", "word", "count"))
    return words["word"].to_pylist(), csr_array((counts, (documents, numbers)), shape=(len(texts), len(words))).toarray()


def theirs(texts: list[str], **options: Any) -> tuple[list[str], Any]:
    model = CountVectorizer(**options)
    counts = model.fit_transform(texts)
    return list(model.get_feature_names_out()), counts.toarray()


@pytest.mark.parametrize(
    ("rules", "options"),
    [
        ({}, {}),
        ({"lowercase": False}, {"lowercase": False}),
        ({"n_grams": (1, 2)}, {"ngram_range": (1, 2)}),
        ({"n_grams": (2, 4)}, {"ngram_range": (2, 4)}),
        ({"stop_words": ENGLISH_STOP_WORDS}, {"stop_words": "english"}),
        ({"stop_words": ["times", "it"], "n_grams": (1, 3)}, {"stop_words": ["times", "it"], "ngram_range": (1, 3)}),
        ({"pattern": "[a-z]+"}, {"token_pattern": "[a-z]+"}),
        ({"pattern": "[a-z']+(?:-[a-z']+)*"}, {"token_pattern": "[a-z']+(?:-[a-z']+)*"}),
        ({"pattern": "[a-z ]+", "n_grams": (1, 2)}, {"token_pattern": "[a-z ]+", "ngram_range": (1, 2)}),
        ({"pattern": "(?:it|was) (?:the)"}, {"token_pattern": "(?:it|was) (?:the)"}),
    ],
)
def test_words_and_counts_are_those_of_scikit_learn(rules: dict[str, Any], options: dict[str, Any]) -> None:
    words, counts = matrix([*PROSE], TokenRules(**rules))
    expected_words, expected = theirs(PROSE, **options)
    assert words == expected_words
    assert np.array_equal(counts, expected)


@pytest.mark.parametrize(
    ("limits", "options"),
    [
        ({"min_documents": 2}, {"min_df": 2}),
        ({"max_documents": 0.1}, {"max_df": 0.1}),
        ({"min_documents": 0.01, "max_documents": 0.05}, {"min_df": 0.01, "max_df": 0.05}),
        ({"min_documents": 5, "max_documents": 300}, {"min_df": 5, "max_df": 300}),
    ],
)
def test_limits_of_real_titles_are_those_of_scikit_learn(shared_data: Path, limits: dict[str, Any], options: dict[str, Any]) -> None:
    texts = titles(shared_data)
    words, counts = matrix([*texts], TokenRules(n_grams=(1, 2)), **limits)
    expected_words, expected = theirs(texts, ngram_range=(1, 2), **options)
    assert words == expected_words
    assert np.array_equal(counts, expected)


def titles(shared_data: Path) -> list[str]:
    path = shared_data / "text" / "m10_corpus.tsv.gz"
    if not path.is_file():
        pytest.skip(f"there is no {path.name} among the real samples")
    with gzip.open(path, "rt") as lines:
        return [line.split("\t")[0] for line in lines][:3000]


def test_the_most_frequent_words_are_kept(shared_data: Path) -> None:
    texts = titles(shared_data)
    _, counts = matrix([*texts], TokenRules(), max_words=50)
    _, expected = theirs(texts, max_features=50)
    assert sorted(counts.sum(axis=0)) == sorted(expected.sum(axis=0))
    words, _ = matrix(["b a c", "b a d", "b"], TokenRules(pattern="[a-z]"), max_words=3)
    assert words == ["a", "b", "c"]  # of c and d, which are as frequent, the first


@given(st.lists(st.text("aAbB éÉßœŒıſǅ_0²½東ー-.'\n\x1e\x1f\x00\u0301\U0001f600", max_size=12), min_size=1, max_size=6), st.integers(1, 3))
def test_odd_texts_are_counted_as_by_scikit_learn(texts: list[str], most: int) -> None:
    counted = count_words(pa.array(texts, pa.string()), TokenRules(n_grams=(1, most)))
    analyze = CountVectorizer(ngram_range=(1, most)).build_analyzer()
    expected = sorted(
        (document, word, found.count(word)) for document, text in enumerate(texts) for found in [analyze(text)] for word in {*found}
    )
    assert list(zip(*(counted[name].to_pylist() for name in ("document", "word", "count")), strict=True)) == expected


def test_missing_texts_have_no_words_but_a_number() -> None:
    counted = count_words(pa.array([None, "one two", None, "two"]))
    assert counted["document"].to_pylist() == [1, 1, 3]
    assert counted["word"].to_pylist() == ["one", "two", "two"]
    assert len(count_words(pa.array([None, None]))) == 0
    assert count_words(pa.array([], pa.string())).schema == counted.schema


@pytest.mark.parametrize("dtype", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_any_arrow_text_in_chunks_and_slices(dtype: pa.DataType) -> None:
    whole = pa.array(["x", *PROSE], pa.string())
    chunks = pa.chunked_array([whole.slice(1, 3), whole.slice(4, 0), whole.slice(4)])
    expected = count_words(pa.array(PROSE))
    assert count_words(chunks.cast(dtype)).to_pydict() == expected.to_pydict()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = TokenRules(n_grams=(1, 2))
    expected = count_words(pa.array(PROSE), rules)
    monkeypatch.setattr(module, "_BLOCK_BYTES", 100)
    found = count_words(pa.array(PROSE), rules)
    assert found.to_pydict() == expected.to_pydict()
    assert count_documents(found).equals(count_documents(expected))


@pytest.mark.parametrize("cut", [0, 1, 3, 7])
def test_parts_merge_into_the_whole(cut: int) -> None:
    rules = TokenRules(n_grams=(1, 2))
    whole = count_documents(count_words(pa.array(PROSE), rules))
    parts = [count_documents(count_words(pa.array(part, pa.string()), rules)) for part in (PROSE[:cut], PROSE[cut:])]
    assert merge_documents(parts).equals(whole)
    assert merge_documents(parts[::-1]).equals(whole)


def test_stop_words_are_found_in_any_case() -> None:
    counted = count_words(pa.array(["The end, THE END"]), TokenRules(stop_words=["The"]))
    assert counted["word"].to_pylist() == ["end"]
    assert count_words(pa.array(["The the"]), TokenRules(stop_words=["The"], lowercase=False))["word"].to_pylist() == ["the"]


def test_unknown_words_are_left_out() -> None:
    words = vocabulary(count_documents(count_words(pa.array(["to be", "to do"]))), 2)
    cells = number_words(count_words(pa.array(["be new", "new", "do to do"])), words)
    assert cells.to_pydict() == {"document": [0, 2, 2], "word": [0, 1, 2], "count": [1, 2, 1]}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pattern": r"(?u)\b\w\w+\b"}, r"a regular expression of a word in RE2's syntax, got '\(\?u\)"),
        ({"pattern": "(?<=a)b"}, "It has no look-around"),
        ({"pattern": "[a-"}, "Expected a regular expression of a word"),
        ({"pattern": 5}, "got 5: it is no text"),
        ({"pattern": "[a-z]*"}, r"finds words of no letters\. Ask for one or more"),
        ({"stop_words": "english"}, "stop_words must be words, got the text 'english'"),
        ({"n_grams": (2, 1)}, r"n_grams must be two whole numbers from 1 on, the smaller first, got \(2, 1\)"),
        ({"n_grams": 2}, "got 2"),
        ({"n_grams": (0, 1)}, r"got \(0, 1\)"),
        ({"n_grams": (1.0, 2)}, r"got \(1.0, 2\)"),
    ],
)
def test_rules_that_cannot_be(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        TokenRules(**options)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"min_documents": 0}, "min_documents must be a whole number of documents from 1 on, or a share"),
        ({"min_documents": -0.1}, "got -0.1"),
        ({"max_documents": 1.5}, "max_documents must be .* got 1.5"),
        ({"max_documents": True}, "got True"),
        ({"min_documents": 3, "max_documents": 2}, "min_documents is 3 documents, more than max_documents, 2"),
        ({"min_documents": 3}, "No word is in 3 to 3 of 3 documents"),
        ({"max_words": 0}, "max_words must be a whole number from 1 on, got 0"),
    ],
)
def test_limits_that_cannot_be(limits: dict[str, Any], said: str) -> None:
    counted = count_documents(count_words(pa.array(["to be", "to do", "none"])))
    with pytest.raises(UsageError, match=said):
        vocabulary(counted, 3, **limits)


def test_what_is_no_text() -> None:
    with pytest.raises(DtypeError, match="Words are found in texts, got int64. Cast the column to text first"):
        count_words(pa.array([1, 2]))
