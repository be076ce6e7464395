from pathlib import Path

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.active.scheme import CLASS
from gpupipe.active.store import LabelStore
from gpupipe.core.errors import ColumnError, DtypeError, StageError, UsageError
from gpupipe.testing.tasks import check_task

VOTES = pl.DataFrame(
    {
        "id": [1, 1, 1, 2, 2, 3, 3, 3, 4, None],
        "who": ["x", "y", "z", "x", "y", "x", "y", "z", "z", "x"],
        "says": ["cat", "cat", "dog", "cat", "dog", "dog", "dog", "dog", None, "cat"],
    }
)


def test_law_of_majorities() -> None:
    made = check_task(gp.Consensus("id", "who", "says"), VOTES)
    assert made.rows() == [(1, "cat", 2 / 3, 3), (2, None, 0.5, 2), (3, "dog", 1.0, 3)]


def test_law_of_dawid_and_skene() -> None:
    made = check_task(gp.Consensus("id", "who", "says", rule="dawid_skene"), VOTES, rtol=1e-9)
    assert [row[:2] for row in made.rows() if row[0] != 2] == [(1, "cat"), (3, "dog")]
    assert made["n_votes"].to_list() == [3, 2, 3]


def test_what_the_report_says() -> None:
    table = gp.FromFrame(VOTES).node()
    report = gp.Pipeline("p", {"made": gp.Consensus("id", "who", "says", rule="dawid_skene")(table)}).run(engine="cpu").report
    [facts] = [stage["facts"] for stage in report["stages"] if stage["name"] == "Consensus"]
    assert (facts["examples"], facts["labels"], facts["annotators"], facts["unresolved"]) == (3, 8, 3, 0)
    assert facts["fleiss_kappa"] == pytest.approx((4 / 9 - 34 / 64) / (1 - 34 / 64))  # by hand
    [card] = [card for card in report["cards"] if card["title"] == "Annotators"]
    assert [part["title"] for part in card["parts"]][:2] == ["Annotators", "What x calls each class (rows: the class, columns: the label)"]


def test_of_a_store(tmp_path: Path, engine: str) -> None:
    store = LabelStore.create(tmp_path / "labels", [3, 5], key="integer")
    store.ask({"example_id": [1, 2]}, round=0, annotators=2)
    said = [(1, "ann", 3), (1, "bob", 3), (2, "ann", 5), (2, "bob", 3)]
    store.append([{"example_id": one, "question": CLASS, "annotator": who, "answer": answer, "round": 0} for one, who, answer in said])
    votes = gp.ReadLabels(store.place, what="votes").node()
    made = gp.Pipeline("p", {"made": gp.Consensus(label="label")(votes)}).run(engine=engine)
    assert [row[1] for row in gp.FromFrame(made["made"]).schema().as_json()] == ["Int64", "Int64", "Float64", "Int64"]
    assert list(made["made"]["probability"]) == [1.0, 0.5]
    [facts] = [stage["facts"] for stage in made.report["stages"] if stage["name"] == "Consensus"]
    assert facts["cohen_kappa"] == 0


def test_refused() -> None:
    with pytest.raises(UsageError, match="one of 'majority', 'dawid_skene'"):
        gp.Consensus(rule="most")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="three different columns"):
        gp.Consensus("a", "a", "b")
    with pytest.raises(ColumnError, match="'n_votes'"):
        gp.Consensus("n_votes", "who", "says").apply(VOTES.rename({"id": "n_votes"}))
    with pytest.raises(DtypeError, match="plain values"):
        gp.Consensus("id", "who", "says").apply(VOTES.with_columns(says=pl.concat_list("says")))
    with pytest.raises(StageError, match="got none"):
        gp.Consensus("id", "who", "says").apply(VOTES.head(0))
