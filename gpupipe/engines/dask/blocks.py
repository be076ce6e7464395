"""The ``dask`` engine's data: a table in blocks, where they come from, and what is known of them.

Nothing is Dask's until something is demanded: then `lowering.py` makes dask.dataframes of the origins of all that is demanded together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import dask
import dask.dataframe as dd
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from dask.dataframe.shuffle import partitioning_index

from gpupipe.core.engine import EngineOptions
from gpupipe.core.schema import Schema
from gpupipe.engines._block_engine import PACKED, PLACE, carrying
from gpupipe.engines._blocks import TaskContext, block_engine
from gpupipe.engines._shipping import Carried, ship
from gpupipe.engines._stretch import End, PlaceRows, Work

_CARRIED_BYTES = 1 << 20  # a callable larger than this goes to the cluster once, not with every task
_WIDTHS = {nw.Boolean: 1, nw.Int8: 1, nw.UInt8: 1, nw.Int16: 2, nw.UInt16: 2, nw.Int32: 4, nw.UInt32: 4, nw.Float32: 4, nw.Date: 4}
_TEXT_WIDTH = 24
SPLIT_EVERY = 16


@dataclass(frozen=True, eq=False)
class Held:
    """Partitions of a dask.dataframe, be they computed or not.

    Parameters
    ----------
    schema
        Of the blocks that they are; None where they are something else.
    """

    frame: Any
    schema: Schema | None

    @property
    def n_blocks(self) -> int:
        """The number of partitions."""
        return int(self.frame.npartitions)


@dataclass(frozen=True, eq=False)
class Worked:
    """What work makes of blocks of the same number; an input of one block goes with every block of the others.

    Parameters
    ----------
    work
        Makes blocks, or ends with something else, which `meta` stands for.
    """

    at: TaskContext
    work: Work | End
    inputs: tuple[Origin, ...]
    schema: Schema | None
    meta: Any = None

    @cached_property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return max(given.n_blocks for given in self.inputs)


@dataclass(frozen=True, eq=False)
class Moved:
    """What Dask makes of whole tables: shuffled, gathered, stacked or reduced.

    Parameters
    ----------
    build
        Makes a dask.dataframe of those of the inputs.
    """

    build: Callable[..., Any]
    inputs: tuple[Origin, ...]
    schema: Schema | None
    n_blocks: int


Origin: TypeAlias = Held | Worked | Moved


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
    n_rows
        At most how many rows there are, as far as can be told.
    placed
        Where the rows of a key are, where it is known.
    dealt
        The rows dealt by some keys to some number of blocks: once, whoever asks.
    """

    origin: Origin
    schema: Schema
    n_rows: int
    placed: Placed | None = None
    dealt: dict[Placed, Origin] = field(default_factory=dict)

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return self.origin.n_blocks

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

    def ended(self, at: TaskContext, end: End, meta: Any = PACKED, *others: Origin) -> Worked:
        """Return what is made of each block in the end."""
        return Worked(at, end, (self.origin, *others), None, meta)


@dataclass(frozen=True)
class Site:
    """Where a stage is run: the task's place in the run, the caller's options, and what one worker may hold."""

    at: TaskContext
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
    """Return the empty partition that stands for a block of the schema."""
    return block_engine(engine).meta(schema)


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
    return packed.reduction(ship(same, "same"), aggregate=shipped, combine=shipped, meta=PACKED, split_every=SPLIT_EVERY)


def merged(packed: Origin, merge: Any, name: str) -> Moved:
    """Return packed rows of all blocks merged into one packed row."""
    return Moved(lambda frame: reduced(frame, merge, name), (packed,), None, 1)


def same(rows: Any) -> Any:
    """Return what is given: Dask's reductions begin with a step on each block, which is done already."""
    return rows


def from_parts(function: Any, parts: Iterable[Any], meta: Any) -> Any:
    """Return the function of each part as a dask.dataframe, one partition a part."""
    with dask.config.set({"dataframe.convert-string": False}):  # blocks have Arrow's text already, and packed bytes are no text
        return dd.from_map(ship(function, function.__name__), list(parts), meta=meta, enforce_metadata=False)


def placed_by_key(blocks: Blocks, keys: Sequence[str], n_blocks: int, at: TaskContext) -> Blocks:
    """Return the rows dealt to `n_blocks` blocks by the hash of their keys, through Dask's own shuffle."""
    placed = Placed(tuple(keys), f"hash:{n_blocks}")
    if blocks.placed == placed:
        return blocks
    if placed not in blocks.dealt:
        end = PlaceRows(tuple(keys), block_values(n_blocks, at.engine))
        addressed = blocks.ended(at, end, block_engine(at.engine).addressed_meta(blocks.schema))
        blocks.dealt[placed] = dealt(addressed, blocks.schema, n_blocks, at)
    return replace(blocks, origin=blocks.dealt[placed], placed=placed, dealt={})


def dealt(addressed: Origin, schema: Schema, n_blocks: int, at: TaskContext) -> Moved:
    """Return the rows in the blocks that `PLACE` says, through Dask's own shuffle."""
    method = block_engine(at.engine).shuffle_method(schema)

    def shuffled(frame: Any) -> Any:
        made = frame.shuffle(on=PLACE, npartitions=n_blocks, ignore_index=True, shuffle_method=method)
        return made[[name for name in frame.columns if name != PLACE]]

    return Moved(shuffled, (addressed,), schema, n_blocks)


@lru_cache(maxsize=64)
def block_values(n_blocks: int, engine: str) -> tuple[int, ...]:
    """Return, for each block, the least whole number that Dask's hash of the block engine's frames sends to it.

    Examples
    --------
    >>> len(set(block_values(7, "cpu")))
    7
    """
    n_tried = 16 * n_blocks + 64
    while True:
        tried = block_engine(engine).numbered(n_tried)
        sent = partitioning_index(tried, n_blocks, cast_dtype={PLACE: np.float64})  # Dask hashes numbers as floats
        found, first = np.unique(sent.to_numpy() if hasattr(sent, "to_numpy") else sent, return_index=True)
        if len(found) == n_blocks:
            return tuple(int(value) for value in first)
        n_tried *= 2


_NUMBER = pd.DataFrame({"number": np.zeros(0, np.int64)})


def numbers_of_blocks(n_blocks: int) -> Held:
    """Return the number of each block, which goes with the block."""
    return Held(from_parts(_numbered, range(n_blocks), _NUMBER), None)


def _numbered(number: int) -> pd.DataFrame:
    """Return a block's number as a frame."""
    return pd.DataFrame({"number": np.array([number], np.int64)})
