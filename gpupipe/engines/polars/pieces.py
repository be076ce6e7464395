"""A table in pieces, each of which holds every row of the keys it has: what a key stage does, it does piece by piece.

Where a source declares such a key (`key=`), its files are the pieces. Row stages and stages of that key go through each by itself. Where
the pieces come together they are read one after the other, some of them ahead where there are threads and memory for it. So memory is that
of a few pieces, however many there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from gpupipe.core.errors import SourceError
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, TableStage
from gpupipe.core.verbs import Verbs
from gpupipe.engines._host_tools import available_bytes
from gpupipe.engines._symbolic import keeps_keys
from gpupipe.engines.polars.shared_scan import Kept, copied, read_along

Frame = nw.LazyFrame[Any]

_THREADS = 4  # for a piece: what its windows and sorts keep busy
_WORKED = 6  # bytes that a piece in work may take for each of its file's
_SHARE = 2  # of the memory there is, all pieces in work may take a half
_WORDS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)  # what NumPy has


@dataclass(eq=False)
class Keys:
    """Which keys each piece was seen to hold, and what is kept of the pieces for tables that are read after others.

    Parameters
    ----------
    at_once
        How many pieces are worked side by side.
    """

    origin: str
    names: tuple[str, ...]
    files: tuple[str, ...]
    seen: tuple[list[pl.DataFrame], ...]
    at_once: int = 1
    kept: Mapping[Pieces, Kept] = field(default_factory=dict)
    is_kept: bool = False

    def watched(self, piece: int, frame: pl.LazyFrame) -> pl.LazyFrame:
        """Return the frame of a piece, which tells its keys as it is read."""
        first = self.names[0]
        dtype = frame.collect_schema()[first]
        if len(self.names) == 1:
            marked = pl.col(first).map_batches(self._note(piece), return_dtype=dtype, is_elementwise=True)
        else:
            marked = pl.struct(self.names).map_batches(self._note(piece), return_dtype=dtype, is_elementwise=True)
        return frame.with_columns(marked.alias(first))

    def _note(self, piece: int) -> Any:
        def note(rows: pl.Series) -> pl.Series:
            if len(self.names) == 1:
                self.seen[piece].append(_runs(rows, self.names[0]))
                return rows
            self.seen[piece].append(copied(rows.struct.unnest().unique()))
            return rows.struct.field(self.names[0])

        return note

    def check(self) -> None:
        """Raise SourceError where a key was seen in two pieces."""
        parts = [pl.concat(found).unique().with_columns(pl.lit(piece).alias("\0piece")) for piece, found in enumerate(self.seen) if found]
        if len(parts) < 2:
            return
        whole = pl.concat(parts)
        twice = whole.group_by(self.names).agg(pl.col("\0piece").sort().head(2)).filter(pl.col("\0piece").list.len() > 1)
        if len(twice):
            *key, pieces = twice.sort(self.names).row(0)
            files = " and in ".join(self.files[piece] for piece in pieces)
            value = dict(zip(self.names, key, strict=True))
            msg = f"{self.origin} declares that all rows of a key stand in one file, but {value} stands in {files}."
            raise SourceError(f"{msg} Leave out key=, or write each key's rows into one file.")


def _runs(rows: pl.Series, name: str) -> pl.DataFrame:
    """Return every value once or a few times: where a key's rows stand together, what begins each run of them is cheap to tell.

    What `unique` finds has room for all rows, and would keep it.
    """
    if rows.dtype in _WORDS and not rows.null_count():
        values = rows.to_numpy()
        begins = np.flatnonzero(values[1:] != values[:-1]) + 1
        if len(begins) < len(values) // 4:
            return pl.DataFrame({name: values[np.append(begins, 0)]}, schema={name: rows.dtype})
    return copied(rows.unique().to_frame(name))


@dataclass(frozen=True, eq=False)
class Pieces:
    """A table in pieces.

    Parameters
    ----------
    frames
        The pieces, as lazy Polars frames; together they are the table.
    key
        The columns of which every value stands in one piece; none where that is not known any more.
    """

    frames: tuple[Frame, ...]
    key: tuple[str, ...]
    keys: Keys = field(repr=False)

    @cached_property
    def schema(self) -> Schema:
        """The table's columns."""
        return Schema.of_names(self.frames[0].collect_schema())

    def whole(self) -> Frame:
        """Return the table, read piece after piece; it is not kept here, as what Polars holds of this would never be let go."""
        frames = [frame.to_native() for frame in self.frames]

        def read(
            columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
        ) -> Iterator[pl.DataFrame]:
            def narrowed(frame: pl.LazyFrame) -> pl.LazyFrame:
                kept = frame if predicate is None or n_rows is not None else frame.filter(predicate)
                return kept if columns is None or n_rows is not None else kept.select(columns)

            left = n_rows
            for rows in self._rows(frames, narrowed):
                if left is None:
                    yield rows
                    continue
                first = rows.head(left)  # of a filter and a number of rows, Polars means the number to come first
                first = first if predicate is None else first.filter(predicate)
                yield first if columns is None else first.select(columns)
                left -= len(rows)
                if left <= 0:
                    return

        return nw.from_native(register_io_source(read, schema=frames[0].collect_schema(), is_pure=True))

    def _rows(self, frames: Sequence[pl.LazyFrame], narrowed: Callable[[pl.LazyFrame], pl.LazyFrame]) -> Iterator[pl.DataFrame]:
        """Yield what is wanted of the pieces: while others are to be kept, with what they need; afterwards from what was kept."""
        keys = self.keys
        others = [] if keys.is_kept else list(keys.kept.values())
        mine = keys.kept.get(self) if keys.is_kept else None
        begun: deque[Iterable[pl.DataFrame]] = deque()
        for piece, frame in enumerate(frames):
            kept = None if mine is None else mine.pieces.get(piece)
            if kept is None:
                begun.append(read_along(narrowed(frame), piece, others))
            elif kept:
                begun.append(narrowed(pl.concat(part).lazy()).collect() for part in (kept,))
            if len(begun) == keys.at_once:
                yield from begun.popleft()
        while begun:
            yield from begun.popleft()

    def narrowed(self, names: Collection[str]) -> list[pl.LazyFrame]:
        """Return the pieces with some of the columns."""
        return [frame.to_native().select([name for name in self.schema if name in names]) for frame in self.frames]

    @cached_property
    def counts(self) -> Pieces:
        """The number of rows of each piece."""
        return Pieces(tuple(nw.from_native(frame.to_native().select(pl.len().cast(pl.Int64))) for frame in self.frames), (), self.keys)

    def run(self, stage: TableStage, verbs: Verbs) -> Pieces | None:
        """Return the pieces of the stage's result, or None where the stage must see them together."""
        known = isinstance(stage, KeyStage) and bool(self.key) and set(self.key) <= set(stage.keys)
        if stage.kind != "row" and not known:
            return None
        key = self.key if self.key and keeps_keys(stage, [self.schema], self.key) else ()
        return Pieces(tuple(stage.run(verbs, frame) for frame in self.frames), key, self.keys)


def pieces_of(origin: str, key: Sequence[str], files: Sequence[tuple[str, pl.LazyFrame]]) -> Pieces:
    """Return the files of a source as pieces, whose keys are watched."""
    paths = tuple(path for path, _ in files)
    keys = Keys(origin, tuple(key), paths, tuple([] for _ in files), at_once(paths, pl.thread_pool_size(), available_bytes()))
    # Polars itself finds what some queries have in common, but not where two of them have more in common than all.
    frames = (nw.from_native(keys.watched(piece, frame).cache()) for piece, (_, frame) in enumerate(files))
    return Pieces(tuple(frames), tuple(key), keys)


def at_once(paths: Sequence[str], n_threads: int, n_bytes: int | None) -> int:
    """Return how many files are worked side by side: windows keep few threads busy, and each file in work needs its memory.

    Files that are not on this machine are worked one after the other, since their size is not known.

    Examples
    --------
    >>> at_once([__file__] * 9, n_threads=16, n_bytes=1 << 30)
    4
    >>> at_once([__file__] * 9, n_threads=16, n_bytes=1 << 10)
    1
    """
    if n_bytes is None or not all(Path(path).is_file() for path in paths):
        return 1
    largest = max(Path(path).stat().st_size for path in paths)
    fitting = n_bytes // (_SHARE * _WORKED * max(1, largest))
    return max(1, min(n_threads // _THREADS, fitting, len(paths)))
