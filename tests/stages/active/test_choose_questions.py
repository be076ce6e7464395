"""Questions about sets, chosen in a pipeline: those of the array library, none that is answered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.active.partial import choose_questions
from gpupipe.active.scorers import random_order
from gpupipe.core.errors import ColumnError, DtypeError, StageError, UsageError
from gpupipe.testing.tasks import check_task

TREE = gp.LabelHierarchy.from_table(pl.DataFrame({"child": ["cat", "dog", "oak", "elm"], "parent": ["animal", "animal", "tree", "tree"]}))
CHANCE = np.random.default_rng(0)
P = CHANCE.dirichlet(np.ones(4), 60)
PROBABILITIES = {f"probability_{one}": P[:, at] for at, one in enumerate(TREE.classes)}
POOL = pl.DataFrame({"id": [f"e{number}" for number in range(60)], **PROBABILITIES})
LABELS = pl.DataFrame({"example_id": ["e1", "e2", "e3"], "possible": [["cat"], ["cat", "dog"], ["oak", "elm"]]})
POSSIBLE = np.ones((60, 4), bool)
for row, kept in zip((1, 2, 3), LABELS["possible"], strict=True):
    POSSIBLE[row] = [one in kept for one in TREE.classes]


@pytest.mark.parametrize("method", ["uniform", "AL-ME", "AQ-EIG", "ALPF-EDC", "ALPF-ERC"])
def test_questions_are_those_of_the_array_library(method: str) -> None:
    made = check_task(gp.ChooseQuestions(TREE, 20, method=method, seed=4), POOL, LABELS)
    rows, questions, worths = choose_questions(P, POSSIBLE, random_order(POOL["id"].to_arrow(), seed=4), TREE, 20, method)
    found = pl.from_arrow(made.to_arrow()).sort("rank")
    assert found["id"].to_list() == POOL["id"].to_numpy()[rows].tolist()
    assert [json.loads(text)["classes"] for text in found["question"]] == [TREE.names_of(number) for number in questions]
    np.testing.assert_allclose(found["score"], worths)
    assert "e1" not in set(found["id"])


def test_they_are_the_same_on_blocks(engine: str) -> None:
    pool, labels, held = gp.FromFrame(POOL).node(), gp.FromFrame(LABELS).node(), gp.FromFrame(POOL.head(5).select("id")).node()
    chosen = gp.ChooseQuestions(TREE, 20, method="ALPF-EIG")(pool, labels, held)
    theirs, ours = (pl.from_arrow(gp.Pipeline("q", made=chosen).run(name)["made"].to_arrow()).sort("rank") for name in (engine, "cpu"))
    assert theirs.select("id", "question").rows() == ours.select("id", "question").rows()
    assert not {"e0", "e1", "e2", "e3", "e4"} & set(ours["id"])


def test_a_store_takes_them_until_every_class_is_known(tmp_path: Path) -> None:
    """Runs ask, a person answers, and in the end the store knows each class; no question twice."""
    store = gp.LabelStore.create(tmp_path / "store", TREE.classes)
    truth = dict(zip(POOL["id"], [TREE.classes[at] for at in P.argmax(axis=1)], strict=True))
    asked: list[tuple[str, str]] = []
    for number in range(9):
        labels = gp.ReadLabels(tmp_path / "store").node()
        chosen = gp.ChooseQuestions(TREE, 30)(gp.FromFrame(POOL).node(), labels)
        made = gp.Pipeline("round", made=chosen).run("cpu")["made"]
        if not len(made):
            break
        rows = [{"example_id": row["id"], "question": row["question"]} for row in made.iter_rows(named=True)]
        asked += [(row["example_id"], row["question"]) for row in rows]
        store.ask(rows, round=number)
        answers = [truth[row["example_id"]] in json.loads(row["question"])["classes"] for row in rows]
        told = zip(rows, answers, strict=True)
        store.append([{**row, "annotator": "me", "answer": "yes" if answer else "no"} for row, answer in told])
    assert len(set(asked)) == len(asked)
    found = store.labels()
    assert dict(zip(found["example_id"].to_pylist(), found["label"].to_pylist(), strict=True)) == truth
    assert len(asked) < 60 * 3  # naming classes one after the other takes 1, 2, 3 or 3 questions; halving 2


def test_what_is_wrong_is_told() -> None:
    pool = gp.FromFrame(POOL).node()
    for budget in (0, 1.5):
        with pytest.raises(UsageError, match="a budget of 1 question or more, a whole number"):
            gp.ChooseQuestions(TREE, budget)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"no method 'ALPF-EGI'\. Did you mean 'ALPF-EIG'"):
        gp.ChooseQuestions(TREE, 1, method="ALPF-EGI")
    with pytest.raises(UsageError, match="expects a gp.LabelHierarchy, got list"):
        gp.ChooseQuestions(["a"], 1)  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match="what gp.ReadLabels"):
        gp.Pipeline("p", made=gp.ChooseQuestions(TREE, 1)(pool, pool)).check()
    numbered = gp.FromFrame(LABELS.with_columns(example_id=pl.Series([1, 2, 3]))).node()
    with pytest.raises(DtypeError, match="String in 'id' and Int64 of the label store"):
        gp.Pipeline("p", made=gp.ChooseQuestions(TREE, 1)(pool, numbered)).check()
    with pytest.raises(StageError, match=r"none called 'probability_elm'"):
        gp.ChooseQuestions(TREE, 1).apply(POOL.drop("probability_elm"))
    strange = pl.DataFrame({"example_id": ["e1"], "possible": [["catt"]]})
    with pytest.raises(StageError, match=r"answers among its 4 classes, got 'catt'\. Did you mean 'cat'"):
        gp.ChooseQuestions(TREE, 1).apply(POOL, strange)
