"""The rows of a label store."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from gpupipe.active.store import LabelStore
from gpupipe.core.arrow import plain_table, schema_of
from gpupipe.core.ends import Reading, Source
from gpupipe.core.errors import UsageError, listing, nearest
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.secret import masked

What = Literal["labels", "answers", "questions", "waiting", "votes", "conflicts", "examples", "by_chance"]
_WHAT = ("labels", "answers", "questions", "waiting", "votes", "conflicts", "examples", "by_chance")


@dataclass(frozen=True, init=False)
class ReadLabels(Source):
    """What a label store holds, as a table.

    Parameters
    ----------
    store
        The store's place, see `LabelStore`.
    what
        ``"labels"``: what the answers imply of each example that has some; ``"answers"``: every answer; ``"questions"``: all that was
        asked; ``"waiting"``: what waits for an answer; ``"votes"``: the class that each annotator gives, for `Consensus`;
        ``"conflicts"``: answers that contradict one another; ``"examples"``: what is shown of each;
        ``"by_chance"``: those of the labels whose examples chance alone drew (``gp.Choose(by_chance=0.1)``).

    Raises
    ------
    UsageError
        There is no store.

    Examples
    --------
    >>> import tempfile
    >>> store = LabelStore.create(tempfile.mkdtemp(), ["cat", "dog"])
    >>> ReadLabels(store.place).schema().as_json()[:2]
    [['example_id', 'String', True], ['label', 'String', True]]
    """

    store: str
    what: What

    def __init__(self, store: str | os.PathLike[str], *, what: What = "labels") -> None:
        if what not in _WHAT:
            raise UsageError(f"ReadLabels reads one of {listing(_WHAT)}, got {what!r}.{nearest(str(what), _WHAT)}")
        settle(self, store=os.fspath(store), what=what)

    def origin(self) -> str:
        """Return the store's place."""
        return f"{self.what} of {masked(self.store)}"

    def schema(self) -> Schema:
        """Return the columns."""
        return schema_of(self._rows().schema)

    def batches(self, reading: Reading) -> pa.RecordBatchReader:
        """Return the rows."""
        table = plain_table(self._rows().select(list(reading.columns)))
        return pa.RecordBatchReader.from_batches(table.schema, table.to_batches())

    def fingerprint(self) -> Any:
        """Return a digest of the names of all questions and answers."""
        store = LabelStore(self.store)
        names = hashlib.blake2b(digest_size=16)
        for column in (store.answers()["answer_id"], store.questions()["question_id"], store.examples()["example_id"]):
            for name in column.to_pylist():
                names.update(f"{name}\n".encode())
        return names.hexdigest()

    def _rows(self) -> pa.Table:
        """Return the table."""
        found = getattr(LabelStore(self.store), self.what)
        return found()
