import json
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gpupipe.active.scheme import CLASS
from gpupipe.active.store import LabelStore
from gpupipe.core.errors import SinkError, SourceError, UsageError

START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    made = LabelStore.create(tmp_path / "labels", ["cat", "dog", "oak", "elm"])
    made.ask({"example_id": list("abcdef")}, round=0, seed=7)
    return made


def answer(example: str, said: object, annotator: str = "ann", question: str = CLASS, minute: int = 0, **more: object) -> dict[str, object]:
    at = START + timedelta(minutes=minute)
    return {"example_id": example, "question": question, "answer": said, "annotator": annotator, "answered_at": at, **more}


def test_what_is_added_stays_and_is_there_for_the_next(store: LabelStore) -> None:
    names = store.append([answer("a", "cat", seconds=1.5, round=0, model="m"), answer("b", "dog", minute=1)])
    again = LabelStore(store.place)
    kept = again.answers()
    assert kept["answer_id"].to_pylist() == names
    assert kept.slice(0, 1).to_pylist() == [
        {"answer_id": names[0], "example_id": "a", "question": CLASS, "answer": "cat", "annotator": "ann", "asked_at": None,
         "answered_at": START, "seconds": 1.5, "round": 0, "model": "m", "replaces": None, "schema_version": 1}
    ]  # fmt: skip
    assert again.labels().select(["example_id", "label", "state"]).to_pylist() == [
        {"example_id": "a", "label": "cat", "state": "exact"},
        {"example_id": "b", "label": "dog", "state": "exact"},
    ]


def test_parts_are_plain_parquet_that_anybody_reads(store: LabelStore) -> None:
    store.append([answer("a", "cat")])
    store.append([answer("b", "dog")])
    read = pl.read_parquet(f"{store.place}/answers/*.parquet")
    assert sorted(read["answer"]) == ["cat", "dog"]
    assert all(path.suffix == ".parquet" for path in Path(store.place, "answers").iterdir())


def test_columns_may_be_of_any_library(store: LabelStore) -> None:
    """What a store tells goes back into it as it came: columns of Arrow, of a frame, arrays."""
    waiting = store.waiting().slice(0, 2)
    told = {"answer": pl.Series(["cat", "dog"]), "annotator": np.array(["ann", "ann"])}
    store.append({"example_id": waiting["example_id"], "question": waiting["question"].combine_chunks(), **told})
    assert store.labels()["label"].to_pylist() == ["cat", "dog"]


def test_the_same_answer_twice_counts_once_and_is_written_once(store: LabelStore) -> None:
    one = answer("a", "cat")
    assert store.append([one]) == store.append([one, one])[:1]
    assert len(list(Path(store.place, "answers").iterdir())) == 1
    part = next(Path(store.place, "answers").iterdir())
    part.with_name("part-of-another-writer.parquet").write_bytes(part.read_bytes())
    again = LabelStore(store.place)
    assert again.answers().num_rows == 1
    assert again.beliefs(["a"]).n_answers.tolist() == [1]


def test_a_correction_a_withdrawal_and_an_undone_withdrawal(store: LabelStore) -> None:
    [first] = store.append([answer("a", "cat")])
    [second] = store.append([answer("a", "dog", replaces=first, minute=1)])
    assert store.labels()["label"].to_pylist() == ["dog"]
    [third] = store.append([answer("a", None, replaces=second, minute=2)])
    assert store.beliefs(["a"]).states == ["nothing"]
    store.append([answer("a", "elm", replaces=third, minute=3)])
    assert store.labels()["label"].to_pylist() == ["elm"]
    assert store.answers().num_rows == 4


def test_a_late_answer_is_taken_when_it_comes(store: LabelStore) -> None:
    store.ask({"example_id": ["g"]}, round=5, seed=7)
    store.append([answer("a", "cat", round=0, minute=-60)])
    assert store.labels()["label"].to_pylist() == ["cat"]


def test_yes_and_no_leave_what_they_leave(store: LabelStore) -> None:
    animal, pet = store.scheme.set_question(["cat", "dog"], "animal"), store.scheme.set_question(["dog", "oak"])
    store.append([answer("a", "yes", question=animal), answer("b", False, question=animal), answer("b", True, question=pet)])
    known = store.beliefs(["a", "b", "c"])
    assert known.possible.tolist() == [[True, True, False, False], [False, False, True, False], [True] * 4]
    assert known.states == ["partial", "exact", "nothing"]
    assert store.labels()["possible"].to_pylist() == [["cat", "dog"], ["oak"]]


def test_a_conflict_opens_the_example_and_is_listed(store: LabelStore) -> None:
    animal = store.scheme.set_question(["cat", "dog"])
    names = store.append([answer("a", "yes", question=animal), answer("a", "oak", annotator="bob", minute=1), answer("b", "cat")])
    known = store.beliefs(["a", "b"])
    assert known.states == ["nothing", "exact"]
    assert known.conflicts.tolist() == [1, 0]
    listed = store.conflicts()
    assert listed["conflict"].to_pylist() == [0, 0]
    assert listed["answer_id"].to_pylist() == names[:2]
    store.append([answer("a", "elm", minute=5)])  # what comes later counts by itself
    assert store.labels().filter(pa.array([True, False]))["label"].to_pylist() == ["elm"]
    assert store.conflicts().num_rows == 2


def test_a_tie_is_unresolved_until_one_more_answer(store: LabelStore) -> None:
    store.append([answer("a", "cat"), answer("a", "dog", annotator="bob")])
    assert (store.beliefs(["a"]).states, store.beliefs(["a"]).unresolved.tolist()) == (["nothing"], [True])
    store.append([answer("a", "dog", annotator="cid")])
    assert (store.labels()["label"].to_pylist(), store.beliefs(["a"]).unresolved.tolist()) == (["dog"], [False])
    store.append([answer("a", "dog", minute=9)])  # ann thinks again: her later answer is her vote
    assert store.beliefs(["a"]).n_answers.tolist() == [3]


def test_beliefs_are_the_same_for_any_order_and_any_parts(tmp_path: Path) -> None:
    chance = random.Random(3)
    classes = ["cat", "dog", "oak", "elm"]
    rows = []
    made = LabelStore.create(tmp_path / "first", classes)
    made.ask({"example_id": list("abcdef")}, round=0)
    for number in range(120):
        if number % 2:
            said, question = chance.choice(classes), CLASS
        else:
            said, question = chance.choice(["yes", "no"]), made.scheme.set_question(chance.sample(classes, 2))
        rows.append(answer(chance.choice("abcdef"), said, chance.choice(["ann", "bob", "cid"]), question, minute=number // 3))
    made.append(rows)
    expected = made.labels()
    assert expected["n_conflicts"].to_numpy().sum() > 3
    assert len(set(expected["state"].to_pylist())) > 1
    for turn in range(3):
        other = LabelStore.create(tmp_path / f"other {turn}", classes)
        other.ask({"example_id": list("abcdef")}, round=0)
        chance.shuffle(rows)
        for start in range(0, len(rows), 17):
            other.append(rows[start : start + 17])
        assert other.labels() == expected
        assert other.conflicts() == made.conflicts()


def test_whole_numbers_as_keys_and_classes(tmp_path: Path) -> None:
    made = LabelStore.create(tmp_path / "digits", np.arange(10), key="integer")
    made.ask(pl.DataFrame({"example_id": [11, 12], "score": [0.5, 0.2], "guess": [3, None]}), round=0)
    made.append(pl.DataFrame({"example_id": [11], "question": [CLASS], "answer": [7], "annotator": ["ann"]}))
    table = made.labels()
    assert table.schema.field("example_id").type == table.schema.field("label").type == pa.int64()
    assert table["label"].to_pylist() == [7]
    assert made.questions()["guess"].to_pylist() == ["3", None]


def test_spans_become_tags(tmp_path: Path) -> None:
    made = LabelStore.create(tmp_path / "names", ["PER", "LOC"], kind="spans")
    with pytest.raises(UsageError, match="added .add_examples., got 1 unknown: 's1'"):
        made.ask({"example_id": ["s1"]}, round=0)
    made.add_examples({"example_id": ["s1", "s2"], "words": [["Ada", "Byron", "in", "London"], ["Nobody"]]})
    made.ask({"example_id": ["s1", "s2"], "cost": [4, 1]}, round=0, budget=5)
    question = made.questions()["question"].to_pylist()[0]
    made.append([answer("s1", [[3, 4, "LOC"], [0, 2, "PER"]], question=question), answer("s2", [], question=question)])
    assert made.labels()["label"].to_pylist() == [["B-PER", "I-PER", "O", "B-LOC"], ["O"]]
    made.append([answer("s1", [], "bob", question=question)])
    assert made.labels()["unresolved"].to_pylist() == [True, False]
    for broken in ([[0, 5, "PER"]], [[0, 2, "PER"], [1, 3, "LOC"]], [[2, 2, "PER"]], [[0, 1, "ORG"]], "no", 7):
        with pytest.raises(UsageError, match="Expected"):
            made.append([answer("s1", broken, question=question)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": "cow"}, "among the classes 'cat', 'dog', 'oak', 'elm', got 'cow'"),
        ({"answer": "dgo"}, "Did you mean 'dog'?"),
        ({"example_id": "zz"}, "got 1 unknown: 'zz'"),
        ({"example_id": None}, "got a missing or empty one"),
        ({"example_id": ""}, "got a missing or empty one"),
        ({"example_id": 3}, "keys of examples of kind text"),
        ({"annotator": ""}, "name of an annotator, got ''"),
        ({"annotator": None}, "name of an annotator, got None"),
        ({"question": "which?"}, "Expected the question"),
        ({"question": '{"kind":"set","classes":["cat","cow"]}'}, "got 'cow'"),
        ({"question": '{"kind":"set","classes":[]}'}, "about 0"),
        ({"question": '{"kind":"set","classes":["cat"]}', "answer": "cat"}, "'yes' or 'no'"),
        ({"answered_at": datetime(2024, 1, 1)}, "a moment with its zone"),
        ({"answered_at": "yesterday"}, "a moment with its zone"),
        ({"answered_at": datetime.now(UTC) + timedelta(hours=1)}, "the moment of an answer, got one to come"),
        ({"seconds": -1.0}, "seconds that the answer took"),
        ({"seconds": float("nan")}, "seconds that the answer took"),
        ({"round": -1}, "number of a round"),
        ({"round": 10**30}, "number of a round"),
        ({"seconds": 10**400}, "seconds that the answer took"),
        ({"annotator": "\ud800"}, "name of an annotator"),
        ({"model": 5}, "'model' as a text, or nothing, got 5"),
        ({"replaces": 5}, "'replaces' as a text, or nothing, got 5"),
        ({"example_id": "\udfff"}, "keys of examples of kind text"),
        ({"replaces": "nothing"}, "`replaces` to be an answer_id of example 'a'"),
        ({"anotator": "x"}, "Did you mean 'annotator'?"),
    ],
)
def test_a_broken_row_is_refused_with_all_that_came_with_it(store: LabelStore, change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        store.append([answer("b", "dog"), {**answer("a", "cat"), **change}])
    assert message in str(caught.value)
    assert store.answers().num_rows == 0
    assert not Path(store.place, "answers").exists()


def test_what_is_answered_last_counts_last_though_another_machines_clock_is_ahead(store: LabelStore) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=4)
    store.append([{**answer("a", "cat"), "answered_at": ahead}, answer("b", "cat")])
    for example in "ab":
        store.append({"example_id": [example], "question": [CLASS], "answer": ["dog"], "annotator": ["ann"]})
    assert store.labels()["label"].to_pylist() == ["dog", "dog"]
    told = dict(zip(store.answers()["answer_id"].to_pylist(), store.answers().to_pylist(), strict=True))
    later = {row["example_id"]: row["answered_at"] for row in told.values() if row["answer"] == "dog"}
    assert later["a"] == ahead + timedelta(microseconds=1)
    assert abs(later["b"] - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("rows", [5, None, "abc", pl.Series([1])])
def test_what_is_no_rows_is_refused(store: LabelStore, rows: object) -> None:
    with pytest.raises(UsageError, match=f"Expected rows as a mapping of columns.* got {type(rows).__name__}"):
        store.append(rows)


@pytest.mark.parametrize(("column", "value"), [("cost", "x"), ("cost", -1), ("cost", float("nan")), ("score", "x")])
def test_a_question_has_numbers(store: LabelStore, column: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"{column}s of questions that are numbers.*got {value!r}"):
        store.ask({"example_id": ["k"], column: [value]}, round=1)


def test_a_round_has_a_question(store: LabelStore) -> None:
    with pytest.raises(UsageError, match="questions for round 1, got none"):
        store.ask({"example_id": []}, round=1)
    assert store.next_round == 0


def test_an_answer_cannot_replace_one_of_another_example(store: LabelStore) -> None:
    [name] = store.append([answer("a", "cat")])
    with pytest.raises(UsageError, match="answer_id of example 'b'"):
        store.append([answer("b", "cat", replaces=name)])


def test_the_hold_out_is_never_asked_about_nor_answered(store: LabelStore) -> None:
    store.hold_out(["h", "i"])
    with pytest.raises(UsageError, match="outside the hold-out, got 1 of it: 'h'"):
        store.ask({"example_id": ["h", "k"]}, round=1)
    store.add_examples({"example_id": ["i"]})
    with pytest.raises(UsageError, match="outside the hold-out, got 1 of it: 'i'"):
        store.append([answer("i", "cat")])
    with pytest.raises(UsageError, match="never asked about as a hold-out, got 1 asked about: 'a'"):
        store.hold_out(["a", "z"])
    assert store.held_out().to_pylist() == ["h", "i"]
    assert store.round(1) is None


def test_a_round_stands_once_it_is_recorded(store: LabelStore) -> None:
    chosen = {"example_id": ["b", "a"], "score": [0.9, 0.3]}
    first = store.ask(chosen, round=1, seed=1, model="m1", pool="p", strategy="entropy", budget=20.0)
    again = LabelStore(store.place).ask({"example_id": ["f"]}, round=1, seed=1, model="m1", pool="p")
    assert again.questions == first.questions
    assert again.questions["example_id"].to_pylist() == ["b", "a"]
    assert {name: again.record[name] for name in ("seed", "model", "pool", "strategy", "budget")} == {
        "seed": 1, "model": "m1", "pool": "p", "strategy": "entropy", "budget": 20.0
    }  # fmt: skip
    with pytest.raises(UsageError, match="Round 1 was begun with model 'm1', got 'm2'"):
        store.ask(chosen, round=1, seed=1, model="m2", pool="p")
    with pytest.raises(UsageError, match="each question of a round once"):
        store.ask({"example_id": ["a", "a"]}, round=2)
    store.ask({"example_id": ["c"]}, round=1, part=1)
    assert [(one.number, one.part) for one in store.rounds()] == [(0, 0), (1, 0), (1, 1)]


def test_examples_are_kept_once_with_what_is_shown(store: LabelStore) -> None:
    store.add_examples({"example_id": ["a", "b"], "text": ["one", "two"]})
    store.add_examples({"example_id": ["b", "c"], "text": ["other", "three"], "row": [None, {"x": 1}]})
    assert store.examples().select(["example_id", "text", "row"]).to_pydict() == {
        "example_id": ["a", "b", "c"], "text": ["one", "two", "three"], "row": [None, None, json.dumps({"x": 1})]
    }  # fmt: skip


def test_a_store_is_for_its_classes(store: LabelStore, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Name another place"):
        LabelStore.create(store.place, ["cat", "dog"])
    with pytest.raises(UsageError, match="got none. Make one"):
        LabelStore(tmp_path / "nothing")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds something else"):
        LabelStore.create(tmp_path / "full", ["cat", "dog"])


def test_a_damaged_part_is_told(store: LabelStore) -> None:
    store.append([answer("a", "cat")])
    part = next(Path(store.place, "answers").iterdir())
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(SourceError, match=f"{part.name}: expected a whole part"):
        LabelStore(store.place).answers()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((UsageError, SinkError)):
        LabelStore.create(tmp_path / "file", ["cat", "dog"])


def test_at_an_address_of_fsspecs() -> None:
    made = LabelStore.create("memory://labels-of-a-test", ["cat", "dog"])
    made.ask({"example_id": ["a"]}, round=0)
    made.append([answer("a", "cat")])
    assert LabelStore("memory://labels-of-a-test").labels()["label"].to_pylist() == ["cat"]


WRITER = """
import sys
from datetime import datetime, timedelta, timezone
from gpupipe.active.store import LabelStore
store, name = LabelStore(sys.argv[1]), sys.argv[2]
for number in range(int(sys.argv[3])):
    at = datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=number)
    store.append([{"example_id": "abcdef"[(number + turn) % 6], "question": '{"kind":"class"}', "answer": "cat",
                   "annotator": name, "answered_at": at + timedelta(milliseconds=turn)} for turn in range(3)])
    print(number, flush=True)
"""


def writer(store: LabelStore, name: str, n_parts: int) -> subprocess.Popen[str]:
    started = subprocess.Popen([sys.executable, "-c", WRITER, store.place, name, str(n_parts)], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    return started


def test_writers_that_are_killed_leave_whole_parts_and_begin_again(store: LabelStore) -> None:
    n_parts = 20
    killed = [writer(store, name, n_parts) for name in ("ann", "bob")]
    for one, n_told in zip(killed, (3, 11), strict=True):
        assert one.stdout is not None
        assert [one.stdout.readline() for _ in range(n_told)][-1] == f"{n_told - 1}\n"
        one.send_signal(signal.SIGKILL)  # in the midst of the next part
        one.communicate()
    kept = LabelStore(store.place).answers()
    assert 3 * (3 + 11) <= kept.num_rows < 2 * 3 * n_parts
    counts = kept.group_by("annotator").aggregate([("answer", "count")])["answer_count"].to_pylist()
    assert all(count % 3 == 0 for count in counts)  # a part is there whole or not at all
    again = [writer(store, name, n_parts) for name in ("ann", "bob")]  # all at once, the killed ones from the beginning
    assert all(one.communicate()[0].endswith(f"{n_parts - 1}\n") and one.returncode == 0 for one in again)
    assert LabelStore(store.place).answers().num_rows == 2 * 3 * n_parts
    left = [path for path in Path(store.place, "answers").iterdir() if path.suffix != ".parquet"]
    assert left == []  # what the killed ones had begun was swept
    assert sum(pq.read_metadata(path).num_rows for path in Path(store.place, "answers").iterdir()) == 2 * 3 * n_parts


ASKER = """
import sys
from gpupipe.active.store import LabelStore
store = LabelStore(sys.argv[1])
mine = store.ask({"example_id": [sys.argv[2]]}, round=9, seed=1)
print(mine.questions["example_id"].to_pylist()[0], flush=True)
"""


def test_of_rounds_begun_at_once_one_stands(store: LabelStore) -> None:
    started = [subprocess.Popen([sys.executable, "-c", ASKER, store.place, name], stdout=subprocess.PIPE, text=True) for name in "ab"]
    told = {one.communicate()[0] for one in started}
    assert len(told) == 1
    assert store.questions().filter(pa.compute.equal(store.questions()["round"], 9)).num_rows == 1
