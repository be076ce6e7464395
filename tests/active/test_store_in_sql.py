"""The store in a database: the same answers as in a folder, and many writers."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gpupipe.active.scheme import CLASS
from gpupipe.active.store import LabelStore
from gpupipe.core.errors import SinkError, SourceError, UsageError

AT = datetime(2024, 1, 1, 12, 30, 0, 250_000, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database without a label store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/labels.db"
    address: str = request.getfixturevalue("postgres")
    from adbc_driver_postgresql import dbapi  # local: only here

    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        for name in ("scheme", "examples", "answers", "holdout", "rounds", "questions"):
            cursor.execute(f"DROP TABLE IF EXISTS gpupipe_label_{name}")
        connection.commit()
    return address


def fill(store: LabelStore) -> None:
    store.add_examples({"example_id": ["a", "b"], "text": ["meow", None], "image": [None, b"\x89PNG"], "words": [["me", "ow"], None]})
    store.hold_out(["h"])
    animal = store.scheme.set_question(["cat", "dog"])
    store.ask({"example_id": ["a", "b"], "question": [None, animal], "score": [None, 0.25], "guess": ["cat", None]}, round=0, seed=3)
    store.ask({"example_id": ["c"]}, round=1, budget=2.5)
    told: list[dict[str, Any]] = [
        {"example_id": "a", "question": CLASS, "answer": "cat", "annotator": "ann", "answered_at": AT, "seconds": 1.5, "round": 0},
        {"example_id": "b", "question": animal, "answer": "no", "annotator": "böb", "answered_at": AT, "asked_at": AT},
    ]
    [first, _] = store.append(told)
    store.append(
        {"example_id": ["a"], "question": [CLASS], "answer": [None], "annotator": ["ann"], "answered_at": [AT], "replaces": [first]}
    )


def test_the_same_as_in_a_folder(place: str, tmp_path: Path) -> None:
    stores = LabelStore.create(place, ["cat", "dog", "oak"]), LabelStore.create(tmp_path / "folder", ["cat", "dog", "oak"])
    for store in stores:
        fill(store)
    in_sql, in_folder = LabelStore(place), LabelStore(tmp_path / "folder")
    assert in_sql.answers() == in_folder.answers()
    assert in_sql.examples() == in_folder.examples()
    assert in_sql.labels() == in_folder.labels()
    assert in_sql.held_out() == in_folder.held_out()
    assert in_sql.questions().drop_columns("asked_at") == in_folder.questions().drop_columns("asked_at")
    assert [one.record["seed"] for one in in_sql.rounds()] == [3, None]
    with pytest.raises(UsageError, match="begun with seed 3, got 4"):
        in_sql.ask({"example_id": ["a"]}, round=0, seed=4)


WRITER = """
import sys
from datetime import datetime, timedelta, timezone
from gpupipe.active.store import LabelStore
store = LabelStore.create(sys.argv[1], ["cat", "dog"])
mine = store.ask({"example_id": ["x", sys.argv[2]]}, round=0)
for number in range(8):
    at = datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=number)
    store.append([{"example_id": "x", "question": '{"kind":"class"}', "answer": "cat", "annotator": sys.argv[2], "answered_at": at}])
"""


def test_writers_at_once(place: str) -> None:
    started = [subprocess.Popen([sys.executable, "-c", WRITER, place, name], stderr=subprocess.PIPE, text=True) for name in ("ann", "bob")]
    assert [one.communicate()[1] for one in started] == ["", ""]
    store = LabelStore(place)
    assert store.answers().num_rows == 16
    assert store.questions().num_rows == 2
    assert store.beliefs(["x"]).n_answers.tolist() == [2]


def test_refused(place: str) -> None:
    with pytest.raises(UsageError, match="got none. Make one"):
        LabelStore(place)
    LabelStore.create(place, [1, 2], key="integer")
    with pytest.raises(UsageError, match="Name another place"):
        LabelStore.create(place, ["cat", "dog"])


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises((SourceError, SinkError), match=r"postgresql://me:\*\*\*@"):
        LabelStore.create("postgresql://me:secret-word@127.0.0.1:1/none", ["cat", "dog"])
