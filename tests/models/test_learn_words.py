"""Estimators trained on words, against scikit-learn's own text pipelines, with matrices that are never dense."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gpupipe as gp
from gpupipe.core.errors import ArtefactError, ColumnError, DtypeError, PlanError, StageError, UsageError, WiringError
from gpupipe.testing.tasks import check_task

CHANCE = np.random.default_rng(0)
SKY, FOOD = ("sun", "moon", "star", "cloud", "rain"), ("salt", "milk", "bread", "oven", "rain")


def texts(n: int) -> pl.DataFrame:
    """Return notes about the sky or about food, each with some words of neither."""
    about = CHANCE.choice(["sky", "food"], n)
    made = [" ".join([*CHANCE.choice(SKY if one == "sky" else FOOD, 6), *CHANCE.choice([*SKY, *FOOD, "and"], 3)]) for one in about]
    return pl.DataFrame({"id": np.arange(n)[::-1], "text": made, "about": about, "long": [float(len(text)) for text in made]})


TRAIN, TEST = texts(80), texts(30).with_columns(pl.col("id") + 1000)
CLASSIFIER = make_pipeline(TfidfTransformer(), LogisticRegression())


def counted(table: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of words as a fitted Tokenize makes them."""
    return pl.DataFrame(gp.Tokenize("text", document="id").fit_plain(TRAIN).apply(table))


ROWS, LATER, LABELS = counted(TRAIN), counted(TEST), TRAIN.select("id", "about")
VECTORS = CountVectorizer(token_pattern=r"\w{2,}").fit(TRAIN["text"])


def watched(kind: type) -> Any:
    """Return what stands for making a matrix dense: one of documents may not be."""
    made: Any = kind.toarray  # type: ignore[attr-defined]

    def toarray(matrix: Any, *given: Any, **named: Any) -> Any:
        if min(matrix.shape) > 3:
            msg = f"a sparse matrix of {matrix.shape} was made dense"
            raise AssertionError(msg)
        return made(matrix, *given, **named)

    return toarray


@pytest.mark.parametrize("model", [CLASSIFIER, MultinomialNB()])
def test_classifiers_are_scikit_learns(model: Any, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = model.fit(VECTORS.transform(TRAIN["text"]), TRAIN["about"])
    for kind in (sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.csc_matrix):
        monkeypatch.setattr(kind, "toarray", watched(kind))
    stage = gp.LearnWords(model, target="about", document="id")
    made = check_task(lambda rows, labels, later: stage.fit(rows, labels).predict(later), ROWS, LABELS, LATER, engines=("cpu", engine))
    found = dict(zip(made["id"].to_list(), made["prediction"].to_list(), strict=True))
    assert [found[document] for document in TEST["id"]] == expected.predict(VECTORS.transform(TEST["text"])).tolist()
    proba = check_task(
        lambda rows, labels, later: stage.fit(rows, labels).predict_proba(later), ROWS, LABELS, LATER, engines=("cpu", engine)
    )
    wide = pl.from_arrow(proba.to_arrow()).pivot("about", index="id", values="probability")
    rows = TEST.select("id").join(wide, on="id", how="left", maintain_order="left")
    np.testing.assert_allclose(
        rows.select(expected.classes_.tolist()).to_numpy(), expected.predict_proba(VECTORS.transform(TEST["text"])), rtol=1e-9
    )


def test_a_transformer_makes_columns(engine: str) -> None:
    model = make_pipeline(TfidfTransformer(), TruncatedSVD(3, random_state=0))
    matrix = VECTORS.transform(TRAIN.sort("id")["text"])
    expected = model.fit(matrix).transform(VECTORS.transform(TEST.sort("id")["text"]))
    stage = gp.LearnWords(model, document="id")
    made = check_task(lambda rows, later: stage.fit(rows).transform(later), ROWS, LATER, engines=("cpu", engine), rtol=1e-7)
    found = pl.from_arrow(made.to_arrow()).sort("id")
    assert found.columns == ["id", "truncatedsvd0", "truncatedsvd1", "truncatedsvd2"]
    np.testing.assert_allclose(found.drop("id").to_numpy(), expected, atol=1e-9)


def test_regressors_clusterers_and_what_is_saved(tmp_path: Any) -> None:
    ridge = gp.LearnWords(Ridge(), target="long", document="id").apply(ROWS, TRAIN)
    loaded = gp.load(gp.save(ridge, tmp_path / "ridge"))
    assert loaded.predict().apply(LATER).equals(ridge.predict().apply(LATER))
    assert loaded.describe() == ridge.describe()
    assert ridge.describe()["facts"]["matrix"].startswith("sparse, ")
    clusters = gp.LearnWords(KMeans(2, random_state=0, n_init=1), document="id").apply(ROWS)
    made = clusters.predict().apply(LATER)
    assert made.columns == ["id", "cluster"] and made.schema["cluster"] == pl.Int32
    damaged = gp.LearnWords(MultinomialNB(), target="about", document="id").apply(ROWS, LABELS)
    for change in ({"known": damaged.known[:3]}, {"methods": ("fit",)}, {"count_column": "word"}):
        with pytest.raises(ArtefactError, match="Expected an estimator of known words"):
            replace(damaged, **change).check()


def test_documents_without_words_and_words_without_documents() -> None:
    """A table of documents says which there are: one without words has a row of zeros, and rows of others are left out."""
    fitted = gp.LearnWords(MultinomialNB(), target="about", document="id").apply(ROWS, LABELS.filter(pl.col("id") < 60))
    assert fitted.n_documents == 60
    asked = pl.DataFrame({"id": [5000, *TEST["id"][:2]]})
    made = fitted.predict().apply(LATER, asked)
    assert made["id"].to_list() == sorted(asked["id"])
    prior = LABELS.filter(pl.col("id") < 60)["about"].value_counts(sort=True)["about"][0]
    assert made.filter(pl.col("id") == 5000)["prediction"].to_list() == [prior]
    strange = pl.DataFrame({"id": [7], "word": pl.Series([999], dtype=pl.Int32), "count": pl.Series([1], dtype=LATER.schema["count"])})
    assert fitted.predict().apply(strange)["prediction"].to_list() == [prior]
    assert fitted.predict().apply(LATER.clear()).is_empty()


@pytest.mark.parametrize(
    ("error", "said", "stage", "tables"),
    [
        (UsageError, "needs a target column", lambda: gp.LearnWords(LogisticRegression()), None),
        (UsageError, "makes a number of columns that is known", lambda: gp.LearnWords(TfidfTransformer()), None),
        (PlanError, r"give the table of documents that has it, fit\(rows, documents\)", "about", (ROWS,)),
        (ColumnError, "abuot", "abuot", (ROWS, LABELS)),
        (DtypeError, "documents of one dtype in both tables", "about", (ROWS, LABELS.with_columns(pl.col("id").cast(pl.String)))),
        (StageError, "each document once, got 80 of 160 a second time", "about", (ROWS, pl.concat([LABELS, LABELS]))),
        (StageError, "counts that are finite, got inf", "about", (ROWS.with_columns(count=pl.lit(float("inf"))), LABELS)),
        (StageError, "got 80 missing in target", "about", (ROWS, LABELS.with_columns(about=pl.lit(None, dtype=pl.String)))),
    ],
)
def test_what_is_refused(error: Any, said: str, stage: Any, tables: Any) -> None:
    def run() -> Any:
        """Plan, or run, what is refused."""
        if callable(stage):
            return gp.Pipeline("asked", made=stage()).plan()
        return gp.Pipeline("asked", made=gp.LearnWords(MultinomialNB(), target=stage, document="id").fit(*nodes(*tables))).run("cpu")

    with pytest.raises(error, match=said):
        run()


def test_what_an_estimator_refuses_is_told() -> None:
    with pytest.raises(StageError, match="could not be trained on 80 documents of 10 words: Cannot center sparse matrices"):
        gp.LearnWords(make_pipeline(StandardScaler(), Ridge()), target="long", document="id").apply(ROWS, TRAIN)
    fitted = gp.LearnWords(Ridge(), target="long", document="id").fit(*nodes(ROWS, TRAIN))
    with pytest.raises(WiringError, match="Ridge is a regressor and has no 'predict_proba'"):
        gp.Pipeline("asked", made=fitted.predict_proba(*nodes(LATER))).plan()


def nodes(*tables: pl.DataFrame) -> list[Any]:
    """Return the nodes of tables."""
    return [gp.FromFrame(table).node() for table in tables]
