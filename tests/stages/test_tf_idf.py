from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

import gpupipe as gp
from gpupipe.core.errors import ColumnError

TEXTS = ["the cat sat on the mat", "the dog sat", "cats and dogs and cats", "a mat"]


@pytest.mark.parametrize(("smooth", "sublinear", "norm"), [(True, False, "l2"), (False, True, "l1"), (True, True, None)])
def test_as_scikit_learn_does(smooth: bool, sublinear: bool, norm: str | None, engine: str) -> None:
    counts = CountVectorizer().fit_transform(TEXTS)
    theirs = TfidfTransformer(norm=norm, smooth_idf=smooth, sublinear_tf=sublinear).fit_transform(counts).toarray()
    table = gp.FromFrame(pl.DataFrame({"document": range(len(TEXTS)), "text": TEXTS})).node()
    words = gp.Tokenize("text", document="document").fit(table)(table)
    weighed = gp.TfIdf(smooth=smooth, sublinear=sublinear).fit(words)(words)
    out = weighed if norm is None else gp.NormalizeByKey("weight", by="document", norm=norm)(weighed)  # type: ignore[arg-type]
    rows = gp.Pipeline("p", out=out).run(engine)["out"].to_arrow().to_pylist()
    made = np.zeros_like(theirs)
    for row in rows:
        made[row["document"], row["word"]] = row["weight"]
    np.testing.assert_allclose(made, theirs, rtol=1e-14)


def test_bad_input() -> None:
    frame = pl.DataFrame({"document": [1], "word": [1], "count": [1]})
    with pytest.raises(ColumnError, match=r"^TfIdf expects a new name, got 'count', which is a column already\."):
        gp.TfIdf(name="count").fit_plain(frame).apply(frame)
    with pytest.raises(ColumnError, match=r"^There is no column 'document'\."):
        gp.TfIdf().fit_plain(frame.drop("document"))
