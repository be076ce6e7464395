"""Files of other tools, in the form that they write and read."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gpupipe.active.exchange import export_labels, import_labels
from gpupipe.active.scheme import CLASS
from gpupipe.active.store import LabelStore
from gpupipe.core.errors import SinkError, SourceError, UsageError

# As Label Studio exports "JSON": the fields of its guide ("Label Studio JSON format of annotated tasks") and of its SDK's own test files.
TASK: dict[str, Any] = {
    "id": 6141,
    "annotations": [
        {
            "id": 18047, "completed_by": {"id": 14, "email": "ann@example.org", "first_name": "", "last_name": ""},
            "result": [
                {"id": "d1uG", "type": "choices", "value": {"choices": ["Positive"]}, "origin": "manual", "to_name": "text",
                 "from_name": "sentiment"}
            ],
            "reviews": [], "was_cancelled": False, "ground_truth": False, "created_at": "2024-05-15T12:09:16.789536Z",
            "updated_at": "2024-05-15T12:09:16.789563Z", "draft_created_at": None, "lead_time": 1.849, "prediction": {}, "result_count": 0,
            "unique_id": "de253957", "import_id": None, "last_action": "submitted", "task": 6141, "project": 24,
        },
        {"id": 18048, "completed_by": 15, "result": [], "was_cancelled": True, "created_at": "2024-05-16T00:00:00Z", "lead_time": 0.5},
    ],
    "file_upload": "text_data10.json", "drafts": [], "predictions": [], "agreement": 100, "data": {"text": "It was a good film"},
    "meta": {}, "created_at": "2024-05-15T12:08:36.422297Z", "updated_at": "2024-05-15T12:09:16.934164Z", "inner_id": 1,
}  # fmt: skip
WORDS: dict[str, Any] = {
    "id": 1,
    "annotations": [
        {
            "id": 9, "completed_by": 1, "was_cancelled": False, "created_at": "2024-01-01T00:00:00Z", "lead_time": 3.0,
            "result": [
                {"value": {"start": 18, "end": 24, "labels": ["LOC"]}, "id": "g0", "from_name": "ner", "to_name": "text", "type": "labels"},
                {"value": {"start": 0, "end": 9, "text": "Ada Byron", "labels": ["PER"]}, "id": "g1", "from_name": "ner", "to_name": "text",
                 "type": "labels"},
            ],
        }
    ],
    "data": {"text": "Ada Byron left to London."}, "predictions": [],
}  # fmt: skip
# As Argilla 2 writes `dataset.records.to_json`: a list of `Record.to_dict`.
RECORD: dict[str, Any] = {
    "id": "r1", "fields": {"text": "Ada Byron left to London ."}, "metadata": {}, "vectors": {}, "_server_id": "0e0b",
    "suggestions": {"sentiment": {"value": "Negative", "score": 0.7, "agent": "m1"}},
    "responses": {"sentiment": [{"value": "Positive", "user_id": "u1"}, {"value": "Negative", "user_id": "u2"}]},
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    return LabelStore.create(tmp_path / "labels", ["Positive", "Negative"])


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def said(store: LabelStore) -> list[tuple[Any, ...]]:
    names = ("example_id", "answer", "annotator", "seconds")
    return list(zip(*(store.answers()[name].to_pylist() for name in names), strict=True))


def test_tasks_of_label_studio(store: LabelStore, tmp_path: Path) -> None:
    path = write(tmp_path / "export.json", json.dumps([TASK]))
    with pytest.raises(UsageError, match="unknown: '6141'"):
        import_labels(store, path, "label_studio")
    for _ in range(2):
        assert import_labels(store, path, "label_studio", add_examples=True) == {"examples": 1, "answers": 2, "left_out": 0}
    assert said(store) == [("6141", "Positive", "ann@example.org", 1.849), ("6141", None, "15", 0.5)]
    assert store.answers()["answered_at"].to_pylist()[0].isoformat() == "2024-05-15T12:09:16.789563+00:00"
    assert store.examples()["text"].to_pylist() == ["It was a good film"]
    lines = write(tmp_path / "export.jsonl", json.dumps(TASK) + "\n\n")
    assert import_labels(store, lines, "label_studio", question="sentiment")["answers"] == 2
    assert store.answers().num_rows == 2
    assert import_labels(store, lines, "label_studio", question="other") == {"examples": 1, "answers": 1, "left_out": 1}


def test_words_of_label_studio(tmp_path: Path) -> None:
    store = LabelStore.create(tmp_path / "names", ["PER", "LOC"], kind="spans", key="integer")
    store.add_examples({"example_id": [1], "words": [["Ada", "Byron", "left", "to", "London", "."]]})
    path = write(tmp_path / "ner.json", json.dumps([WORDS]))
    assert import_labels(store, path, "label_studio")["answers"] == 1
    assert store.labels()["label"].to_pylist() == [["B-PER", "I-PER", "O", "O", "B-LOC", "O"]]
    cut = json.loads(json.dumps(WORDS))
    cut["annotations"][0]["result"][0]["value"]["end"] = 22
    with pytest.raises(UsageError, match="spans of whole words, got 'Lond'"):
        import_labels(store, write(tmp_path / "cut.json", json.dumps([cut])), "label_studio")


def test_records_of_argilla(store: LabelStore, tmp_path: Path) -> None:
    for path in (write(tmp_path / "r.json", json.dumps([RECORD])), write(tmp_path / "r.jsonl", json.dumps(RECORD))):
        os.utime(path, (1_700_000_000, 1_700_000_000))
        assert import_labels(store, path, "argilla", add_examples=True) == {"examples": 1, "answers": 2, "left_out": 0}
    assert sorted(said(store)) == [("r1", "Negative", "u2", None), ("r1", "Positive", "u1", None)]
    assert store.beliefs(["r1"]).unresolved.tolist() == [True]
    more = {**RECORD, "responses": {**RECORD["responses"], "topic": [{"value": "film", "user_id": "u1"}]}}
    with pytest.raises(UsageError, match="question='sentiment'"):
        import_labels(store, write(tmp_path / "two.json", json.dumps([more])), "argilla")
    assert import_labels(store, tmp_path / "two.json", "argilla", question="sentiment")["left_out"] == 1


def test_spans_of_argilla(tmp_path: Path) -> None:
    store = LabelStore.create(tmp_path / "names", ["PER", "LOC"], kind="spans")
    spans = [{"start": 0, "end": 9, "label": "PER"}, {"start": 18, "end": 24, "label": "LOC"}]
    record = {**RECORD, "suggestions": {}, "responses": {"span": [{"value": spans, "user_id": "u1"}]}}
    import_labels(store, write(tmp_path / "r.json", json.dumps([record])), "argilla", add_examples=True)
    assert store.labels()["label"].to_pylist() == [["B-PER", "I-PER", "O", "O", "B-LOC", "O"]]


ODD = [
    'quote " and , ;',
    "two\r\nlines\nand\rmore",
    "\u05e9\u05dc\u05d5\u05dd \u202e",
    "sep\u2028\u2029\x85\x0b\x0c",
    "=1+1",
    " spaces ",
    "NaN",
    "\ufeffbom",
    "\\n",
    "\U0001f600",
]


@pytest.mark.parametrize("form", ["label_studio", "argilla", "csv"])
def test_odd_texts_come_back_as_they_were(tmp_path: Path, form: Any) -> None:
    """Keys, classes and names of annotators with quotes, ends of lines of every kind, right-to-left marks."""
    store = LabelStore.create(tmp_path / "one", ODD)
    store.add_examples({"example_id": [f"id {text}" for text in ODD], "text": ODD})
    keys, said = [f"id {text}" for text in ODD], ODD[1:] + ODD[:1]
    store.append({"example_id": keys, "question": [CLASS] * len(ODD), "answer": said, "annotator": [f"who {text}" for text in ODD]})
    export_labels(store, tmp_path / "file", form)
    other = LabelStore.create(tmp_path / "other", ODD)
    for _ in range(2):
        import_labels(other, tmp_path / "file", form, add_examples=True)
    columns = ["example_id", "answer", "annotator"]
    assert other.answers().select(columns).sort_by("example_id") == store.answers().select(columns).sort_by("example_id")
    if form != "csv":  # which has answers alone
        assert sorted(other.examples()["text"].to_pylist()) == sorted(ODD)


@pytest.fixture(params=["class", "spans"])
def full(request: pytest.FixtureRequest, tmp_path: Path) -> LabelStore:
    """Return a store with answers, a guess, an example that nobody has answered, and a withdrawn answer."""
    is_class = request.param == "class"
    made = LabelStore.create(tmp_path / "full", ["PER", "LOC"], kind=request.param)
    made.add_examples({"example_id": ["a", "b", "c"], "words": [["Ada", "left", "London"], ["Nobody", "came"], ["So", "what"]]})
    made.ask(
        {"example_id": ["a", "b", "c"], "guess": ["LOC", None, None] if is_class else ['[[2,3,"LOC"]]', None, None]}, round=0, model="m1"
    )
    told = ["PER", "LOC"] if is_class else [[[0, 1, "PER"], [2, 3, "LOC"]], []]
    question = made.questions()["question"].to_pylist()[0]
    rows = [
        {"example_id": one, "answer": answer, "annotator": who} for one, answer in zip("ab", told, strict=True) for who in ("ann", "bob")
    ]
    names = made.append([{**row, "question": question, "answered_at": "2024-01-01T00:00:00Z", "seconds": 2.0} for row in rows])
    made.append([{**rows[-1], "question": question, "answer": None, "replaces": names[-1], "answered_at": "2024-01-02T00:00:00Z"}])
    return made


@pytest.mark.parametrize("form", ["label_studio", "argilla", "csv"])
def test_there_and_back(full: LabelStore, tmp_path: Path, form: Any) -> None:
    path = tmp_path / f"out.{form}"
    told = export_labels(full, path, form)
    assert told == ({"examples": 2, "answers": 5, "left_out": 0} if form == "csv" else {"examples": 3, "answers": 3, "left_out": 0})
    again = LabelStore.create(tmp_path / "again", ["PER", "LOC"], kind=full.scheme.kind)
    if form == "csv":
        again.add_examples(full.examples())
    import_labels(again, path, form, add_examples=form != "csv")
    assert again.labels() == full.labels()
    with pytest.raises(SinkError, match="Expected a new file"):
        export_labels(full, path, form)


def test_what_is_written_for_label_studio_and_argilla(full: LabelStore, tmp_path: Path) -> None:
    export_labels(full, tmp_path / "ls.json", "label_studio")
    first = json.loads((tmp_path / "ls.json").read_text())[0]
    assert first["data"] == {"example_id": "a", "text": "Ada left London"}
    [prediction] = first["predictions"]
    assert (prediction["model_version"], len(first["annotations"])) == ("m1", 2)
    if full.scheme.kind == "class":
        assert prediction["result"][0]["value"] == {"choices": ["LOC"]}
    else:
        assert prediction["result"][0]["value"] == {"start": 9, "end": 15, "text": "London", "labels": ["LOC"]}
    export_labels(full, tmp_path / "records.jsonl", "argilla")
    record = json.loads((tmp_path / "records.jsonl").read_text().splitlines()[0])
    assert list(record) == ["id", "fields", "metadata", "suggestions", "responses", "vectors", "_server_id"]
    assert sorted(one["user_id"] for one in record["responses"]["label"]) == ["ann", "bob"]


def test_answers_about_sets_stand_in_the_table_alone(store: LabelStore, tmp_path: Path) -> None:
    store.ask({"example_id": ["a"]}, round=0)
    question = store.scheme.set_question(["Positive"], "good, or not")
    store.append({"example_id": ["a"], "question": [question], "answer": ["no"], "annotator": ["ann"]})
    assert export_labels(store, tmp_path / "ls.json", "label_studio")["left_out"] == 1
    export_labels(store, tmp_path / "t.csv", "csv")
    with (tmp_path / "t.csv").open(newline="") as stream:
        assert [row["question"] for row in csv.DictReader(stream)] == [question]


def test_a_table_from_a_spreadsheet(store: LabelStore, tmp_path: Path) -> None:
    store.ask({"example_id": ["a", "b"]}, round=0)
    path = write(tmp_path / "t.csv", "\ufeffexample_id,annotator,answer,note\r\na,ann,Positive,easy\r\nb,ann,,\r\n")
    for _ in range(2):
        assert import_labels(store, path, "csv") == {"examples": 2, "answers": 2, "left_out": 0}
    assert sorted(said(store)) == [("a", "Positive", "ann", None), ("b", None, "ann", None)]
    with pytest.raises(UsageError, match="got none of the name 'annotator'"):
        import_labels(store, write(tmp_path / "u.csv", "example_id,answer\na,Positive\n"), "csv")


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("label_studio", "{"), ("label_studio", "[1]"), ("label_studio", '[{"id": 1}]'),
        ("label_studio", '[{"id":1,"data":[],"annotations":[{}]}]'),
        ("argilla", "[{}]"), ("argilla", '[{"id":"a","fields":{},"responses":{"x":[{"value":"Positive"}]}}]'), ("argilla", "[[1]]"),
        ("csv", 'example_id,answer,annotator\n"a'),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_told(store: LabelStore, tmp_path: Path, form: Any, text: str) -> None:
    with pytest.raises(SourceError, match=f"expected a file of form '{form}'"):
        import_labels(store, write(tmp_path / "file", text), form)
    assert store.answers().num_rows == 0


def test_other_mistakes(store: LabelStore, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        import_labels(store, tmp_path / "none.json", "label_studio")
    with pytest.raises(UsageError, match="Did you mean 'label_studio'"):
        export_labels(store, tmp_path / "x", "label-studio")  # type: ignore[arg-type]
    two = json.loads(json.dumps(TASK))
    two["annotations"][0]["result"][0]["value"]["choices"].append("Negative")
    with pytest.raises(UsageError, match="one class for each answer, got 2"):
        import_labels(store, write(tmp_path / "two.json", json.dumps([two])), "label_studio")
    store.ask({"example_id": ["a"], "question": [CLASS]}, round=0)
    with pytest.raises(UsageError, match="among the classes"):
        import_labels(store, write(tmp_path / "t.csv", "example_id,annotator,answer\na,ann,Good\n"), "csv")
