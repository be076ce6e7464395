"""``gpupipe predict``: a saved part of a pipeline on files, in a process of its own where code is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import gpupipe as gp

Command = Callable[..., Any]
FLOW = '''
import narwhals.stable.v2 as nw
from sklearn.linear_model import LogisticRegression
import gpupipe as gp

@gp.rows
def with_ratio(rows):
    return rows.with_columns(ratio=nw.col("a") / nw.col("b"))

def pipeline(data: str = "rows.csv") -> gp.Pipeline:
    """Score rows."""
    train, test = gp.Split((0.5, 0.5), by="id")(gp.ReadCsv(data).node())
    scaler = gp.Standardize(["a", "ratio"]).fit(with_ratio(train))
    model = gp.Learn(LogisticRegression(), features=["a", "ratio"], target="y").fit(scaler(with_ratio(train)))
    scored = model.predict_proba(scaler(with_ratio(test)))
    return gp.Pipeline("p", scorer=gp.Chain.between(test, scored), scored=scored)
'''
ROWS = pl.DataFrame(
    {"id": range(60), "a": [float(i % 7) for i in range(60)], "b": [1.0 + i % 5 for i in range(60)], "y": [i % 2 for i in range(60)]}
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    learned = gp.Learn(LogisticRegression(), features=["a", "b"], target="y").fit_plain(ROWS)
    return gp.save(learned, tmp_path_factory.mktemp("saved") / "model")


def test_a_part_of_a_pipeline_scores_a_file_as_the_pipeline_did(in_process: Command, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    ROWS.write_csv(tmp_path / "rows.csv")
    assert in_process("run", "flow.py", "--report", "report", "-q").code == 0
    refused = in_process("predict", "report/scorer", "rows.csv", "scored.parquet")
    assert refused.code == 1
    assert "runs the function 'flow:with_ratio'" in " ".join(refused.err.split())
    assert not (tmp_path / "scored.parquet").exists()
    ended = in_process("predict", "report/scorer", "rows.csv", "scored.parquet", "--code", "flow.py", "--json")
    assert (ended.code, ended.json["rows"]) == (0, 60)
    monolith = gp.Learn(LogisticRegression(), features=["a", "ratio"], target="y")
    train, _ = gp.Split((0.5, 0.5), by="id").apply(ROWS)
    with_ratio = pl.col("a") / pl.col("b")
    scaler = gp.Standardize(["a", "ratio"]).fit_plain(train.with_columns(ratio=with_ratio))
    by_hand = monolith.fit_plain(scaler.apply(train.with_columns(ratio=with_ratio)))
    expected = by_hand.using("predict_proba").apply(scaler.apply(ROWS.with_columns(ratio=with_ratio)))
    assert pl.read_parquet(tmp_path / "scored.parquet")["probability"].to_list() == pytest.approx(expected["probability"].to_list())


@pytest.mark.parametrize("suffix", ["csv", "parquet", "ndjson", "arrow"])
def test_formats_are_told_by_names(suffix: str, model: Path, in_process: Command, tmp_path: Path) -> None:
    write: Any = {"csv": "write_csv", "parquet": "write_parquet", "ndjson": "write_ndjson", "arrow": "write_ipc"}
    getattr(ROWS.drop("y"), write[suffix])(tmp_path / f"rows.{suffix}")
    ended = in_process("predict", model, f"rows.{suffix}", "out.csv", "--columns", "id, prediction")
    assert (ended.code, ended.out) == (0, "")
    assert "wrote 60 rows to" in ended.err
    made = pl.read_csv(tmp_path / "out.csv")
    assert made.columns == ["id", "prediction"]
    assert made["prediction"].to_list() == gp.load(model).apply(ROWS)["prediction"].to_list()


def test_a_folder_is_read_whole_and_a_method_chosen(model: Path, in_process: Command, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    for number, part in enumerate(ROWS.iter_slices(25)):
        part.write_parquet(tmp_path / "rows" / f"{number}.parquet")
    ended = in_process("predict", model, "rows", "out.arrow", "--method", "predict_proba", "-q")
    assert (ended.code, ended.err) == (0, "")
    assert pl.read_ipc(tmp_path / "out.arrow")["probability"].len() == 60


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("rows.csv", "out.parquet"), 2, "There is no column 'b'."),
        (("rows.csv", "out.parquet", "--dtype", "a=Strin"), 2, "Expected NAME=DTYPE, as zip=String, got 'a=Strin'. Did you mean 'String'?"),
        (("rows.csv", "out.xlsx"), 2, "Expected an output whose name ends in '.parquet'"),
        (("rows.xlsx", "out.csv"), 2, "Expected an input whose name says its format"),
        (("nowhere.csv", "out.csv"), 1, "nowhere.csv"),
        (("text.csv", "out.csv"), 2, "'a'"),
        (("rows.csv", "there.csv"), 2, "There is no column 'b'."),
        (("full.csv", "there.csv"), 1, "--overwrite replaces what is there"),
        (("full.csv", "out.csv", "--method", "transform"), 2, "has no 'transform'"),
        (("full.parquet", "out.csv", "--dtype", "a=String"), 2, "Dtypes, missing texts and separators are of CSV"),
    ],
)
def test_what_cannot_be_scored_is_said(
    words: tuple[str, ...], code: int, said: str, model: Path, in_process: Command, tmp_path: Path
) -> None:
    ROWS.write_csv(tmp_path / "full.csv")
    ROWS.write_parquet(tmp_path / "full.parquet")
    ROWS.drop("b").write_csv(tmp_path / "rows.csv")
    ROWS.with_columns(a=pl.lit("x")).write_csv(tmp_path / "text.csv")
    (tmp_path / "there.csv").write_text("keep me")
    ended = in_process("predict", model, *words)
    assert said in " ".join(ended.err.split())
    assert ended.code == code
    assert (tmp_path / "there.csv").read_text() == "keep me"
    assert not (tmp_path / "out.csv").exists()


def test_texts_of_missing_values(model: Path, in_process: Command, tmp_path: Path) -> None:
    lines = ROWS.head(3).write_csv().splitlines()
    (tmp_path / "rows.csv").write_text("\n".join([*lines, "9,?,1.0,0"]) + "\n")
    refused = in_process("predict", model, "rows.csv", "out.csv")
    assert (refused.code, "'a'" in refused.err, "stage.json:1" in " ".join(refused.err.split())) == (2, True, True)
    ended = in_process("predict", model, "rows.csv", "out.csv", "--null", "?")
    assert (ended.code, "missing" in " ".join(ended.err.split())) == (1, True)  # which a logistic regression takes none of


def test_what_is_replaced_is_said_to_be(model: Path, in_process: Command, tmp_path: Path) -> None:
    ROWS.write_csv(tmp_path / "rows.csv")
    (tmp_path / "out.csv").write_text("old")
    assert in_process("predict", model, "rows.csv", "out.csv", "--overwrite").code == 0
    assert (tmp_path / "out.csv").read_text().startswith("id,a,b,y,prediction")


def test_a_stage_that_scores_no_rows_is_refused(in_process: Command, tmp_path: Path) -> None:
    gp.save(gp.ToTensor(["id"], "a").apply(ROWS), tmp_path / "tensor")
    ended = in_process("predict", "tensor", "rows.csv", "out.csv")
    assert ended.code == 1
    assert "holds a tensor, which scores no rows" in " ".join(ended.err.split())


def test_errors_belong_to_the_files_of_the_call(in_process: Command, model: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").touch()
    empty = in_process("predict", model, "rows.csv", "out.csv")
    assert "In stage ReadCsv (input), wired at rows.csv:1." in " ".join(empty.err.split())
    ROWS[:0].write_csv(tmp_path / "rows.csv")  # of whose columns nobody knows what they hold
    guessed = in_process("predict", model, "rows.csv", "out.csv")
    assert (guessed.code, "--dtype NAME=DTYPE says what a column of text files holds" in " ".join(guessed.err.split())) == (2, True)
    assert in_process("predict", model, "rows.csv", "out.csv", "--dtype", "a=Float64", "--dtype", "b=Float64").code == 0
    assert pl.read_csv(tmp_path / "out.csv").columns == [*ROWS.columns, "prediction"]
    ROWS.write_csv(tmp_path / "rows.csv")
    there = in_process("predict", model, "rows.csv", "out.csv")
    assert "wired at out.csv:1." in " ".join(there.err.split())
