"""The ``dask`` engine's data: a dask.dataframe whose partitions are blocks, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import dask
import dask.dataframe as dd
import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
from dask.dataframe.shuffle import partitioning_index

from gpupipe.core.engine import EngineOptions
from gpupipe.core.schema import Schema
from gpupipe.engines._arrow import arrow_schema
from gpupipe.engines._blocks import PACKED, PLACE, At, PlaceRows, block_engine, carrying, given
from gpupipe.engines._shipping import Shipped, ship

_CARRIED_BYTES = 1 << 20  # a callable larger than this goes to the cluster once, not with every task
_WIDTHS = {nw.Boolean: 1, nw.Int8: 1, nw.UInt8: 1, nw.Int16: 2, nw.UInt16: 2, nw.Int32: 4, nw.UInt32: 4, nw.Float32: 4, nw.Date: 4}
_TEXT_WIDTH = 24
SPLIT_EVERY = 16


@dataclass(frozen=True)
class Placed:
    """Which rows are in one block: those of equal keys.

    Parameters
    ----------
    by
        What put them there. Two tables with equal `by` have the rows of a key in blocks of the same number.
    """

    keys: tuple[str, ...]
    by: str


@dataclass(frozen=True, eq=False)
class Blocks:
    """A table in blocks.

    Parameters
    ----------
    frame
        A dask.dataframe, one partition a block; lazy, or computed and held on the workers.
    n_rows
        At most how many rows there are, as far as can be told.
    placed
        Where the rows of a key are, where it is known.
    """

    frame: Any
    schema: Schema
    n_rows: int
    placed: Placed | None = None

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return int(self.frame.npartitions)

    @property
    def n_bytes(self) -> int:
        """At most how many bytes the rows take, as far as can be told."""
        return self.n_rows * row_bytes(self.schema)

    def collect_schema(self) -> Mapping[str, Any]:
        """Return the columns and their dtypes, as a frame would."""
        return self.schema.dtypes

    def is_placed(self, keys: Sequence[str]) -> bool:
        """Whether rows that are equal in `keys` are in one block."""
        return self.n_blocks == 1 or (self.placed is not None and set(self.placed.keys) <= set(keys))


@dataclass(frozen=True)
class Site:
    """Where a stage is run: the task's place in the run, the caller's options, and what one worker may hold."""

    at: At
    options: EngineOptions
    gather_bytes: int


def row_bytes(schema: Schema) -> int:
    """Return about how many bytes a row takes.

    Examples
    --------
    >>> row_bytes(Schema.of_names({"a": nw.Int64(), "b": nw.Boolean(), "c": nw.String()}))
    33
    """
    wide = (nw.String, nw.Binary, nw.List, nw.Struct, nw.Array, nw.Categorical)
    sizes = (_TEXT_WIDTH if isinstance(field.dtype, wide) else _WIDTHS.get(type(field.dtype), 8) for field in schema.values())
    return max(1, sum(sizes))


def meta_of(schema: Schema, engine: str) -> Any:
    """Return the empty frame of the block engine's library that stands for a block of the schema."""
    return block_engine(engine).verbs.literal(arrow_schema(schema).empty_table()).to_native()


def mapped(function: Any, name: str, meta: Any, *frames: Any) -> Any:
    """Return the function of the frames' blocks, block by block; a frame of one block goes with every block of the others."""
    at = getattr(function, "at", None)
    shipped = ship(function, name if at is None else at.label(name))
    first, *others = frames
    if len(shipped.payload) > _CARRIED_BYTES:
        carried = from_parts(carrying, [shipped.payload], PACKED)
        caller = Carried(shipped.digest, shipped.name, len(frames))
        return first.map_partitions(caller, *others, carried, meta=meta, enforce_metadata=False, align_dataframes=False)
    return first.map_partitions(shipped, *others, meta=meta, enforce_metadata=False, align_dataframes=False)


def reduced(packed: Any, merge: Any, name: str) -> Any:
    """Return packed rows merged by a tree of tasks into one packed row."""
    shipped = ship(merge, name)
    return packed.reduction(same, aggregate=shipped, combine=shipped, meta=PACKED, split_every=SPLIT_EVERY)


def same(rows: Any) -> Any:
    """Return what is given: Dask's reductions begin with a step on each block, which is done already."""
    return rows


def from_parts(function: Any, parts: Iterable[Any], meta: Any) -> Any:
    """Return the function of each part as a dask.dataframe, one partition a part."""
    with dask.config.set({"dataframe.convert-string": False}):  # blocks have Arrow's text already, and packed bytes are no text
        return dd.from_map(function, list(parts), meta=meta, enforce_metadata=False)


@dataclass(frozen=True)
class Carried:
    """Calls a callable that comes as the last argument, pickled."""

    digest: str
    name: str
    n_frames: int

    @property
    def __name__(self) -> str:
        return self.name

    def __dask_tokenize__(self) -> tuple[str, int]:
        return self.digest, self.n_frames

    def __call__(self, *given: Any) -> Any:
        """Return what the callable returns."""
        payload = given[self.n_frames]["table"].iloc[0]
        return Shipped(payload, self.digest, self.name)(*given[: self.n_frames])


def placed_by_key(blocks: Blocks, keys: Sequence[str], n_blocks: int, at: At) -> Blocks:
    """Return the rows dealt to `n_blocks` blocks by the hash of their keys, through Dask's own shuffle."""
    by = f"hash:{n_blocks}"
    if blocks.placed == Placed(tuple(keys), by):
        return blocks
    place = PlaceRows(at, tuple(keys), block_values(n_blocks, at.engine))
    marked = mapped(place, "place-rows", marked_meta(blocks.schema, at.engine), blocks.frame)
    return replace(blocks, frame=dealt(marked, blocks.schema, n_blocks, at), placed=Placed(tuple(keys), by))


def marked_meta(schema: Schema, engine: str) -> Any:
    """Return the empty frame that stands for a block whose rows know where they go."""
    library = block_engine(engine)
    return library.marked(given(library, meta_of(schema, engine)), PLACE, library.xp.zeros(0))


def dealt(marked: Any, schema: Schema, n_blocks: int, at: At) -> Any:
    """Return the rows in the blocks that `PLACE` says, through Dask's own shuffle."""
    nested = any(isinstance(field.dtype, nw.List | nw.Struct | nw.Array) for field in schema.values())
    method = "tasks" if nested else block_engine(at.engine).shuffling  # worker to worker, Dask cannot restore columns of lists
    shuffled = marked.shuffle(on=PLACE, npartitions=n_blocks, ignore_index=True, shuffle_method=method)
    return shuffled[list(schema)]


@lru_cache(maxsize=64)
def block_values(n_blocks: int, engine: str) -> tuple[int, ...]:
    """Return, for each block, the least whole number that Dask's hash of the block engine's frames sends to it.

    Examples
    --------
    >>> len(set(block_values(7, "pandas")))
    7
    """
    n_tried = 16 * n_blocks + 64
    while True:
        tried = block_engine(engine).verbs.literal(pa.table({PLACE: np.arange(n_tried, dtype=np.float64)})).to_native()
        sent = partitioning_index(tried, n_blocks, cast_dtype={PLACE: np.float64})  # Dask hashes numbers as floats
        found, first = np.unique(sent.to_numpy() if hasattr(sent, "to_numpy") else sent, return_index=True)
        if len(found) == n_blocks:
            return tuple(int(value) for value in first)
        n_tried *= 2
