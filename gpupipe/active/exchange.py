"""Label stores and the files of other tools: Label Studio's tasks, Argilla's records, tables for spreadsheets.

What these tools have no word for, answers about sets of classes, stands in the table alone. Spans are of words here and of characters
there: a text is its words with single spaces.
"""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gpupipe.active import belief
from gpupipe.active.forms import argilla, label_studio, table
from gpupipe.active.forms._shared import Asked, Found, Item
from gpupipe.active.store import LabelStore
from gpupipe.core.errors import SinkError, SourceError, UsageError, listing, nearest

Form: TypeAlias = Literal["label_studio", "argilla", "csv"]
_TOOLS = {"label_studio": label_studio, "argilla": argilla}
_READ = {"label_studio": label_studio.read, "argilla": argilla.read, "csv": table.read}


def export_labels(store: LabelStore, path: str | os.PathLike[str], form: Form) -> dict[str, int]:
    """Write what a store holds as another tool reads it; return how many examples and answers the file has, and how many are left out.

    Parameters
    ----------
    form
        ``"label_studio"``: a JSON list of tasks with annotations and predictions; ``"argilla"``: records as JSON lines, with responses
        and suggestions; ``"csv"``: every answer, also those that were replaced, a row each.

    Raises
    ------
    UsageError
        The form is unknown.
    SinkError
        The file is there, or cannot be written.
    """
    _require_form(form)
    if form == "csv":
        rows = store.answers().to_pylist()
        told = {"examples": len({row["example_id"] for row in rows}), "answers": len(rows), "left_out": 0}
        text = table.written(rows)
    else:
        items, n_left_out = _items(store)
        told = {"examples": len(items), "answers": sum(len(item.answers) for item in items), "left_out": n_left_out}
        text = _TOOLS[form].written(items, spans=store.scheme.kind == "spans")
    try:
        with Path(path).open("x", encoding="utf-8", newline="") as stream:
            stream.write(text)
    except OSError as error:
        raise SinkError(f"Expected a new file at {os.fspath(path)!r}, got: {error.strerror}. Name another one.") from error
    return told


def _items(store: LabelStore) -> tuple[list[Item], int]:
    """Return what is written of each example, and how many answers are not: those about sets of classes."""
    whole = store.scheme.question({"kind": store.scheme.kind})
    shown = {row["example_id"]: row for row in store.examples().to_pylist()}
    answers: dict[Any, dict[str, Any]] = {}
    n_left_out = 0
    for row in belief.live(store.answers()).to_pylist():
        if row["question"] == whole:
            answers.setdefault(row["example_id"], {})[row["annotator"]] = row
        else:
            n_left_out += 1
    asked = store.questions().to_pylist()
    guesses = {row["example_id"]: row for row in asked if row["guess"] is not None}
    keys = sorted({*shown, *answers, *(row["example_id"] for row in asked)})
    return [Item(key, shown.get(key, {}), list(answers.get(key, {}).values()), guesses.get(key)) for key in keys], n_left_out


def import_labels(
    store: LabelStore, path: str | os.PathLike[str], form: Form, *, question: str | None = None, add_examples: bool = False
) -> dict[str, int]:
    """Add the answers of another tool's file to a store; return how many examples and answers it has, and how many are left out.

    The file may be read again, also when more has been answered in it: what is in the store already is not added again. Where it does not
    say when an answer was given, as Argilla's files do not, that is when the file was written.

    Parameters
    ----------
    question
        The question's name in the file (``from_name`` in Label Studio), where it has several.
    add_examples
        Whether examples that the store does not know are added, with their text; otherwise they are refused.

    Raises
    ------
    UsageError
        The form is unknown, or an answer is broken; no answer is added then.
    SourceError
        The file cannot be read, or is of another form.
    """
    _require_form(form)
    found = _found(store, path, form, question)
    if add_examples and found.examples:
        store.add_examples(list({row["example_id"]: row for row in found.examples}.values()))
    if found.answers:
        store.append(found.answers)
    n_examples = len({row["example_id"] for row in found.answers})
    return {"examples": n_examples, "answers": len(found.answers), "left_out": found.n_left_out}


def _found(store: LabelStore, path: str | os.PathLike[str], form: Form, question: str | None) -> Found:
    """Return what is in a file."""
    words = {row["example_id"]: row["words"] for row in store.examples().select(["example_id", "words"]).to_pylist() if row["words"]}
    try:
        written = datetime.fromtimestamp(Path(path).stat().st_mtime, UTC)
        text = Path(path).read_bytes().decode("utf-8-sig")  # ends of lines stay as they are: they may be within a field
        return _READ[form](text, Asked(store.scheme, words, question, written))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
        msg = f"{os.fspath(path)}: expected a file of form {form!r}, got one that cannot be read so ({reason}). Look at the file."
        raise SourceError(msg) from error


def _require_form(form: str) -> None:
    """Raise UsageError for a form that is unknown."""
    if form not in _READ:
        raise UsageError(f"Expected form to be one of {listing(_READ)}, got {form!r}.{nearest(form, _READ)}")
