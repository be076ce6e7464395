"""A table of answers for spreadsheets: a row for each, those that were replaced, too."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gpupipe.active.forms._shared import Asked, Found
from gpupipe.core.errors import UsageError, listing

COLUMNS = ("example_id", "question", "answer", "annotator", "asked_at", "answered_at", "seconds", "round", "model", "replaces")
_NEEDED = ("example_id", "answer", "annotator")


def written(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV."""
    made = io.StringIO()
    # Fields that hold one of the line's two ends are quoted.
    writer = csv.DictWriter(made, ["answer_id", *COLUMNS], extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: one.isoformat() if isinstance(one, datetime) else one for name, one in row.items()} for row in rows)
    return made.getvalue()


def read(text: str, asked: Asked) -> Found:
    """Return the answers in a table; ``example_id``, ``answer`` and ``annotator`` are needed."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise UsageError(
            f"Expected a table with the columns {listing(_NEEDED)}, got none of the name {missing[0]!r}. Add it, or rename one."
        )
    whole = asked.scheme.question({"kind": asked.scheme.kind})
    answers, examples = [], []
    for row in reader:
        held = {name: row.get(name) or None for name in COLUMNS}
        key = asked.key(row["example_id"])
        numbers = {"seconds": held["seconds"] and float(held["seconds"]), "round": held["round"] and int(held["round"])}
        at = held["answered_at"] or asked.written
        answers.append({**held, **numbers, "example_id": key, "question": held["question"] or whole, "answered_at": at})
        examples.append({"example_id": key})
    return Found(answers, examples)
