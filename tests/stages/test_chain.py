"""Chain: row stages one after the other, as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import gpupipe as gp
from gpupipe.core.errors import UsageError, WiringError
from gpupipe.testing.compare import as_arrow, assert_same_rows
from gpupipe.testing.laws import check_row_stage


@gp.rows
def with_twice(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    return frame.with_columns(twice=nw.col("x") * 2)


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


ROWS = pl.DataFrame({"id": range(8), "x": [1.0, 2.0, 3.0, None, 5.0, 6.0, 7.0, 50.0], "c": list("ababaabb"), "y": [0, 1] * 4})


def between() -> tuple[gp.Table, gp.Table]:
    rows = gp.FromFrame(ROWS).node()
    low = rows >> gp.Filter(nw.col("x") < gp.Scalar(nw.col("x").max())(rows)) >> gp.WithColumns(z=nw.col("x") * 2)
    codes = gp.EncodeCategory("c").fit(low)
    ready = codes(low)
    model = gp.Learn(LinearRegression(), features=["z", "c"], target="y").fit(ready)
    return rows, gp.Rename(prediction="answer")(model.predict(ready))


def test_what_lies_between_two_tables_is_one_fitted_stage(engine: str, tmp_path: Path) -> None:
    rows, made = between()
    chain = gp.Chain.between(rows, made)
    ran = gp.Pipeline("p", made=made, chain=chain, again=chain(gp.FromFrame(ROWS).node())).run(engine)
    assert_same_rows(as_arrow(ran["again"]), as_arrow(ran["made"]), rtol=1e-12)
    loaded = gp.load(gp.save(ran["chain"], tmp_path / "chain"))
    assert [type(stage).__name__ for stage in loaded.stages] == ["Filter", "WithColumns", "EncodedCategory", "Learned", "Rename"]
    assert_same_rows(as_arrow(loaded.apply(ROWS)), as_arrow(ran["made"]), rtol=1e-12)
    assert loaded.apply(ROWS.drop("y")).columns == ["id", "x", "c", "z", "answer"]


def test_a_chain_is_kept_in_checkpoints_with_its_functions(tmp_path: Path) -> None:
    rows = gp.FromFrame(ROWS).node()
    pipeline = gp.Pipeline("p", chain=gp.Chain.between(rows, with_twice(gp.Standardize("x").fit(rows)(rows))))
    first = pipeline.run("cpu", checkpoints=str(tmp_path), resume=True)
    again = pipeline.run("cpu", checkpoints=str(tmp_path), resume=True)
    assert [stage["checkpoint"] for stage in again.report["stages"] if stage["name"] == "Chain"] == ["taken"]
    assert again["chain"].apply(ROWS).equals(first["chain"].apply(ROWS))


def test_between_says_where_it_cannot_go() -> None:
    rows, made = between()
    other = gp.FromFrame(ROWS).node()
    with pytest.raises(WiringError, match="came to FromFrame, wired at .*, and begins a pipeline"):
        gp.Chain.between(other, made)
    with pytest.raises(WiringError, match="came to SortRows, wired at .*, and does not work on each row by itself"):
        gp.Chain.between(rows, gp.SortRows("x")(rows))
    with pytest.raises(WiringError, match="came to a part of a Split"):
        gp.Chain.between(rows, gp.Rename(x="z")(gp.Split((0.5, 0.5))(rows)[0]))
    with pytest.raises(WiringError, match="twice"):
        gp.Chain.between(rows, rows)
    with pytest.raises(WiringError, match="expects two tables of a pipeline, got DataFrame"):
        gp.Chain.between(ROWS, rows)  # type: ignore[arg-type]
    with pytest.raises(WiringError, match=r"got \.predict"):
        gp.Chain.between(rows, made).predict(rows)
