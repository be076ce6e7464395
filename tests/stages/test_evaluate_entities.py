import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import DtypeError, StageError
from gpupipe.testing.tasks import check_task

ROWS = pl.DataFrame(
    {
        "tags": [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "O"], ["O"]],
        "prediction": [["B-PER", "E-PER", "O", "S-ORG"], ["O", "B-ORG"], ["S-MISC"]],
    }
)


def test_law() -> None:
    made = check_task(gp.EvaluateEntities(), ROWS)
    assert made == {"precision": 0.25, "recall": 1 / 3, "f1": 2 / 7, "n_true": 3, "n_predicted": 4, "n_right": 1}


def test_what_the_report_shows() -> None:
    report = gp.Pipeline("p", {"scores": gp.EvaluateEntities()(gp.FromFrame(ROWS).node())}).run(engine="cpu").report
    [card] = [card for card in report["cards"] if card["title"] == "Entities"]
    assert card["parts"][0]["rows"] == [
        ["LOC", 0.0, 0.0, 0.0, 1],
        ["MISC", 0.0, 0.0, 0.0, 0],
        ["ORG", 0.0, 0.0, 0.0, 1],
        ["PER", 1.0, 1.0, 1.0, 1],
    ]


def test_refused() -> None:
    with pytest.raises(DtypeError, match="lists of tags, got String"):
        gp.EvaluateEntities().apply(ROWS.with_columns(prediction=pl.lit("O")))
    with pytest.raises(StageError, match="a row without"):
        gp.EvaluateEntities().apply(pl.concat([ROWS, ROWS.head(1).with_columns(prediction=pl.lit(None, pl.List(pl.String)))]))
    with pytest.raises(StageError, match="got 3 for 4 words"):
        gp.EvaluateEntities().apply(ROWS.with_columns(pl.col("prediction").list.head(3)))
