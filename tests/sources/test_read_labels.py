from collections.abc import Callable
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest

import gpupipe as gp
from gpupipe.active.scheme import CLASS
from gpupipe.active.store import LabelStore
from gpupipe.core.errors import UsageError


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    made = LabelStore.create(tmp_path / "labels", ["cat", "dog", "oak"])
    animal = made.scheme.set_question(["cat", "dog"])
    made.ask({"example_id": ["a", "b", "c"], "question": [None, animal, None]}, round=0)
    made.append({"example_id": ["a", "b"], "question": [CLASS, animal], "answer": ["oak", "yes"], "annotator": ["ann", "ann"]})
    return made


def test_labels_on_every_engine(store: LabelStore, read: Callable[..., pa.Table]) -> None:
    made = read(gp.ReadLabels(store.place))
    assert made.sort_by("example_id").to_pylist() == [
        {"example_id": "a", "label": "oak", "state": "exact", "possible": ["oak"],
         "n_answers": 1, "unresolved": False, "n_conflicts": 0},
        {"example_id": "b", "label": None, "state": "partial", "possible": ["cat", "dog"],
         "n_answers": 1, "unresolved": False, "n_conflicts": 0},
    ]  # fmt: skip
    assert read(gp.ReadLabels(store.place, what="answers"), ["annotator"])["annotator"].to_pylist() == ["ann", "ann"]


@pytest.mark.parametrize("what", ["answers", "questions", "waiting", "votes", "conflicts", "examples"])
def test_every_table_has_its_columns(store: LabelStore, what: str) -> None:
    source = gp.ReadLabels(store.place, what=what)  # type: ignore[arg-type]
    made = gp.Pipeline("p", {"rows": source.node()}).run(engine="cpu")["rows"]
    assert list(made.columns) == list(source.schema())


def test_joined_with_a_pool(store: LabelStore, engine: str) -> None:
    pool = gp.FromFrame(pl.DataFrame({"example_id": ["a", "b", "c"], "x": [1, 2, 3]})).node()
    joined = gp.Join(on="example_id")(pool, gp.Select("example_id", "label")(gp.ReadLabels(store.place).node()))
    made = gp.Pipeline("p", {"rows": gp.SortRows("x")(joined)}).run(engine=engine)["rows"]
    assert nw.from_native(made["label"], series_only=True).drop_nulls().to_list() == ["oak"]


def test_its_fingerprint_changes_with_an_answer(store: LabelStore) -> None:
    source = gp.ReadLabels(store.place)
    before = source.fingerprint()
    assert before == gp.ReadLabels(store.place).fingerprint()
    store.append({"example_id": ["c"], "question": [CLASS], "answer": ["cat"], "annotator": ["ann"]})
    assert source.fingerprint() != before


def test_bad_options(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'answers'"):
        gp.ReadLabels("x", what="answer")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="got none. Make one"):
        gp.ReadLabels(tmp_path / "none").schema()
