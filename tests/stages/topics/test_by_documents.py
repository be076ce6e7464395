"""Topics of tables in blocks: every pass is over the blocks, and what comes out is what comes out of all documents at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import StageError
from gpupipe.topics import TensorLDA

CHANCE = np.random.default_rng(1)
TRUE = CHANCE.dirichlet(np.full(30, 0.1), 3)
on_blocks = pytest.mark.parametrize("engine", ["dask"], indirect=True)


def drawn(n_documents: int = 200) -> pl.DataFrame:
    """Return the rows of documents of three topics, with words as text, and a few of two words alone."""
    counts = CHANCE.multinomial(30, CHANCE.dirichlet(np.full(3, 0.3), n_documents) @ TRUE)
    documents, words = np.nonzero(counts)
    rows = pl.DataFrame({"document": documents, "word": [f"w{word:02d}" for word in words], "count": counts[documents, words]})
    short = pl.DataFrame({"document": [1000, 1001], "word": ["w01", "only here"], "count": [1, 2]})
    return pl.concat([rows, short]).sample(fraction=1.0, shuffle=True, seed=0)


def run(engine: str, rows: pl.DataFrame, stage: Any) -> Any:
    """Return what is fitted and the shares of the documents, with the report."""
    table = gp.FromFrame(rows).node()
    fitted = stage.fit(table)
    return gp.Pipeline("made", model=fitted, shares=fitted.transform(table)).run(engine)


@on_blocks
@pytest.mark.parametrize("estimator", [TensorLDA(3, n_vb=4, learn_alpha=True), TensorLDA(3, alpha0="auto", n_vb=0)])
def test_topics_by_blocks_are_those_of_all_documents(engine: str, estimator: TensorLDA) -> None:
    rows, stage = drawn(), gp.Topics(estimator)
    whole, made = (run(name, rows, stage) for name in ("cpu", engine))
    told = {stage["name"]: stage.get("facts", {}) for stage in made.report["stages"]}
    assert told["Topics"]["blocks"] > 1 and told["Topics.transform"]["blocks"] > 1
    assert told["Topics"]["documents"] == rows["document"].n_unique() - 2  # of two words are no documents to the moments
    assert made["model"].names["word"].to_list() == whole["model"].names["word"].to_list()
    for name in ("components", "alpha", "frequencies", "residual", "negative_mass", "n_documents", "n_sweeps"):
        np.testing.assert_allclose(getattr(made["model"], name), getattr(whole["model"], name), rtol=1e-8, atol=1e-10, err_msg=name)
    shares = [result["shares"].sort("document") for result in (whole, made)]
    assert shares[0]["document"].to_list() == shares[1]["document"].to_list()
    np.testing.assert_allclose(shares[1].drop("document").to_numpy(), shares[0].drop("document").to_numpy(), atol=1e-7)


@on_blocks
def test_what_is_refused_of_all_rows_is_refused_of_blocks(engine: str) -> None:
    rows = drawn()
    negative = rows.with_columns(pl.when(pl.int_range(pl.len()) == 40).then(-1).otherwise("count").alias("count"))
    with pytest.raises(StageError, match="expects counts, whole numbers from 0 on, got -1 at document="):
        run(engine, negative, gp.Topics(3))
    with pytest.raises(StageError, match=r"Topics: 40 topics were asked for, and there are \d+ words"):
        run(engine, rows, gp.Topics(40))
