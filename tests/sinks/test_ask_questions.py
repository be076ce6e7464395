from pathlib import Path

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.active.scheme import CLASS
from gpupipe.active.store import LabelStore
from gpupipe.core.errors import ColumnError, DtypeError, UsageError

POOL = pl.DataFrame({"id": ["a", "b", "c"], "says": ["meow", "woof", "creak"], "score": [0.3, 0.2, 0.1], "x": [1, 2, 3]})


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    return LabelStore.create(tmp_path / "labels", ["cat", "dog", "oak"])


def run(store: LabelStore, rows: pl.DataFrame, engine: str = "cpu", **options: object) -> object:
    sink = gp.AskQuestions(store.place, text="says", row=["x", "score"], **options)  # type: ignore[arg-type]
    return gp.Pipeline("p", {"asked": sink(gp.FromFrame(rows).node())}).run(engine=engine)["asked"]


def test_asks_and_shows_on_every_engine(store: LabelStore, engine: str) -> None:
    assert run(store, POOL, engine, seed=1, budget=9) == {"round": 0, "questions": 3, "waiting": 3, "cost": 3.0}
    asked = store.rounds()[0]
    assert sorted(zip(asked.questions["example_id"].to_pylist(), asked.questions["score"].to_pylist(), strict=True)) == [
        ("a", 0.3), ("b", 0.2), ("c", 0.1)
    ]  # fmt: skip
    assert (asked.record["seed"], asked.record["budget"]) == (1, 9)
    shown = store.examples().sort_by("example_id").to_pylist()[0]
    assert (shown["text"], shown["row"]) == ("meow", '{"x": 1, "score": 0.3}')


def test_a_run_again_asks_nothing_until_all_are_answered(store: LabelStore) -> None:
    run(store, POOL.head(2))
    assert run(store, POOL.tail(1)) == {"round": 0, "questions": 2, "waiting": 2, "cost": 2.0}
    store.append([{"example_id": one, "question": CLASS, "answer": "cat", "annotator": "ann", "round": 0} for one in "ab"])
    assert run(store, POOL.tail(1)) == {"round": 1, "questions": 1, "waiting": 1, "cost": 1.0}
    assert run(store, POOL, round=1) == {"round": 1, "questions": 1, "waiting": 1, "cost": 1.0}


def test_with_nothing_to_ask_no_round_is_recorded(store: LabelStore) -> None:
    run(store, POOL.head(1))
    store.append([{"example_id": "a", "question": CLASS, "answer": "cat", "annotator": "ann", "round": 0}])
    for _ in range(2):
        told = {"round": 1, "questions": 0, "waiting": 0, "cost": 0.0, "told": "nothing to ask: no row was chosen"}
        assert run(store, POOL.head(0)) == told
    assert [one.number for one in store.rounds()] == [0] and store.next_round == 1
    assert run(store, POOL.tail(1)) == {"round": 1, "questions": 1, "waiting": 1, "cost": 1.0}


def test_what_annotators_disagree_on_is_counted(store: LabelStore) -> None:
    run(store, POOL)
    for who, said in [("ann", "cat"), ("bob", "dog")]:
        store.append({"example_id": ["a"], "question": [CLASS], "answer": [said], "annotator": [who]})
    no = [store.scheme.set_question([one], one) for one in store.scheme.classes]
    store.append({"example_id": ["b"] * 3, "question": no, "answer": ["no"] * 3, "annotator": ["ann"] * 3})
    told = run(store, POOL)
    assert isinstance(told, dict) and (told["undecided"], told["conflicts"]) == (1, 1)


def test_refused(store: LabelStore, tmp_path: Path) -> None:
    store.hold_out(["c"])
    with pytest.raises(UsageError, match="outside the hold-out"):
        run(store, POOL)
    assert store.rounds() == []
    with pytest.raises(ColumnError, match="'says'"):
        run(store, POOL.drop("says"))
    with pytest.raises(DtypeError, match="keys of kind text"):
        run(store, POOL.with_columns(id=pl.Series([1, 2, 3])))
    with pytest.raises(UsageError, match="got none. Make one"):
        gp.Pipeline("p", {"asked": gp.AskQuestions(tmp_path / "none")(gp.FromFrame(POOL).node())}).check()
