"""One reading of a source's pieces for all tables that are made of them, so that a file is read once whoever needs it.

Polars asks each table for its rows by itself, when it wants to, so tables that are read side by side would each read the files. Some of
them are therefore left for a second query: while the first one reads the pieces, what the others need of a piece is worked out with it, in
one query that does once what they share, and is kept. Little is kept: a table that has many rows reads its pieces itself, later.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from queue import Full, Queue

import polars as pl

_MOST_KEPT = 1 << 27  # bytes, of all tables together
_BATCHES = 4  # of the table that is read, made and not yet taken
_TICK = 0.05  # seconds after which one who waits for room looks whether anybody still wants the rows


class Kept:
    """What a table that is read later needs of each piece, as far as it has been worked out.

    Parameters
    ----------
    frames
        The pieces of the table, with the columns that are needed.
    n_tables
        How many tables are kept something of: each may have as much.
    """

    def __init__(self, frames: Sequence[pl.LazyFrame], n_tables: int = 1) -> None:
        self.frames = frames
        self._most = _MOST_KEPT // n_tables
        self.pieces: dict[int, list[pl.DataFrame]] = {}
        self._claimed: set[int] = set()
        self._n_bytes = 0
        self._lock = threading.Lock()

    def claim(self, piece: int) -> bool:
        """Return whether the piece is still to be worked out; who asks does it then."""
        with self._lock:
            if piece in self._claimed or self._n_bytes >= self._most:
                return False
            self._claimed.add(piece)
            return True

    def has_room(self, n_bytes: int) -> bool:
        """Return whether so many bytes more can be kept; where they cannot, nothing more will be."""
        with self._lock:
            self._n_bytes += n_bytes
            return self._n_bytes < self._most


def read_along(frame: pl.LazyFrame, piece: int, others: Sequence[Kept]) -> Iterator[pl.DataFrame]:
    """Begin to read a table's piece; return its rows, with which what other tables need of it is kept."""
    parts = [_KeptPart(other, piece) for other in others if other.claim(piece)]
    return _followed(_PieceRun(frame, parts).begun(), parts)


def _followed(rows: _Rows, parts: Sequence[_KeptPart]) -> Iterator[pl.DataFrame]:
    """Yield the rows, and keep the parts after the last."""
    yield from rows
    for part in parts:
        part.keep()


class _KeptPart:
    """What is kept of one piece for one table: all of it or, where it is too much, nothing."""

    def __init__(self, table: Kept, piece: int) -> None:
        self.table = table
        self.piece = piece
        self._batches: list[pl.DataFrame] | None = []

    def sink(self) -> pl.LazyFrame:
        """Return the query that gathers it."""
        return _sink(self.table.frames[self.piece], self._take)

    def keep(self) -> None:
        """Keep it, now that all is there."""
        if self._batches is not None:
            self.table.pieces[self.piece] = self._batches

    def _take(self, rows: pl.DataFrame) -> bool:
        """Take some rows; return whether no more are wanted."""
        if not self.table.has_room(int(rows.estimated_size())):
            self._batches = None
        elif self._batches is not None:
            self._batches.append(rows if _is_plain(rows) else copied(rows))
        return self._batches is None


def _is_plain(rows: pl.DataFrame) -> bool:
    """Whether rows take no more memory than their own; a few texts hold on to the text of all rows that they were read with."""
    return all(dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean for dtype in rows.dtypes)


def copied(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in memory of their own, and no more of it than they need."""
    return pl.read_ipc_stream(rows.write_ipc_stream(None).getvalue())


class _Rows:
    """The rows of a run, there as long as somebody wants them."""

    def __init__(self, rows: Queue[pl.DataFrame | BaseException | None]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield the rows as they come, or raise what ended the run."""
        while (found := self._rows.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found


class _PieceRun:
    """A piece being worked out in a thread, whose rows are handed on as they come."""

    def __init__(self, frame: pl.LazyFrame, parts: Sequence[_KeptPart]) -> None:
        self._queries = [_sink(frame, self._put), *(part.sink() for part in parts)]
        self._rows: Queue[pl.DataFrame | BaseException | None] = Queue(_BATCHES)
        self._wanted: Callable[[], _Rows | None] = lambda: None

    def begun(self) -> _Rows:
        """Begin the work; when nobody has what is returned any more, however that came to be, the work ends."""
        wanted = _Rows(self._rows)
        self._wanted = weakref.ref(wanted)
        threading.Thread(target=self._work, name="gpupipe-piece", daemon=True).start()
        return wanted

    def _work(self) -> None:
        """Run the queries as one, and let go of them: they hold on to this, and Python does not see that."""
        queries, self._queries = self._queries, []
        try:
            pl.collect_all(queries, engine="streaming")
            self._put(None)
        except StopIteration as error:  # a user's, which would pass for the end of the rows
            self._put(RuntimeError(f"A function raised StopIteration{f': {error}' if str(error) else ''}."))
        except BaseException as error:  # noqa: BLE001 - raised again where the rows are taken
            self._put(error)

    def _put(self, item: pl.DataFrame | BaseException | None) -> bool:
        """Hand something on as soon as there is room; return whether nobody wants more."""
        while self._wanted() is not None:
            try:
                self._rows.put(item, timeout=_TICK)
            except Full:
                continue
            return False
        return True


def _sink(frame: pl.LazyFrame, take: Callable[[pl.DataFrame], bool]) -> pl.LazyFrame:
    """Return the query that gives its batches to a function."""
    query = frame.sink_batches(take, lazy=True)
    assert query is not None
    return query
