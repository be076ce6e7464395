"""What the labelling page asks and answers: questions out, answers in, none of them twice.

A browser sends what it has until it is told that it was kept, so the same answer may come again, from another tab, or long after: it is
the same row and is kept once. Where somebody has answered a question in one tab, what another tab says of it is not kept, and the tab is
told so. Taking an answer back adds its withdrawal.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.active.rows import checked_answers
from gpupipe.active.store import LabelStore
from gpupipe.core.errors import UsageError

_LEASE_SECONDS = 300
_IMAGES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"RIFF": "webp"}
_KEYS = "123456789abcdefghijklmnopqrstuvwxyz"


class Desk:
    """Questions and answers of one store, for any number of tabs and annotators.

    Parameters
    ----------
    annotator
        Whom the page takes somebody for who does not say otherwise.
    """

    def __init__(self, store: LabelStore, annotator: str) -> None:
        self.store = store
        self.annotator = annotator
        self._lock = threading.Lock()
        self._leases: dict[tuple[str, str], tuple[str, float]] = {}

    def facts(self) -> dict[str, Any]:
        """Return what the page needs to know of the store, and the time here, by which it dates answers: a browser's clock may be wrong."""
        scheme = self.store.scheme
        name = hashlib.blake2b(f"{self.store.identity} {json.dumps(scheme.as_json())}".encode(), digest_size=8).hexdigest()
        keys = keys_of([str(one) for one in scheme.classes])
        classes = [{"name": str(one), "key": key} for one, key in zip(scheme.classes, keys, strict=True)]
        told = {"store": name, "place": self.store.place, "kind": scheme.kind, "classes": classes, "annotator": self.annotator}
        return {**told, "now": datetime.now(UTC).isoformat()}

    def questions(self, annotator: str, tab: str, most: int, without: Sequence[str] = ()) -> dict[str, Any]:
        """Return some questions that wait for an annotator, those first that no other tab of theirs has, and how far they are.

        Parameters
        ----------
        without
            Questions that the tab has an answer to already.
        """
        _require_name(annotator)
        with self._lock:
            waiting = self.store.waiting(annotator)
            open_ = waiting.filter(pc.invert(pc.is_in(waiting["question_id"], pa.array(list(without), pa.large_string()))))
            names = open_["question_id"].to_pylist()
            now = time.monotonic()
            taken = [self._is_elsewhere(annotator, name, tab, now) for name in names]
            chosen = sorted(range(len(names)), key=lambda at: taken[at])[: max(0, most)]
            self._leases = {key: lease for key, lease in self._leases.items() if lease[0] != tab and lease[1] > now}
            self._leases.update({(annotator, names[at]): (tab, now + _LEASE_SECONDS) for at in chosen})
            rows = open_.take(pa.array(chosen, pa.int64())).to_pylist()
            return {"questions": self._shown(rows), "progress": self._progress(waiting)}

    def _is_elsewhere(self, annotator: str, name: str, tab: str, now: float) -> bool:
        """Whether another tab of the annotator has a question."""
        owner, until = self._leases.get((annotator, name), (tab, now))
        return owner != tab and until > now

    def _shown(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return questions as the page shows them; the model's guess is not among it."""
        examples = self.store.examples()
        wanted = pa.array([row["example_id"] for row in rows], self.store.scheme.id_type)
        held = {one["example_id"]: one for one in examples.filter(pc.is_in(examples["example_id"], wanted)).to_pylist()}
        return [
            {
                "question_id": row["question_id"],
                "example_id": str(row["example_id"]),
                "question": json.loads(row["question"]),
                "round": row["round"],
                "has_guess": row["guess"] is not None,
                "example": _example(held.get(row["example_id"], {})),
            }
            for row in rows
        ]

    def progress(self, annotator: str) -> dict[str, Any]:
        """Return how far an annotator is."""
        with self._lock:
            return self._progress(self.store.waiting(annotator))

    def _progress(self, waiting: pa.Table) -> dict[str, Any]:
        """Return how far the rounds are that something waits in, or else the last one: in questions, and in cost of the budget."""
        rounds = self.store.rounds()
        numbers = set(waiting["round"].to_pylist()) or {one.number for one in rounds[-1:]}
        asked = [one for one in rounds if one.number in numbers]
        n_all, cost = sum(one.questions.num_rows for one in asked), sum(pc.sum(one.questions["cost"]).as_py() or 0.0 for one in asked)
        budget = sum(one.record["budget"] or pc.sum(one.questions["cost"]).as_py() or 0.0 for one in asked)
        left = pc.sum(waiting["cost"]).as_py() or 0.0
        return {"round": max(numbers, default=None), "done": n_all - waiting.num_rows, "of": n_all, "spent": cost - left, "budget": budget}

    def guess(self, question_id: str) -> str | None:
        """Return what the model would answer."""
        found = self._question(question_id)
        return None if found is None else found["guess"]

    def _question(self, question_id: str) -> Mapping[str, Any] | None:
        """Return a question by its name."""
        questions = self.store.questions()
        found = questions.filter(pc.equal(questions["question_id"], question_id)).to_pylist()
        return found[0] if found else None

    def take(self, answers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return what became of each answer: ``"kept"``, ``"refused"``, or ``"elsewhere"``: they have answered it in another tab.

        Parameters
        ----------
        answers
            Each with a ``key`` of the tab's own, ``question_id``, ``annotator``, ``answer`` (None where it was skipped), ``answered_at``,
            ``seconds``, and, where it was taken back, ``undone_at``.
        """
        with self._lock:
            return [{"key": answer.get("key"), **self._take(answer)} for answer in answers]

    def _take(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return what became of one answer; raise what keeps a store from being written, so that the browser sends the answer again."""
        try:
            return self._kept(answer)
        except (UsageError, TypeError) as error:
            return {"status": "refused", "reason": str(error)}

    def _kept(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Keep an answer, and its withdrawal where it was taken back."""
        question = self._question(str(answer.get("question_id")))
        if question is None:
            raise UsageError(f"Expected an answer to a question of this store, got one to {answer.get('question_id')!r}.")
        if answer.get("answered_at") is None:
            raise UsageError("Expected the moment of the answer, got none.")
        copied = {name: question[name] for name in ("example_id", "question", "round", "model", "asked_at")}
        row = {**copied, **{name: answer.get(name) for name in ("annotator", "answer", "answered_at", "seconds")}}
        made = checked_answers([row], self.store.scheme, lambda _: None)
        name = made["answer_id"].to_pylist()[0]
        undone_at = answer.get("undone_at")
        if undone_at is None and self._is_answered(question, made["annotator"].to_pylist()[0], name):
            return {"status": "elsewhere"}
        [name] = self.store.append([row])
        if undone_at is not None:
            self.store.append([{**row, "answer": None, "seconds": None, "answered_at": undone_at, "replaces": name}])
        return {"status": "kept", "answer_id": name}

    def _is_answered(self, question: Mapping[str, Any], annotator: str, name: str) -> bool:
        """Whether an annotator has answered a question otherwise than by this answer."""
        told = self.store.answers()
        kept = pc.equal(told["annotator"], annotator)
        for column in ("example_id", "question", "round"):
            kept = pc.and_kleene(kept, pc.equal(told[column], question[column]))
        mine = told.filter(kept)
        replaced = set(mine["replaces"].to_pylist())
        rows = zip(*(mine[column].to_pylist() for column in ("answer_id", "answer", "replaces")), strict=True)
        return any(one not in replaced and one != name and (answer is not None or of is None) for one, answer, of in rows)


def keys_of(classes: Sequence[str]) -> list[str | None]:
    """Return the key that chooses each class: its own character where each has but one, else digits and letters; None when they run out.

    Examples
    --------
    >>> keys_of(["0", "1"]), keys_of(["cat", "dog"])
    (['0', '1'], ['1', '2'])
    """
    if all(len(one) == 1 and one.isalnum() for one in classes) and len({one.lower() for one in classes}) == len(classes):
        return [one.lower() for one in classes]
    return [_KEYS[at] if at < len(_KEYS) else None for at in range(len(classes))]


def _require_name(annotator: str) -> None:
    """Raise UsageError for a name that is none."""
    if not annotator.strip():
        raise UsageError("Expected the name of an annotator, got an empty one.")


def _example(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is shown of an example; an image as an address that holds it."""
    shown = {name: row[name] for name in ("text", "words") if row.get(name) is not None}
    if row.get("image") is not None:
        kind = next((kind for start, kind in _IMAGES.items() if row["image"].startswith(start)), None)
        shown["image"] = None if kind is None else f"data:image/{kind};base64,{base64.b64encode(row['image']).decode()}"
    if row.get("row") is not None:
        shown["row"] = _cells(row["row"])
    return shown


def _cells(text: str) -> list[list[str]]:
    """Return the names and values of a row as texts."""
    held = json.loads(text)
    return [[str(name), _cell(value)] for name, value in held.items()] if isinstance(held, dict) else [["", _cell(held)]]


def _cell(value: Any) -> str:
    """Return a value as text."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else "–" if value is None else json.dumps(value, ensure_ascii=False)
