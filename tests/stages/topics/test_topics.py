"""Topics as a stage, against topics that documents were drawn from, scikit-learn's inference, and the array library."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import safetensors.numpy
from polars.testing import assert_frame_equal
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.special import digamma
from sklearn.decomposition import LatentDirichletAllocation

import gpupipe as gp
from gpupipe.core.errors import ArtefactError, ColumnError, DtypeError, StageError, UsageError, WiringError
from gpupipe.testing.tasks import check_task
from gpupipe.topics import TensorLDA, TopicWarning

N_TOPICS, N_WORDS, N_DOCUMENTS = 5, 60, 800
CHANCE = np.random.default_rng(4)
TRUE = CHANCE.dirichlet(np.full(N_WORDS, 0.05), N_TOPICS)
DRAWN = CHANCE.multinomial(60, CHANCE.dirichlet(np.full(N_TOPICS, 0.2), N_DOCUMENTS) @ TRUE)
NAMES = [f"w{number:02d}" for number in range(N_WORDS)]
VOCABULARY = pl.DataFrame({"number": pl.Series(range(N_WORDS), dtype=pl.Int32), "word": NAMES})


def long(counts: Any) -> pl.DataFrame:
    """Return the rows of counts above zero, in no order, with documents called by text."""
    documents, words = np.nonzero(counts)
    order = np.random.default_rng(0).permutation(len(words))
    held = {
        "id": [f"d{number:04d}" for number in documents[order]],
        "word": pl.Series(words[order], dtype=pl.Int32),
        "count": counts[documents, words][order],
    }
    return pl.DataFrame(held)


ROWS = long(DRAWN)
STAGE = gp.Topics(N_TOPICS, document="id")


def ask(engine: str, table: pl.DataFrame, build: Any, stage: Any = STAGE) -> Any:
    """Return the result of what is asked of the topics of a table and the vocabulary."""
    rows, words = gp.FromFrame(table, nan_as_null=False).node(), gp.FromFrame(VOCABULARY).node()
    return gp.Pipeline("asked", made=build(stage.fit(rows, words), rows)).run(engine)["made"]


def matrix(frame: Any) -> Any:
    """Return the shares of a table as an array, in the order of the documents."""
    return pl.from_arrow(frame.to_arrow()).sort("id").select(pl.col("^topic_.*$")).to_numpy()


def test_planted_topics_are_found(engine: str) -> None:
    made = check_task(STAGE.fit, ROWS, VOCABULARY, engines=("cpu", engine), rtol=1e-8)
    distances = 0.5 * np.abs(made.components[:, None] - TRUE[None]).sum(axis=2)
    assert distances[linear_sum_assignment(distances)].max() < 0.05
    assert made.names["word"].to_list() == NAMES
    described = made.describe()
    assert described["facts"]["topics"] == N_TOPICS
    title, *topics = described["cards"][0]["parts"]
    assert sum(share for _, share in title["bars"]) == pytest.approx(1)
    assert topics[0]["bars"][0][0] == NAMES[int(made.components[0].argmax())]


@pytest.mark.parametrize("answer", ["topics", "transform", "perplexity", "coherence"])
def test_answers_keep_the_law(answer: str, engine: str) -> None:
    def build(rows: Any, words: Any) -> Any:
        fitted = STAGE.fit(rows, words)
        return fitted.topics(n_words=4) if answer == "topics" else getattr(fitted, answer)(rows)

    check_task(build, ROWS, VOCABULARY, engines=("cpu", engine), rtol=1e-8)


def test_answers_are_those_of_the_array_library(engine: str) -> None:
    model = TensorLDA(N_TOPICS).fit(csr_array(DRAWN))
    shares = ask(engine, ROWS, lambda fitted, rows: fitted.transform(rows))
    np.testing.assert_allclose(matrix(shares), model.transform(csr_array(DRAWN)), atol=1e-8)
    assert ask(engine, ROWS, lambda fitted, rows: fitted.perplexity(rows)) == pytest.approx(model.perplexity(csr_array(DRAWN)), rel=1e-8)
    of_topics = model.coherence(csr_array(DRAWN), 5)
    assert ask(engine, ROWS, lambda fitted, rows: fitted.coherence(rows, n_words=5)) == pytest.approx(of_topics.mean(), rel=1e-8)
    words = ask(engine, ROWS, lambda fitted, rows: fitted.topics(n_words=3)).sort("topic", "rank")
    assert words["topic"].to_list() == np.repeat(range(1, 6), 3).tolist()
    assert words["rank"].to_list() == [1, 2, 3] * 5
    assert words["word"].to_list() == [NAMES[place] for place in model.top_words(3).reshape(-1)]
    np.testing.assert_allclose(words["weight"].to_list(), np.sort(model.components_, axis=1)[:, :-4:-1].reshape(-1), rtol=1e-8)


def test_shares_are_those_of_scikit_learn() -> None:
    fitted = replace(STAGE.apply(ROWS, VOCABULARY), alpha=np.full(N_TOPICS, 0.2))  # theirs has one parameter for all topics
    theirs = LatentDirichletAllocation(N_TOPICS, doc_topic_prior=0.2, max_doc_update_iter=5000, mean_change_tol=1e-9, max_iter=1)
    theirs.fit(csr_array(DRAWN))
    theirs.components_ = fitted.components * 1e10  # so many counts that exp(E[log]) is the topic itself
    theirs.exp_dirichlet_component_ = np.exp(digamma(theirs.components_) - digamma(theirs.components_.sum(axis=1, keepdims=True)))
    difference = np.abs(matrix(fitted.transform().apply(ROWS)) - theirs.transform(csr_array(DRAWN)))
    assert difference.mean() < 5e-5
    assert difference.max() < 0.02  # theirs goes on until nothing changes; the few documents that go slowly are left earlier


def test_coherence_is_the_mutual_information_of_pairs() -> None:
    fitted = STAGE.apply(ROWS, VOCABULARY)
    there, values = DRAWN > 0, []
    for row in np.argsort(-fitted.components, axis=1, kind="stable")[:, :3]:
        for first, second in ((0, 1), (0, 2), (1, 2)):
            one, other = there[:, row[first]], there[:, row[second]]
            both = (one & other).mean()
            values.append(np.log(both / (one.mean() * other.mean())) / -np.log(both) if both else -1.0)
    assert fitted.coherence(3).apply(ROWS) == pytest.approx(np.mean(values), rel=1e-12)


def test_words_as_text_need_no_vocabulary() -> None:
    texts = ROWS.with_columns(word=pl.Series([NAMES[number] for number in ROWS["word"]]))
    with_text, with_numbers = STAGE.apply(texts), STAGE.apply(ROWS)
    seen = sorted(set(ROWS["word"]))
    assert with_text.names["word"].to_list() == [NAMES[number] for number in seen]
    assert with_numbers.names["word"].to_list() == seen
    np.testing.assert_array_equal(with_text.components, with_numbers.components)
    np.testing.assert_array_equal(matrix(with_text.transform().apply(texts)), matrix(with_numbers.transform().apply(ROWS)))


def test_words_and_documents_that_are_new(engine: str) -> None:
    """A word that the fit does not know is left out and told; a document of such words alone has the mean shares; no rows give none."""
    later = pl.DataFrame({"id": ["x", "x", "y"], "word": pl.Series([0, 99, 99], dtype=pl.Int32), "count": [3, 1, 2]})
    rows, words, new, none = (gp.FromFrame(table).node() for table in (ROWS, VOCABULARY, later, later.clear()))
    fitted = STAGE.fit(rows, words)
    result = gp.Pipeline("later", shares=fitted.transform(new), none=fitted.transform(none), model=fitted).run(engine)
    made, alpha = matrix(result["shares"]), result["model"].alpha
    np.testing.assert_allclose(made[1], alpha / alpha.sum(), rtol=1e-9)
    assert made[0] == pytest.approx(matrix(result["model"].transform().apply(later[:1]))[0], abs=1e-9)
    assert len(result["none"]) == 0
    facts = [stage.get("facts", {}) for stage in result.report["stages"]]
    assert [found for found in facts if found.get("words left out, not known to the fit") == 3]


def test_fewer_topics_than_asked_for_have_shares_of_zero() -> None:
    rows = long(np.tile([[3, 2, 0, 0, 0, 0], [0, 0, 0, 4, 3, 0]], (100, 1)))
    with pytest.warns(TopicWarning, match="The documents support 2 topics, 4 were asked for"):
        fitted = gp.Topics(4, document="id").apply(rows)
    shares = matrix(fitted.transform().apply(rows))
    assert shares.shape == (200, 4)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert len(fitted.components) < 4
    assert (shares[:, len(fitted.components) :] == 0).all()
    assert fitted.describe()["facts"]["topics asked for"] == 4


def test_rows_of_one_place_are_added_up_and_floats_may_be_whole() -> None:
    halves = pl.concat([ROWS, ROWS]).with_columns(pl.col("count").cast(pl.Float64))
    doubled = ROWS.with_columns(pl.col("count") * 2)
    np.testing.assert_array_equal(STAGE.apply(halves, VOCABULARY).components, STAGE.apply(doubled, VOCABULARY).components)


@pytest.mark.parametrize(
    ("value", "told"),
    [(-1.0, "got -1 at id='d0007'"), (1.5, "got 1.5 at id='d0007'"), (float("nan"), "got nan at"), (float("inf"), "got inf")],
)
def test_counts_that_are_none_are_refused_with_their_place(value: float, told: str, engine: str) -> None:
    wrong = pl.DataFrame({"id": ["d0007"], "word": pl.Series([3], dtype=pl.Int32), "count": [value]})
    table = pl.concat([ROWS.with_columns(pl.col("count").cast(pl.Float64)), wrong])
    with pytest.raises(StageError, match=f"Topics expects counts, whole numbers from 0 on, {told}"):
        ask(engine, table, lambda fitted, rows: fitted.topics())
    with pytest.raises(StageError, match="transform expects counts"):
        STAGE.apply(ROWS, VOCABULARY).transform().apply(wrong)


@pytest.mark.parametrize("column", ["id", "word", "count"])
def test_missing_values_are_refused(column: str) -> None:
    table = ROWS.with_columns(pl.when(pl.int_range(pl.len()) == 4).then(None).otherwise(pl.col(column)).alias(column))
    with pytest.raises(StageError, match=f"a count in every row, got 1 missing in '{column}'"):
        STAGE.apply(table)


def test_vocabularies_that_are_none_are_refused() -> None:
    with pytest.raises(StageError, match="Topics expects words, got none: the table or the vocabulary is empty"):
        STAGE.apply(ROWS, VOCABULARY.clear())
    with pytest.raises(StageError, match="Topics expects words, got none"):
        STAGE.apply(ROWS.clear())
    with pytest.raises(StageError, match="words that are none of its 59"):
        STAGE.apply(ROWS, VOCABULARY.filter(pl.col("number") != int(ROWS["word"][0])))
    with pytest.raises(StageError, match="each number stands for one word, got a number twice"):
        STAGE.apply(ROWS, pl.concat([VOCABULARY, VOCABULARY[:1]]))
    with pytest.raises(StageError, match="got 60 missing in 'word'"):
        STAGE.apply(ROWS, VOCABULARY.with_columns(word=pl.lit(None, pl.String)))
    with pytest.raises(DtypeError, match="a vocabulary of whole numbers and words"):
        STAGE.apply(ROWS, VOCABULARY.with_columns(word=pl.lit(1)))


def test_documents_that_are_too_short_or_too_few_are_told() -> None:
    short = pl.DataFrame({"id": ["a", "b"], "word": [0, 1], "count": [1, 2]})
    with pytest.raises(StageError, match="Topics: .*3 words"):
        gp.Topics(1, document="id").apply(short)
    with pytest.raises(StageError, match="61 topics were asked for, and there are 60 words"):
        gp.Topics(61, document="id").apply(ROWS, VOCABULARY)


def test_wrong_calls_are_told_before_anything_is_read() -> None:
    table, fitted = gp.FromFrame(ROWS).node(), STAGE.apply(ROWS, VOCABULARY)
    for estimator in (TensorLDA, "20", True, 2.0):
        with pytest.raises(UsageError, match="Topics expects a number of topics, or a gpupipe.topics.TensorLDA"):
            gp.Topics(estimator)
    with pytest.raises(UsageError, match="n_components must be a whole number from 1 on, got 0"):
        gp.Topics(0)
    with pytest.raises(UsageError, match="different columns for document, word and count"):
        gp.Topics(2, document="word")
    with pytest.raises(WiringError, match="no answer 'topic'"):
        STAGE.fit(table).topic()
    for wrong in (0, True, 2.5):
        with pytest.raises(UsageError, match="topics expects n_words, a whole number from 1 on"):
            fitted.topics(wrong)
    with pytest.raises(UsageError, match="coherence expects n_words, a whole number from 2 on, got 1"):
        fitted.coherence(1)
    with pytest.raises(StageError, match="Expected a number of words from 1 to 60, got 61"):
        fitted.topics(61).apply()
    with pytest.raises(StageError, match="perplexity expects documents, got a table of no rows"):
        fitted.perplexity().apply(ROWS.clear())


@pytest.mark.parametrize(
    ("changed", "kind", "told"),
    [
        ({"id": pl.lit(1.5)}, DtypeError, "documents that can be equal, got Float64"),
        ({"word": pl.lit(1.5)}, DtypeError, "words as whole numbers, as Tokenize gives them, or as text, got Float64"),
        ({"count": pl.lit("1")}, DtypeError, "Topics's count expects numbers"),
    ],
)
def test_columns_of_other_dtypes_are_refused(changed: Any, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        STAGE.apply(ROWS.with_columns(**changed))


def test_columns_that_are_missing_or_in_the_way_are_refused() -> None:
    with pytest.raises(ColumnError, match="There is no column 'document'"):
        gp.Topics(2).apply(ROWS)
    fitted = gp.Topics(5, document="topic_1").apply(ROWS.rename({"id": "topic_1"}), VOCABULARY)
    with pytest.raises(ColumnError, match="transform makes a column 'topic_1'"):
        fitted.transform().apply(ROWS.rename({"id": "topic_1"}))
    with pytest.raises(DtypeError, match="Topics was fitted with Int32 in 'word', got Int64 in transform"):
        STAGE.apply(ROWS, VOCABULARY).transform().apply(ROWS.with_columns(pl.col("word").cast(pl.Int64)))


def test_an_estimators_parameters_are_taken() -> None:
    fitted = gp.Topics(TensorLDA(N_TOPICS, n_vb=0, alpha0=2.0), document="id").apply(ROWS, VOCABULARY)
    model = TensorLDA(N_TOPICS, n_vb=0, alpha0=2.0).fit(csr_array(DRAWN))
    np.testing.assert_allclose(fitted.components, model.components_, atol=1e-9)
    assert (fitted.n_sweeps, fitted.alpha0) == (0, 2.0)


def test_texts_to_topics_in_one_pipeline(engine: str) -> None:
    sky, kitchen = ["sun", "moon", "star", "cloud"], ["salt", "milk", "bread", "pan"]
    chance = np.random.default_rng(0)
    texts = [" ".join(chance.choice(sky if number % 2 else kitchen, 12)) for number in range(120)]
    table = gp.FromFrame(pl.DataFrame({"id": range(120), "text": texts})).node()
    words = gp.Tokenize("text", document="id").fit(table)
    rows = words(table)
    fitted = gp.Topics(2, document="id").fit(rows, words.vocabulary())
    result = gp.Pipeline("texts", topics=fitted.topics(n_words=4), shares=gp.Join(on="id")(table, fitted.transform(rows))).run(engine)
    told = pl.from_arrow(result["topics"].to_arrow()).group_by("topic").agg(pl.col("word").sort())["word"].to_list()
    assert sorted(told) == sorted([sorted(sky), sorted(kitchen)])
    shares = matrix(result["shares"])
    assert (shares.max(axis=1) > 0.9).all()
    assert len(set(shares[::2].argmax(axis=1))) == len(set(shares[1::2].argmax(axis=1))) == 1


def changed(folder: Path, array: Any, number: int) -> Path:
    """Return the folder of a saved model with another array in one of its files, its checksum right."""
    name = f"{number}.safetensors"
    safetensors.numpy.save_file({"array": array}, folder / name)
    facts = json.loads((folder / "stage.json").read_text())
    facts["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "stage.json").write_text(json.dumps(facts))
    return folder


@pytest.mark.parametrize(
    ("array", "number"),
    [
        (np.full((N_TOPICS, N_WORDS), 0.5), 2),
        (TRUE[:, :-1], 2),
        (TRUE.astype(np.float32), 2),
        (np.full_like(TRUE, np.nan), 2),
        (np.vstack([TRUE, TRUE]), 2),
        (np.zeros(N_TOPICS), 3),
        (np.ones(N_TOPICS - 1), 3),
        (np.zeros(N_WORDS), 4),
    ],
    ids=["sums", "words", "dtype", "nan", "topics", "alpha", "alphas", "frequencies"],
)
def test_saved_topics_that_do_not_fit_are_refused(array: Any, number: int, tmp_path: Path) -> None:
    folder = gp.save(STAGE.apply(ROWS, VOCABULARY), tmp_path / "topics")
    assert gp.load(folder).topics(2).apply().rows() == STAGE.apply(ROWS, VOCABULARY).topics(2).apply().rows()
    with pytest.raises(ArtefactError, match="Expected topics as probabilities of known words"):
        gp.load(changed(folder, array, number))


@pytest.mark.parametrize(("field", "value"), [("n_topics", 10**9), ("n_topics", 4), ("word_column", "words"), ("document_column", "word")])
def test_saved_fields_that_do_not_fit_are_refused(field: str, value: Any, tmp_path: Path) -> None:
    folder = gp.save(STAGE.apply(ROWS, VOCABULARY), tmp_path / "topics")
    facts = json.loads((folder / "stage.json").read_text())
    assert facts["stage"]["fields"][field] != value
    facts["stage"]["fields"][field] = value
    (folder / "stage.json").write_text(json.dumps(facts))
    with pytest.raises(ArtefactError, match="Expected topics as probabilities of known words"):
        gp.load(folder)


def test_mean_shares_by_a_column(engine: str) -> None:
    """The means are those of the table of shares, grouped by Polars; a time is a line in the report, a label is bars."""
    chance = np.random.default_rng(5)
    ids = sorted(set(ROWS["id"]))
    months = [dt.date(2020, 1 + place % 6, 1) for place in range(len(ids))]
    told = pl.DataFrame({"id": ids, "month": months, "label": chance.choice(["a", "b"], len(ids))})[:-3]
    told = pl.concat([told, pl.DataFrame({"id": ["no words"], "month": [dt.date(2031, 1, 1)], "label": ["c"]})])
    rows, words, documents = (gp.FromFrame(table).node() for table in (ROWS, VOCABULARY, told))
    fitted = STAGE.fit(rows, words)
    made = {by: fitted.shares_by(rows, documents, by=by) for by in ("month", "label")}
    result = gp.Pipeline("by", shares=fitted.transform(rows), **made).run(engine)
    shares = pl.from_arrow(result["shares"].to_arrow()).join(told, on="id")
    means = [pl.col(f"topic_{number}").mean() for number in range(1, N_TOPICS + 1)]
    for by in made:
        expected = shares.group_by(by).agg(pl.len().cast(pl.Int64).alias("documents"), *means).sort(by)
        assert_frame_equal(pl.from_arrow(result[by].to_arrow()), expected, check_dtypes=False, abs_tol=1e-9)
    kinds = [{part["kind"] for part in card["parts"]} for card in result.report["cards"] if card["title"] == "Shares of topics"]
    assert sorted(kinds, key=str) == [{"bars"}, {"lines"}]
    with pytest.raises(ColumnError, match="'lable'"):
        gp.Pipeline("by", made=fitted.shares_by(rows, documents, by="lable")).plan()
    twice = gp.FromFrame(pl.concat([told, told])).node()
    with pytest.raises(StageError, match="each document once"):
        gp.Pipeline("by", made=fitted.shares_by(rows, twice, by="label")).run("cpu")
