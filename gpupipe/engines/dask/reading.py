"""From a source to blocks: which rows make one is planned from the schema, the files' own counts, and the workers' memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from gpupipe.core.arrow import plain_table
from gpupipe.core.ends import Piece, Reading, Source
from gpupipe.core.schema import Schema
from gpupipe.engines._arrow import conform_arrow
from gpupipe.engines._block_engine import PACKED, carrying
from gpupipe.engines._blocks import TaskContext, as_bytes
from gpupipe.engines._scan import explained, read_lazy
from gpupipe.engines._shipping import ship
from gpupipe.engines._stretch import HoldRows, ReadPieces, Work
from gpupipe.engines.dask.blocks import Blocks, Held, Placed, Worked, from_parts, row_bytes

LEAST_ROWS = 1 << 16  # a smaller block is not worth a task
BLOCKS_A_THREAD = 3
_DEALING_COSTS = 3  # times the work, to cut files and deal their rows by key: measured at the mortgage ETL, bench/
_LARGE_FILE = 4  # a file of so many blocks is cut even where its keys are declared to stand together


@dataclass(frozen=True)
class Sizes:
    """How large blocks are to be.

    Parameters
    ----------
    block_bytes
        Bytes of one block in memory.
    n_threads
        How many blocks are worked on at one time.
    """

    block_bytes: int
    n_threads: int

    def rows(self, schema: Schema) -> int:
        """Return how many rows of a schema make a block."""
        return max(1, self.block_bytes // row_bytes(schema))

    def spread(self, n_rows: int, most: int) -> int:
        """Return how many rows of `n_rows` make a block, so that every thread has some and no block has more than `most`."""
        return min(most, max(min(LEAST_ROWS, most), -(-n_rows // (BLOCKS_A_THREAD * self.n_threads))))


def read_blocks(source: Source, reading: Reading, schema: Schema, sizes: Sizes, at: TaskContext, scratch: str) -> Blocks:
    """Return what is needed of a source, in blocks."""
    needed = Schema(tuple((name, schema[name]) for name in reading.columns))
    try:
        source = source.located()  # once: a folder at a store takes a while to list
        if not source.n_files():
            return _held(source, reading, needed, sizes, at, scratch)
        groups, n_rows, whole = planned(source, sizes, needed)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise explained(source, error) from error
    work = ReadPieces(source, reading, needed)
    key = source.whole_keys()
    is_placed = whole and key and set(key) <= set(reading.columns)
    placed = Placed(key, f"files:{ship(work, source.name).digest}") if is_placed else None
    return Blocks(_each(work, groups, needed, at), needed, n_rows, placed)


def planned(source: Source, sizes: Sizes, schema: Schema) -> tuple[list[tuple[Piece, ...]], int, bool]:
    """Return the pieces of each block, about how many rows there are, and whether no file is cut."""
    most = sizes.rows(schema)
    files = range(source.n_files())
    if source.whole_keys():
        whole = [source.pieces(file, 1 << 62) for file in files]
        if all(sum(piece.n_rows for piece in pieces) <= _LARGE_FILE * most for pieces in whole):
            n_rows = sum(piece.n_rows for pieces in whole for piece in pieces)
            groups = grouped((piece for pieces in whole for piece in pieces), sizes.spread(n_rows, most))
            if len(groups) * _DEALING_COSTS >= sizes.n_threads or n_rows <= LEAST_ROWS:
                return groups, n_rows, True
    pieces = [piece for file in files for piece in source.pieces(file, most)]
    n_rows = sum(piece.n_rows for piece in pieces)
    target = sizes.spread(n_rows, most)
    if target < most:
        pieces = [piece for file in files for piece in source.pieces(file, target)]
    return grouped(pieces, target), n_rows, False


def grouped(pieces: Iterable[Piece], n_rows: int) -> list[tuple[Piece, ...]]:
    """Return the pieces, in order, in groups of at most `n_rows` rows or of one piece.

    Examples
    --------
    >>> [len(group) for group in grouped([Piece(0, 4), Piece(1, 4), Piece(2, 9), Piece(3, 1)], 8)]
    [2, 1, 1]
    """
    groups: list[list[Piece]] = []
    filled = 0
    for piece in pieces:
        if groups and filled + piece.n_rows <= n_rows:
            groups[-1].append(piece)
            filled += piece.n_rows
        else:
            groups.append([piece])
            filled = piece.n_rows
    return [tuple(group) for group in groups]


def _held(source: Source, reading: Reading, schema: Schema, sizes: Sizes, at: TaskContext, scratch: str) -> Blocks:
    """Return the rows of a source that only this process can read, sent to the workers in blocks."""
    table = plain_table(read_lazy(source, reading, schema, scratch).collect(engine="streaming").to_arrow())
    return blocks_of(conform_arrow(table, schema), schema, sizes, at)


def blocks_of(table: Any, schema: Schema, sizes: Sizes, at: TaskContext) -> Blocks:
    """Return an Arrow table of this process in blocks; they travel with the tasks, so that no lost worker takes them along."""
    n_rows = table.num_rows
    size = sizes.spread(n_rows, sizes.rows(schema))
    slices: Sequence[Any] = [table.slice(start, size) for start in range(0, n_rows, size)] or [table]
    return Blocks(_each(HoldRows(schema), [as_bytes(part) for part in slices], schema, at), schema, n_rows)


def _each(work: Work, parts: Sequence[Any], schema: Schema, at: TaskContext) -> Worked:
    """Return the blocks that a work makes of some parts, each of which travels with its task."""
    return Worked(at, work, (Held(from_parts(carrying, parts, PACKED), None),), schema)
