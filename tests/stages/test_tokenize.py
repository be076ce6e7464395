from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, UsageError, WiringError
from gpupipe.pipeline import Pipeline
from gpupipe.plan import make_plan
from gpupipe.sources.from_arrow import FromArrow
from gpupipe.stages.tokenize import Tokenize
from gpupipe.testing.laws import check_fit_stage, check_reading, check_row_stage
from gpupipe.testing.strategies import cut_tables

TEXTS = [
    "It was the best of times, it was the worst of times;",
    None,
    "it was the age of wisdom, it was the age of FOOLISHNESS!",
    "",
    "Straße, straße; x² and 東京 タワー a b",
    "?!",
    "the the the",
]
TABLE = pa.table(
    {"id": pa.array(["a", "b", "c", None, "e", "f", "g"], pa.large_string()), "x": range(7), "text": pa.array(TEXTS, pa.large_string())}
)


@given(cut_tables(pa.schema([("id", pa.int64()), ("text", pa.large_string()), ("x", pa.float64())])))
def test_law(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    check_fit_stage(Tokenize("text", document="id", n_grams=(1, 2), pattern=r"[^ ]"), cut[0], cuts=cut[1])


def test_law_on_words() -> None:
    for options in ({}, {"stop_words": ["the", "it"], "n_grams": (1, 3), "min_documents": 2}):
        stage = Tokenize("text", document="id", **options)
        check_fit_stage(stage, TABLE, cuts=[2, 2, 5])
        check_row_stage(stage.fit_plain(TABLE), TABLE, cuts=[1, 3])


def dense(made: pa.Table, n_words: int) -> Any:
    """Return the counts as an array of the table's documents, in its order."""
    places = {name: number for number, name in enumerate(TABLE["id"].to_pylist())}
    documents = np.array([places[name] for name in made["id"].to_pylist()], int)
    return csr_array((made["count"].to_numpy(), (documents, made["word"].to_numpy())), shape=(7, n_words)).toarray()


@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({}, {}),
        ({"lowercase": False}, {"lowercase": False}),
        ({"n_grams": (1, 2), "min_documents": 2}, {"ngram_range": (1, 2), "min_df": 2}),
        ({"stop_words": ["was", "the"], "n_grams": (2, 2)}, {"stop_words": ["was", "the"], "ngram_range": (2, 2)}),
        ({"max_documents": 2}, {"max_df": 2}),
        ({"pattern": "[a-z]+"}, {"token_pattern": "[a-z]+"}),
    ],
)
def test_as_scikit_learn_does(engine: str, options: dict[str, Any], theirs: dict[str, Any]) -> None:
    table = FromArrow(TABLE).node()
    fitted = Tokenize("text", document="id", **options).fit(table)
    result = Pipeline("p", rows=fitted(table), words=fitted.vocabulary()).run(engine)
    rows, words = (result[name].to_arrow() for name in ("rows", "words"))
    model = CountVectorizer(**theirs)
    expected = model.fit_transform([text or "" for text in TEXTS]).toarray()
    assert words["word"].to_pylist() == list(model.get_feature_names_out())
    assert words["number"].to_pylist() == list(range(len(words)))
    assert np.array_equal(dense(rows, len(words)), expected)
    assert words["documents"].to_pylist() == (expected > 0).sum(axis=0).tolist()
    assert words["count"].to_pylist() == expected.sum(axis=0).tolist()
    assert rows.schema.names == ["id", "word", "count"]


def test_a_share_is_one_of_documents_with_a_text() -> None:
    table = pa.table({"id": range(4), "text": ["one two", "one", None, "two one"]})
    assert Tokenize("text", document="id", min_documents=0.7).fit_plain(table).words == ("one",)  # 2 of 3, not of 4, have "two"
    assert Tokenize("text", document="id", min_documents=0.6).fit_plain(table).words == ("one", "two")


def test_words_that_were_not_seen_are_left_out(engine: str) -> None:
    seen, new = (FromArrow(pa.table({"id": [1], "text": [text]})).node() for text in ("one two", "two three two"))
    rows = Pipeline("p", out=Tokenize("text", document="id").fit(seen)(new)).run(engine)["out"].to_arrow()
    assert rows.to_pydict() == {"id": [1], "word": [1], "count": [2]}


def test_of_no_texts_there_are_no_words(engine: str) -> None:
    table = FromArrow(pa.table({"id": pa.array([1, 2]), "text": pa.array([None, "?"], pa.large_string())})).node()
    fitted = Tokenize("text", document="id").fit(table)
    result = Pipeline("p", rows=fitted(table), words=fitted.vocabulary()).run(engine)
    assert result["rows"].to_arrow().num_rows == result["words"].to_arrow().num_rows == 0


def test_it_is_saved(tmp_path: Path) -> None:
    frame = pl.DataFrame(TABLE)
    fitted = Tokenize("text", document="id", stop_words=["the"], n_grams=(1, 2)).fit_plain(frame)
    loaded = gp.load(gp.save(fitted, tmp_path / "words"))
    assert loaded == fitted
    assert loaded.apply(frame).equals(fitted.apply(frame))


def test_other_columns_are_not_read() -> None:
    table = FromArrow(TABLE).node()
    out = Tokenize("text", document="id").fit(table)(table)
    (reading,) = [step.reading for step in make_plan("p", {"out": out}).steps if step.reading is not None]
    assert sorted(reading.columns) == ["id", "text"]
    check_reading({"out": out})


def test_what_comes_after_is_planned_on_its_columns(engine: str) -> None:
    table = FromArrow(TABLE).node()
    fitted = Tokenize("text", document="id").fit(table)
    frequent = gp.GroupBy("word", n=nw.col("count").sum())(fitted(table)) >> gp.Filter(nw.col("n") > 3)
    named = gp.Join(left_on="word", right_on="number")(frequent, gp.Rename(word="text")(fitted.vocabulary()))
    rows = Pipeline("p", out=gp.Select("text", "n")(named)).run(engine)["out"].to_arrow()
    assert sorted(zip(rows["text"].to_pylist(), rows["n"].to_pylist(), strict=True)) == [("it", 4), ("of", 4), ("the", 7), ("was", 4)]


def test_options_and_tables_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match="Tokenize makes a column 'word', so that of the documents needs another name"):
        Tokenize("text", document="word")
    with pytest.raises(UsageError, match="min_documents must be a whole number"):
        Tokenize("text", document="id", min_documents=0)
    with pytest.raises(UsageError, match="Expected a regular expression of a word"):
        Tokenize("text", document="id", pattern="(")
    with pytest.raises(UsageError, match="No word is in 9 to 5 of 5 documents|min_documents is 9 documents, more than max_documents"):
        Tokenize("text", document="id", min_documents=9).fit_plain(TABLE)
    with pytest.raises(ColumnError, match=r"^There is no column 'texts'\. Did you mean 'text'\?"):
        Tokenize("texts", document="id").fit_plain(TABLE)
    with pytest.raises(DtypeError, match=r"^Tokenize expects texts, got Int64 in 'x'\. Cast it to text first\.$"):
        Tokenize("x", document="id").fit_plain(TABLE)
    with pytest.raises(WiringError, match="Tokenize has no answer 'vocabulry'. Did you mean 'vocabulary'"):
        Tokenize("text", document="id").fit(FromArrow(TABLE).node()).vocabulry()
