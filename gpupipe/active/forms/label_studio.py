"""Label Studio's tasks: a JSON list, or JSON lines, of tasks with annotations and predictions.

See its guide, "Label Studio JSON format of annotated tasks". Of control tags, ``choices`` are read and written for classes and ``labels``
for spans.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gpupipe.active.forms._shared import QUESTION, Asked, Found, Item, characters_of, content_of, records_of, spans_of, text_of
from gpupipe.core.errors import UsageError


def written(items: Sequence[Item], *, spans: bool) -> str:
    """Return tasks as Label Studio imports them."""
    return json.dumps([_task(item, spans) for item in items], ensure_ascii=False, indent=1)


def _task(item: Item, spans: bool) -> dict[str, Any]:
    """Return one task."""
    annotations = [
        {
            "result": _result(item, row["answer"], spans),
            "completed_by": {"email": row["annotator"]},
            "was_cancelled": False,
            "ground_truth": False,
            "lead_time": row["seconds"],
            "created_at": row["answered_at"].isoformat(),
            "updated_at": row["answered_at"].isoformat(),
        }
        for row in item.answers
    ]
    made: dict[str, Any] = {"data": {"example_id": item.key, **content_of(item)}, "annotations": annotations, "predictions": []}
    if item.guess is not None:
        result = _result(item, item.guess["guess"], spans)
        made["predictions"] = [{"model_version": item.guess["model"] or "", "score": item.guess["score"], "result": result}]
    return made


def _result(item: Item, answer: str, spans: bool) -> list[dict[str, Any]]:
    """Return the result of an annotation or a prediction."""
    common = {"from_name": QUESTION, "to_name": "image" if item.shown.get("image") is not None and not spans else "text"}
    if not spans:
        return [{"id": "choice", **common, "type": "choices", "value": {"choices": [answer]}}]
    text = text_of(item) or ""
    return [
        {
            "id": f"span-{number}",
            **common,
            "type": "labels",
            "value": {"start": first, "end": end, "text": text[first:end], "labels": [kind]},
        }
        for number, (first, end, kind) in enumerate(characters_of(answer, item.shown["words"]))
    ]


def read(text: str, asked: Asked) -> Found:
    """Return the answers in tasks. An example's key is ``example_id`` of the task's data, else the task's ``id``."""
    tasks = records_of(text)
    answers, examples, n_left_out = [], [], 0
    for task in tasks:
        data = task["data"]
        key = asked.key(data["example_id"] if "example_id" in data else task["id"])
        shown = str(data.get("text", ""))
        words = asked.words_of(key, shown)
        examples.append({"example_id": key, "text": shown or None, "words": words if asked.scheme.kind == "spans" else None})
        for annotation in task.get("annotations") or []:
            found = _answer(annotation, asked, words, shown)
            n_left_out += found is None
            answers += [] if found is None else [{"example_id": key, **found}]
    return Found(answers, examples, n_left_out)


def _answer(annotation: Mapping[str, Any], asked: Asked, words: Sequence[str], text: str) -> dict[str, Any] | None:
    """Return an annotation as an answer, None where it has none to the question; a cancelled one is skipped."""
    by = annotation.get("completed_by")
    annotator = by.get("email") or str(by.get("id")) if isinstance(by, dict) else str(by)
    at = annotation.get("updated_at") or annotation.get("created_at") or asked.written.isoformat()
    told: Any = None
    if not annotation.get("was_cancelled"):
        kind = "labels" if asked.scheme.kind == "spans" else "choices"
        results = [one for one in annotation["result"] if one.get("type") == kind and asked.question in (None, one.get("from_name"))]
        if len({one.get("from_name") for one in results}) > 1:
            names = sorted({str(one.get("from_name")) for one in results})
            raise UsageError(f"Expected answers to one question, got some to {', '.join(names)}. Say which: question={names[0]!r}.")
        if asked.scheme.kind == "spans":
            told = spans_of([_span(one["value"]) for one in results], words, text)
        elif not results:
            return None
        else:
            told = _choice([choice for one in results for choice in one["value"]["choices"]])
    question = asked.scheme.question({"kind": asked.scheme.kind})
    return {"question": question, "answer": told, "annotator": annotator, "answered_at": at, "seconds": annotation.get("lead_time")}


def _span(value: Mapping[str, Any]) -> tuple[int, int, str]:
    """Return the characters of a label, and its type."""
    return int(value["start"]), int(value["end"]), _choice(value["labels"])


def _choice(choices: Sequence[str]) -> str:
    """Return what was chosen."""
    if len(choices) != 1:
        raise UsageError(f"Expected one class for each answer, got {len(choices)}: {list(choices)!r}. A store's example has one class.")
    return choices[0]
