"""Rows as questions in a label store."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.active.store import LabelStore
from gpupipe.core.ends import Sink, Writer
from gpupipe.core.errors import DtypeError
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import as_columns

_OWN = ("question", "score", "cost", "guess", "by_chance")


@dataclass(frozen=True, init=False)
class AskQuestions(Sink):
    """Asks about examples: a round of questions in a label store; gives ``{"round", "questions", "waiting", "cost"}``.

    Where there are some, ``"undecided"`` is beside: how many examples annotators disagree on; and ``"conflicts"``: of how many the answers
    leave no class.

    Of the rows, columns ``question``, ``score``, ``cost``, ``guess`` and ``by_chance`` are kept with the questions where they are
    there. A round is asked once: repeated, the selection that is recorded stands. As long as questions wait for answers, no further round
    is begun. Nor is one of no rows: what the sink gives says so, under ``"told"``, and the number is that of a round yet to come.

    Parameters
    ----------
    store
        The store's place, see `LabelStore`.
    key
        The column of the examples' keys.
    text, image, words, row
        What people are shown: a column of texts, of images (bytes of a PNG or JPEG), of lists of words, or columns side by side.
    round
        The round's number; by default the next one.
    seed, model, pool, strategy, budget, annotators
        What is recorded of the round, see `LabelStore.ask`.

    Raises
    ------
    UsageError
        There is no store, an example is of its hold-out, or a question is broken.

    Examples
    --------
    >>> import tempfile
    >>> store = LabelStore.create(tempfile.mkdtemp(), ["cat", "dog"])
    >>> writer = AskQuestions(store.place, key="id", text="says").open(pa.schema([("id", pa.string()), ("says", pa.string())]))
    >>> writer.write(pa.record_batch({"id": ["a", "b"], "says": ["meow", "woof"]}))
    >>> writer.close()
    >>> writer.commit()
    {'round': 0, 'questions': 2, 'waiting': 2, 'cost': 2.0}
    """

    store: str
    key: str
    text: str | None
    image: str | None
    words: str | None
    row: tuple[str, ...]
    round: int | None
    record: tuple[tuple[str, Any], ...] = field(repr=False)

    def __init__(
        self,
        store: str | os.PathLike[str],
        *,
        key: str = "id",
        text: str | None = None,
        image: str | None = None,
        words: str | None = None,
        row: str | Sequence[str] = (),
        round: int | None = None,
        seed: int | None = None,
        model: str | None = None,
        pool: str | None = None,
        strategy: str | None = None,
        budget: float | None = None,
        annotators: int = 1,
    ) -> None:
        record = {"seed": seed, "model": model, "pool": pool, "strategy": strategy, "budget": budget, "annotators": annotators}
        shown = as_columns(row, "AskQuestions' row") if row else ()
        settle(self, store=os.fspath(store), key=key, text=text, image=image, words=words, row=shown, round=round)
        settle(self, record=tuple(record.items()))

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for keys of another kind than the store's."""
        shown = [name for name in (self.text, self.image, self.words) if name is not None]
        for schema in schemas:
            schema.require([self.key, *shown, *self.row])
            dtype = schema[self.key].dtype
            wanted = LabelStore(self.store).scheme.key
            if not (dtype.is_integer() if wanted == "integer" else isinstance(dtype, nw.String)):
                msg = f"AskQuestions expects keys of kind {wanted}, as the store has them, got {dtype} in column {self.key!r}. Cast it."
                raise DtypeError(msg)

    def probe(self) -> None:
        """Raise UsageError where there is no store."""
        LabelStore(self.store)

    def open(self, schema: pa.Schema) -> Writer:
        """Return a writer that keeps the rows until all are there."""
        return _QuestionWriter(self)


class _QuestionWriter(Writer):
    """Keeps rows, and asks when all are there."""

    def __init__(self, sink: AskQuestions) -> None:
        self.sink = sink
        self.rows: list[Mapping[str, Any]] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Keep some rows."""
        self.rows += batch.to_pylist()

    def close(self) -> None:
        """Do nothing: every row is here."""

    def commit(self) -> dict[str, Any]:
        """Record the round; return its number, how many questions it has, how many wait in all, and what it costs."""
        sink, store = self.sink, LabelStore(self.sink.store)
        rounds = store.rounds()
        number = sink.round
        if number is None:
            number = max((one.number for one in rounds), default=-1) + 1
            if store.waiting().num_rows:  # of an earlier run, perhaps one that was killed
                return _told(store, number - 1)
        if store.round(number) is None:
            if not self.rows:
                return {**_told(store, number), "told": "nothing to ask: no row was chosen"}
            store.add_examples([self._example(row) for row in self.rows])
        asked = [{"example_id": row[sink.key], **{name: row[name] for name in _OWN if name in row}} for row in self.rows]
        store.ask(asked, round=number, **dict(sink.record))
        return _told(store, number)

    def _example(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is shown of an example."""
        sink = self.sink
        named = {"text": sink.text, "image": sink.image, "words": sink.words}
        shown = {name: row[column] for name, column in named.items() if column is not None}
        beside = json.dumps({name: row[name] for name in sink.row}, default=str, ensure_ascii=False) if sink.row else None
        return {"example_id": row[sink.key], **shown, "row": beside}

    def abort(self) -> None:
        """Forget the rows."""
        self.rows.clear()


def _told(store: LabelStore, number: int) -> dict[str, Any]:
    """Return what the run gives for a round."""
    parts = [one.questions for one in store.rounds() if one.number == number]
    cost = sum((sum(part["cost"].to_pylist()) for part in parts), 0.0)
    told = {"round": number, "questions": sum(part.num_rows for part in parts), "waiting": store.waiting().num_rows, "cost": cost}
    known = store.beliefs()
    found = {"undecided": int(known.unresolved.sum()), "conflicts": int((known.conflicts > 0).sum())}
    return {**told, **{name: count for name, count in found.items() if count}}
