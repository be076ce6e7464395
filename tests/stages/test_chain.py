"""Chain: row stages one after the other, as one."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

import gpupipe as gp
from gpupipe.core.errors import UsageError
from gpupipe.testing.laws import check_row_stage

FRAME = pl.DataFrame({"a": [1.0, 2.0, None], "c": ["u", "v", None]})


def test_a_chain_does_what_its_stages_do_one_by_one() -> None:
    scaler, codes = gp.Standardize("a").fit_plain(FRAME), gp.EncodeCategory("c").fit_plain(FRAME)
    assert gp.Chain(scaler, codes).apply(FRAME).equals(codes.apply(scaler.apply(FRAME)))


def test_a_chain_obeys_the_row_law() -> None:
    chain = gp.Chain(gp.FillNull(0.0, ["a"]), gp.Filter(nw.col("a") >= 0), gp.Rename(a="b"))
    check_row_stage(chain, pa.table({"a": pa.array([1.0, None, -3.0])}))


def test_a_chain_has_one_name() -> None:
    assert gp.Chain(gp.Rename(a="b"), gp.Select("b")).name == "Rename >> Select"


def test_a_chain_that_ends_in_a_model_answers_as_the_model() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, 4.0, 9.0], "y": [0, 0, 1, 1]})
    scaler = gp.Standardize("x").fit_plain(frame)
    model = gp.Learn(LogisticRegression(), features="x", target="y").fit_plain(scaler.apply(frame))
    chain = gp.Chain(scaler, model)
    assert chain.predict(frame).tolist() == model.predict(scaler.apply(frame)).tolist() == [0, 0, 1, 1]
    assert chain.predict_proba(frame.to_pandas()).tolist() == model.predict_proba(scaler.apply(frame)).tolist()
    assert gp.Chain(model).predict(scaler.apply(frame)).tolist() == [0, 0, 1, 1]
    with pytest.raises(UsageError, match=r"Standardized has no 'transform': it is no trained model\. Use \.apply\(frame\)"):
        gp.Chain(scaler).transform(frame)


def test_only_row_stages_are_chained() -> None:
    with pytest.raises(UsageError, match=r"Chain expects row stages .* got \['SortRows'\]"):
        gp.Chain(gp.SortRows("a"))
    with pytest.raises(UsageError, match="Chain expects row stages"):
        gp.Chain()
