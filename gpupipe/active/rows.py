"""Rows for a label store: looked at before any of them is kept, since what is kept is never changed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias, cast

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.active.scheme import Scheme
from gpupipe.core.errors import UsageError, listing, nearest

VERSION = 1
TIME = pa.timestamp("us", "UTC")
Rows: TypeAlias = Any  # a mapping of columns, a sequence of mappings, an Arrow table, a frame
_TEXT = pa.large_string()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_TOLD = 3
_MOST_ROUNDS = 1_000_000  # rounds' names have six digits
_AHEAD = timedelta(minutes=5)  # how far another machine's clock may be ahead of this one's


def answers_schema(scheme: Scheme) -> pa.Schema:
    """Return the columns of answers."""
    return pa.schema(
        [
            ("answer_id", _TEXT),
            ("example_id", scheme.id_type),
            ("question", _TEXT),
            ("answer", _TEXT),
            ("annotator", _TEXT),
            ("asked_at", TIME),
            ("answered_at", TIME),
            ("seconds", pa.float64()),
            ("round", pa.int64()),
            ("model", _TEXT),
            ("replaces", _TEXT),
            ("schema_version", pa.int64()),
        ]
    )


def questions_schema(scheme: Scheme) -> pa.Schema:
    """Return the columns of questions."""
    return pa.schema(
        [
            ("question_id", _TEXT),
            ("example_id", scheme.id_type),
            ("question", _TEXT),
            ("round", pa.int64()),
            ("part", pa.int64()),
            ("score", pa.float64()),
            ("cost", pa.float64()),
            ("guess", _TEXT),
            ("annotators", pa.int64()),
            ("asked_at", TIME),
            ("model", _TEXT),
        ]
    )


def examples_schema(scheme: Scheme) -> pa.Schema:
    """Return the columns of examples: the key, and what is shown of one."""
    content = [("text", _TEXT), ("image", pa.large_binary()), ("words", pa.large_list(_TEXT)), ("row", _TEXT)]
    return pa.schema([("example_id", scheme.id_type), *content])


def schemas_of(scheme: Scheme) -> dict[str, pa.Schema]:
    """Return the columns of each table."""
    holdout = pa.schema([("example_id", scheme.id_type)])
    made = {"examples": examples_schema(scheme), "questions": questions_schema(scheme), "answers": answers_schema(scheme)}
    return {**made, "holdout": holdout}


def columns_of(rows: Rows, known: Sequence[str], needed: Sequence[str], what: str) -> dict[str, list[Any]]:
    """Return rows as columns of plain values, those that are left out filled with None.

    Raises
    ------
    UsageError
        A column is unknown, a needed one is missing, or they differ in length.
    """
    columns = _plain_columns(rows)
    for name in columns:
        if name not in known:
            raise UsageError(f"{what} have no column {name!r}.{nearest(name, known)} The columns are {listing(known)}.")
    missing = [name for name in needed if name not in columns]
    if missing and any(columns.values()):
        raise UsageError(f"{what} need the columns {listing(needed)}, got none of the name {missing[0]!r}. Add it, or rename one.")
    sizes = {len(column) for column in columns.values()}
    if len(sizes) > 1:
        raise UsageError(f"{what} need columns of one length, got lengths {sorted(sizes)}.")
    n_rows = sizes.pop() if sizes else 0
    return {name: columns.get(name, [None] * n_rows) for name in known}


def _plain_columns(rows: Rows) -> dict[str, list[Any]]:
    """Return rows as columns, as far as they have them."""
    if isinstance(rows, Mapping):
        return {str(name): _values(column) for name, column in rows.items()}
    if isinstance(rows, pa.Table | pa.RecordBatch):
        return {name: rows.column(name).to_pylist() for name in rows.schema.names}
    if isinstance(rows, Sequence) and all(isinstance(row, Mapping) for row in rows):
        names = dict.fromkeys(name for row in rows for name in row)
        return {str(name): [row.get(name) for row in rows] for name in names}
    try:
        frame = nw.from_native(rows, pass_through=False)
    except TypeError as error:
        msg = f"Expected rows as a mapping of columns, a list of mappings, an Arrow table or a frame, got {type(rows).__name__}."
        raise UsageError(msg) from error
    collected = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return _plain_columns(collected.to_arrow())


def _values(column: Any) -> list[Any]:
    """Return a column as a list of Python's values: of Arrow, of a frame, an array, or any sequence."""
    made = next((getattr(column, name) for name in ("to_pylist", "to_list", "tolist") if hasattr(column, name)), None)
    return cast(list[Any], list(column) if made is None else made())


def made_ids(keys: Iterable[Sequence[Any]]) -> list[str]:
    """Return a name for each row of plain values: a digest, the same for the same values.

    Examples
    --------
    >>> made_ids([("a", 1), ("a", 2)])[0] == made_ids([("a", 1)])[0]
    True
    """
    texts = (json.dumps(key, separators=(",", ":"), ensure_ascii=False) for key in keys)
    return [hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest() for text in texts]


def time_of(value: Any) -> datetime | None:
    """Return a moment in UTC: of a datetime with a zone, or of a text as ISO 8601 has it.

    Raises
    ------
    UsageError
        It is none, or has no zone.

    Examples
    --------
    >>> time_of("2026-03-01T12:00:00+01:00").isoformat()
    '2026-03-01T11:00:00+00:00'
    """
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        if found is None:
            return None
        if found.tzinfo is None:
            raise ValueError(value)
        return cast(datetime, found.astimezone(UTC))
    except (ValueError, AttributeError, OverflowError) as error:
        msg = f"Expected a moment with its zone, such as 2026-03-01T12:00:00+00:00, got {value!r}."
        raise UsageError(msg) from error


def checked_answers(
    rows: Rows, scheme: Scheme, n_words: Callable[[Any], int | None], latest: Callable[[datetime], Mapping[Any, datetime]] = lambda _: {}
) -> pa.Table:
    """Return answers as they are kept, with their names.

    An answer whose moment is not given is of now; where the store has a later one of its example, since another machine's clock is ahead,
    it is of a microsecond after that one. So what is answered last counts last.

    Parameters
    ----------
    n_words
        Returns how many words an example has, None where nobody knows.
    latest
        Returns the moment of the latest answer of each example that has one from a moment on.

    Raises
    ------
    UsageError
        A row is broken; which, and how.
    """
    schema = answers_schema(scheme)
    needed = ("example_id", "question", "answer", "annotator")
    columns = columns_of(rows, [name for name in schema.names if name not in ("answer_id", "schema_version")], needed, "Answers")
    columns["example_id"] = scheme.ids(columns["example_id"]).to_pylist()
    now, wrong = datetime.now(UTC), []
    ahead = latest(now) if None in columns["answered_at"] else {}
    kept: list[tuple[Any, ...]] = []
    for number, row in enumerate(zip(*columns.values(), strict=True)):
        try:
            moment = ahead[row[0]] + timedelta(microseconds=1) if row[0] in ahead else now
            kept.append(_answer(dict(zip(columns, row, strict=True)), scheme, now, moment, n_words))
        except UsageError as error:
            wrong.append(f"Answer {number + 1}, of example {row[0]!r}: {error}")
    if wrong:
        more = f" {len(wrong) - _MOST_TOLD} more are broken." if len(wrong) > _MOST_TOLD else ""
        raise UsageError(" ".join(wrong[:_MOST_TOLD]) + more + " None of the answers was kept.")
    times = [(*row[:4], _stamp(row[4]), _stamp(row[5]), *row[6:]) for row in kept]
    names = made_ids((*row, VERSION) for row in times)
    arrays = [pa.array([row[at] for row in kept], schema.field(at + 1).type) for at in range(len(schema) - 2)]
    return pa.Table.from_arrays([pa.array(names, _TEXT), *arrays, pa.array([VERSION] * len(kept), pa.int64())], schema=schema)


def _answer(
    row: Mapping[str, Any], scheme: Scheme, now: datetime, moment: datetime, n_words: Callable[[Any], int | None]
) -> tuple[Any, ...]:
    """Return one answer's values as they are kept; `moment` is when it was given, unless it says so."""
    question = scheme.question(row["question"])
    annotator = row["annotator"]
    if not is_text(annotator) or not annotator.strip():
        raise UsageError(f"Expected the name of an annotator, got {annotator!r}.")
    wrong = next((name for name in ("model", "replaces") if not (row[name] is None or is_text(row[name]))), None)
    if wrong is not None:
        raise UsageError(f"Expected {wrong!r} as a text, or nothing, got {row[wrong]!r}.")
    seconds, number = row["seconds"], row["round"]
    if seconds is not None and not _is_amount(seconds):
        raise UsageError(f"Expected the seconds that the answer took, got {seconds!r}.")
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < _MOST_ROUNDS):
        raise UsageError(f"Expected the number of a round, from 0 on, got {number!r}.")
    answer = scheme.answer(question, row["answer"], n_words(row["example_id"]) if scheme.kind == "spans" else None)
    asked, answered = time_of(row["asked_at"]), time_of(row["answered_at"]) or moment
    if row["answered_at"] is not None and answered - now > _AHEAD:
        msg = f"Expected the moment of an answer, got one to come: {answered.isoformat()}, and it is {now.isoformat(timespec='seconds')}."
        raise UsageError(f"{msg} It would count before all answers until then. Set the clock, or leave answered_at out, which is now.")
    took = None if seconds is None else float(seconds)
    return (row["example_id"], question, answer, annotator, asked, answered, took, number, row["model"], row["replaces"])


def is_text(value: object) -> bool:
    """Whether a value is a text that UTF-8 can write, which halves of pairs of UTF-16 are not."""
    return isinstance(value, str) and (value.isascii() or not any("\ud800" <= one <= "\udfff" for one in value))


def _is_amount(value: object) -> bool:
    """Whether a value is a finite number from 0 on, of any type that a column may hold."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | np.number):
        return False
    try:
        return 0 <= float(value) < math.inf
    except OverflowError:  # a whole number that no float can be
        return False


def _stamp(time: datetime | None) -> int | None:
    """Return the microseconds since 1970."""
    if time is None:
        return None
    since = time - _EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


def checked_questions(rows: Rows, scheme: Scheme, round_: Mapping[str, Any]) -> tuple[pa.Table, list[str]]:
    """Return questions of a round as they are kept, with their names; and the names of those that chance drew.

    Raises
    ------
    UsageError
        A question is none of the scheme's, is asked twice, or costs less than nothing.
    """
    schema = questions_schema(scheme)
    columns = columns_of(rows, ("example_id", "question", "score", "cost", "guess", "by_chance"), ("example_id",), "Questions")
    ids = scheme.ids(columns["example_id"])
    whole = scheme.question({"kind": scheme.kind})
    asked = [whole if one is None else scheme.question(one) for one in columns["question"]]
    pairs = list(zip(ids.to_pylist(), asked, strict=True))
    if len(set(pairs)) < len(pairs):
        twice = next(pair for pair in pairs if pairs.count(pair) > 1)
        raise UsageError(f"Expected each question of a round once, got {twice[1]} of example {twice[0]!r} twice. Do two rows have one key?")
    wrong = next((one for one in columns["cost"] if one is not None and not _is_amount(one)), None)
    if wrong is not None:
        raise UsageError(f"Expected costs of questions that are numbers from 0 on, got {wrong!r}. Look at the column 'cost'.")
    costs = [1.0 if cost is None else float(cost) for cost in columns["cost"]]
    wrong = next((one for one in columns["score"] if not (one is None or isinstance(one, int | float | Decimal | np.number))), None)
    if wrong is not None:
        raise UsageError(f"Expected scores of questions that are numbers, got {wrong!r}. Look at the column 'score'.")
    n_rows = len(pairs)
    made = {
        "question_id": made_ids((*pair, round_["round"], round_["part"]) for pair in pairs),
        "example_id": ids,
        "question": asked,
        "score": [None if score is None else float(score) for score in columns["score"]],
        "cost": costs,
        "guess": [_guess(one, scheme) for one in columns["guess"]],
        **{name: [round_[name]] * n_rows for name in ("round", "part", "annotators", "model")},
        "asked_at": [time_of(round_["asked_at"])] * n_rows,
    }
    table = pa.Table.from_arrays([pa.array(made[field.name], field.type) for field in schema], schema=schema)
    return table, [name for name, drawn in zip(made["question_id"], columns["by_chance"], strict=True) if drawn]


def _guess(value: Any, scheme: Scheme) -> str | None:
    """Return a model's guess as it is kept: a class, or spans."""
    if value is None:
        return None
    return scheme.answer(scheme.question({"kind": scheme.kind}), value)


def checked_examples(rows: Rows, scheme: Scheme) -> pa.Table:
    """Return examples as they are kept: their keys, and what is shown of each.

    Raises
    ------
    UsageError
        A key is missing or comes twice, or words are missing where spans are asked for.
    """
    schema = examples_schema(scheme)
    columns = columns_of(rows, schema.names, ("example_id",), "Examples")
    ids = scheme.ids(columns["example_id"])
    if len(ids.unique()) < len(ids):
        raise UsageError("Expected a key of its own for each example, got one twice. Deduplicate the pool first.")
    if scheme.kind == "spans" and any(not words for words in columns["words"]):
        raise UsageError("Expected the words of each example, of which spans are made, got an example without. Fill the column 'words'.")
    shown = [one if one is None or isinstance(one, str) else json.dumps(one, ensure_ascii=False, default=str) for one in columns["row"]]
    try:
        arrays = [pa.array(columns[name], schema.field(name).type) for name in ("text", "image", "words")]
    except (pa.ArrowException, TypeError, ValueError) as error:  # a text may hold what UTF-8 cannot write
        msg = f"Expected examples with text as texts, image as bytes of a PNG or JPEG, words as lists of texts, got others: {error}."
        raise UsageError(msg) from error
    return pa.Table.from_arrays([ids, *arrays, pa.array(shown, _TEXT)], schema=schema)


def first_of_each(examples: pa.Table) -> pa.Table:
    """Return the first row of each example."""
    keys = examples["example_id"]
    if pc.count_distinct(keys).as_py() == len(keys):
        return examples
    first = {key: row for row, key in reversed(list(enumerate(keys.to_pylist())))}
    return examples.take(pa.array(sorted(first.values())))
