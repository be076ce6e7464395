"""Argilla's records: JSON lines, or a JSON list as ``Dataset.records.to_json`` writes it, with responses and suggestions.

A record's answers stand under the names of its questions: of a label question the label, of a span question a list of ``start``, ``end``
and ``label``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gpupipe.active.forms._shared import QUESTION, Asked, Found, Item, characters_of, content_of, records_of, spans_of
from gpupipe.core.errors import UsageError


def written(items: Sequence[Item], *, spans: bool) -> str:
    """Return records as JSON lines."""
    return "".join(f"{json.dumps(_record(item, spans), ensure_ascii=False)}\n" for item in items)


def _record(item: Item, spans: bool) -> dict[str, Any]:
    """Return one record."""
    responses = [{"value": _value(item, row["answer"], spans), "user_id": row["annotator"]} for row in item.answers]
    suggestions = {}
    if item.guess is not None:
        value = _value(item, item.guess["guess"], spans)
        suggestions = {QUESTION: {"value": value, "score": None, "agent": item.guess["model"]}}
    made = {"id": str(item.key), "fields": content_of(item), "metadata": {}, "suggestions": suggestions}
    if item.guess is not None and item.guess["score"] is not None:
        made["metadata"] = {"score": item.guess["score"]}  # what the question was chosen by; a suggestion's score is a probability
    return {**made, "responses": {QUESTION: responses} if responses else {}, "vectors": {}, "_server_id": None}


def _value(item: Item, answer: str, spans: bool) -> Any:
    """Return an answer as the value of a response."""
    if not spans:
        return answer
    return [{"start": first, "end": end, "label": kind} for first, end, kind in characters_of(answer, item.shown["words"])]


def read(text: str, asked: Asked) -> Found:
    """Return the answers in records."""
    records = records_of(text)
    answers, examples, n_left_out = [], [], 0
    for record in records:
        key, shown = asked.key(record["id"]), str(record["fields"].get("text", ""))
        words = asked.words_of(key, shown)
        examples.append({"example_id": key, "text": shown or None, "words": words if asked.scheme.kind == "spans" else None})
        responses = record.get("responses") or {}
        name = asked.question or _only(responses)
        n_left_out += sum(len(given) for other, given in responses.items() if other != name)
        answers += [{"example_id": key, **_answer(one, asked, words, shown)} for one in responses.get(name, ())]
    return Found(answers, examples, n_left_out)


def _only(responses: Mapping[str, Any]) -> str | None:
    """Return the name of the one question that was answered."""
    if len(responses) > 1:
        names = sorted(responses)
        raise UsageError(f"Expected answers to one question, got some to {', '.join(names)}. Say which: question={names[0]!r}.")
    return next(iter(responses), None)


def _answer(response: Mapping[str, Any], asked: Asked, words: Sequence[str], text: str) -> dict[str, Any]:
    """Return a response as an answer; without a value it was skipped."""
    told = response["value"]
    if asked.scheme.kind == "spans" and told is not None:
        told = spans_of([(int(one["start"]), int(one["end"]), str(one["label"])) for one in told], words, text)
    question = asked.scheme.question({"kind": asked.scheme.kind})
    return {"question": question, "answer": told, "annotator": str(response["user_id"]), "answered_at": asked.written}
