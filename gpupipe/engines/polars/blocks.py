"""Engine ``cpu`` on a worker: a block is parts of Arrow that Polars takes without a copy, and what is done to it is one lazy query.

What Dask holds is a pandas frame of one column, whose values are the parts: so a block of several parts is what Dask makes when it puts
partitions together. A part that was shuffled is bytes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from gpupipe.core.arrow import plain_table
from gpupipe.core.ends import Piece, Reading, Source
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.engines._block_engine import PACKED, PLACE, BlockEngine, carrying
from gpupipe.engines._scan import empty_table, explained, read_piece
from gpupipe.engines._threads import remade
from gpupipe.engines.polars.engine import CpuEngine, held_to

Frame = nw.LazyFrame[Any]
PARTS = "table"  # the column of the parts


class ArrowPart:
    """A frame of Polars' as Arrow, without a copy: it tells Dask how large it is, and travels.

    Dask does both beside the tasks, in the thread that answers other workers. Polars would have it wait there for its threads, which a
    query may hold for long, and the others would take the worker for gone. So there is nothing of Polars in it.
    """

    __slots__ = ("n_bytes", "table")

    def __init__(self, table: pa.Table, n_bytes: int) -> None:
        self.table = table
        self.n_bytes = n_bytes

    def __sizeof__(self) -> int:
        return self.n_bytes

    def __reduce__(self) -> tuple[Any, ...]:
        return remade, (f"{__name__}:{ArrowPart.__name__}", self.table, self.n_bytes)


def part_of(frame: pl.DataFrame) -> ArrowPart:
    """Return a frame as a part."""
    return ArrowPart(frame.to_arrow(compat_level=pl.CompatLevel.newest()), int(frame.estimated_size()))


def written_part(frame: pl.DataFrame) -> bytes:
    """Return a frame as bytes; they hold no more than its rows, whatever it was cut from."""
    return frame.write_ipc_stream(None).getvalue()


def frame_of_part(part: ArrowPart | bytes) -> pl.DataFrame:
    """Return the frame of a part, be it bytes."""
    made = pl.from_arrow(part.table) if isinstance(part, ArrowPart) else pl.read_ipc_stream(part)
    assert isinstance(made, pl.DataFrame)
    return made


class PolarsBlocks(CpuEngine, BlockEngine):
    """Engine ``cpu``, with what a worker needs of it."""

    fuses: ClassVar[bool] = True

    def read_pieces(self, source: Source, pieces: Sequence[Piece], reading: Reading, schema: Schema) -> Frame:
        """Return a lazy scan of some pieces of a source."""
        try:
            scans = [read_piece(source, piece, reading, self.scratch) for piece in pieces]
        except (pl.exceptions.PolarsError, OSError) as error:
            raise explained(source, error) from error
        return held_to(schema, nw.from_native(scans[0] if len(scans) == 1 else pl.concat(scans)))

    def run(self, stage: TableStage, inputs: Sequence[Any], schema: Schema) -> Frame:
        """Return the stage's result, lazily, with the planned columns alone."""
        return held_to(schema, self._whole(CpuEngine.run(self, stage, inputs, schema)))

    def shared(self, frame: Frame) -> Frame:
        """Return a frame that Polars computes once; what queries have in common it finds by itself in part only."""
        made: Frame = nw.from_native(frame.to_native().cache())
        return made

    def meta(self, schema: Schema) -> Any:
        """Return the empty partition, which is the same for all schemas."""
        return PACKED

    def opened(self, block: Any, schema: Schema) -> Frame:
        """Return the rows of all parts."""
        frames = list(_frames(block))
        whole = frames[0] if len(frames) == 1 else pl.concat(frames) if frames else empty_table(schema)
        made: Frame = nw.from_native(whole.lazy())
        return made

    def closed(self, frame: Frame) -> Any:
        """Return a block of one part."""
        return carrying(part_of(frame.to_native().collect()))

    def measured(self, block: Any) -> tuple[int, int]:
        """Return the number of rows of all parts, and of their bytes."""
        frames = list(_frames(block))
        return sum(len(frame) for frame in frames), sum(int(frame.estimated_size()) for frame in frames)

    def addressed(self, frame: Frame, places: Any, values: Sequence[int]) -> Any:
        """Return the rows cut into parts by where they go, each with its address."""
        order = np.argsort(places, kind="stable")
        rows = frame.to_native().collect()[order]
        found, first = np.unique(np.asarray(places)[order], return_index=True)
        cuts = [*first.tolist(), len(rows)]
        parts = [written_part(rows.slice(start, end - start)) for start, end in pairwise(cuts)]
        return pd.DataFrame({PLACE: np.asarray(values, dtype=np.float64)[found.astype(np.int64)], PARTS: _bytes(parts)})

    def addressed_meta(self, schema: Schema) -> Any:
        """Return the empty partition of addressed parts."""
        return pd.DataFrame({PLACE: np.zeros(0), PARTS: _bytes([])})

    def numbered(self, n_rows: int) -> Any:
        """Return a frame of addresses from 0 on."""
        return pd.DataFrame({PLACE: np.arange(n_rows, dtype=np.float64)})

    def to_arrow(self, frame: Frame, *, at_end: bool = False) -> pa.Table:
        """Return the frame as Arrow."""
        started = time.perf_counter()
        table = plain_table(frame.to_native().collect().to_arrow())
        self.ledger.cross("host_copy", table.nbytes, time.perf_counter() - started, "Polars to Arrow", at_end=at_end)
        return table

    def marked(self, frame: Frame, name: str, values: Any) -> Frame:
        """Return the frame with an array as one more column."""
        made: Frame = nw.from_native(frame.to_native().with_columns(pl.Series(name, values)))
        return made

    def distinct(self, frame: Frame) -> pa.Table:
        """Return each row once, as Arrow."""
        return self.to_arrow(nw.from_native(frame.to_native().unique()))


def _bytes(parts: Sequence[bytes]) -> Any:
    """Return parts that are bytes as a column that Dask can shuffle."""
    column: Any = pa.array(parts, pa.large_binary())
    return pd.array(column, dtype=pd.ArrowDtype(pa.large_binary()))


def _frames(block: Any) -> Iterator[pl.DataFrame]:
    """Yield the frames of a block's parts."""
    for part in block[PARTS]:
        yield frame_of_part(part)
