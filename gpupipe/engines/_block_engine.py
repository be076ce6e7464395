"""Block engines: engines of one process as workers have them, which work on a table's blocks, one after the other.

A block is what Dask holds as a partition. What is inside is the block engine's own: to the rest it is opened to a frame, on which stages
run, and a frame is closed to a block.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from gpupipe.core.ends import Piece, Reading, Source
from gpupipe.core.schema import Schema
from gpupipe.core.want import Want
from gpupipe.engines._arrow import as_array
from gpupipe.engines._estimators import target_values, weight_values
from gpupipe.engines._single import SingleEngine
from gpupipe.engines._verbs import hashable, row_hashes

Frame = nw.LazyFrame[Any]
PLACE = "__gpupipe_place__"  # the column that says which block a row goes to
TARGET, WEIGHT = "__gpupipe_target__", "__gpupipe_weight__"  # their columns in a frame of numbers
PACKED = pd.DataFrame({"table": pd.Series([], dtype=object)})  # what stands for partitions that carry any object


def carrying(value: Any) -> pd.DataFrame:
    """Return a frame of one row whose one value is any object."""
    column = pd.Series([None], dtype=object)
    column.iat[0] = value
    return pd.DataFrame({"table": column})


class BlockEngine(SingleEngine):
    """An engine of one process, with what a worker needs of it beyond stages: blocks opened, closed, dealt and measured."""

    fuses: ClassVar[bool] = False  # whether steps on a block are described first and then computed as one query
    xp: Any = np  # whose arrays the engine makes
    boosting: ClassVar[Mapping[str, Any]] = {}  # what XGBoost is told beside an estimator's own parameters

    def working(self) -> AbstractContextManager[Any]:
        """Return the context in which the engine's library means what gpupipe means."""
        return nullcontext()

    def settle_process(self) -> None:
        """Prepare a process whose threads all work on blocks."""
        return None

    @abstractmethod
    def read_pieces(self, source: Source, pieces: Sequence[Piece], reading: Reading, schema: Schema) -> Frame:
        """Return what is needed of some pieces of a source as one frame."""

    @abstractmethod
    def meta(self, schema: Schema) -> Any:
        """Return the empty partition that stands for a block of the schema in Dask's graphs."""

    @abstractmethod
    def opened(self, block: Any, schema: Schema) -> Frame:
        """Return a block as a frame."""

    @abstractmethod
    def closed(self, frame: Frame) -> Any:
        """Return a frame that has been computed as a block."""

    @abstractmethod
    def measured(self, block: Any) -> tuple[int, int]:
        """Return the number of a block's rows, and of their bytes."""

    @abstractmethod
    def addressed(self, frame: Frame, places: Any, values: Sequence[int]) -> Any:
        """Return a frame as Dask shuffles it, by a column `PLACE` of addresses.

        Parameters
        ----------
        places
            An array of the number of the block that each row goes to.
        values
            The address of each block.
        """

    @abstractmethod
    def addressed_meta(self, schema: Schema) -> Any:
        """Return the empty partition that stands for what is shuffled; its columns but for `PLACE` are the block that comes out."""

    @abstractmethod
    def numbered(self, n_rows: int) -> Any:
        """Return a native frame of addresses from 0 on, as Dask would hash them."""

    def shuffle_method(self, schema: Schema) -> str | None:
        """Return the way in which Dask moves rows between blocks of a schema; None leaves it to Dask."""
        return None

    def settled(self, frame: Frame) -> Frame:
        """Return a frame as one that has just been opened is: an operation may have left what stages do not expect."""
        return frame

    def shared(self, frame: Frame) -> Frame:
        """Return a frame that several others are made of, computed once."""
        return frame

    def ingested(self, table: pa.Table) -> Frame:
        """Return rows that a source handed over as Arrow."""
        return self.verbs.literal(table)

    def prepared(self, want: Want, frame: Frame) -> Frame:
        """Return what a barrier wants of a table."""
        return want.prepare(self.verbs, frame)

    @abstractmethod
    def to_arrow(self, frame: Frame, *, at_end: bool = False) -> pa.Table:
        """Return the frame as Arrow, entered in the ledger; `at_end` where it goes to a sink."""

    def numbers(self, frame: Frame, features: Sequence[str], target: str | None, weight: str | None) -> Any:
        """Return a native frame of floats for learners that take blocks: the features, the target as `TARGET`, the weight as `WEIGHT`."""
        made = pd.DataFrame(as_array(self.to_arrow(frame.select(list(features)))), columns=list(features), copy=False)
        if target is not None:
            made[TARGET] = np.asarray(target_values(frame.collect(), target), dtype=np.float64)
        if weight is not None:
            made[WEIGHT] = weight_values(frame.collect(), weight)
        return made

    def hashes(self, frame: Frame, keys: Sequence[str]) -> Any:
        """Return an array of the hash of each row's keys."""
        return row_hashes(hashable(self.to_arrow(frame.select(list(keys)))), 0)

    def array(self, frame: Frame, column: str) -> Any:
        """Return a column of integers, none of them missing, as an array."""
        return frame.collect()[column].to_numpy()

    @abstractmethod
    def marked(self, frame: Frame, name: str, values: Any) -> Frame:
        """Return the frame with an array as one more column."""

    def below(self, table: pa.Table, frame: Frame) -> Frame:
        """Return the rows of a small Arrow table, and those of the frame below them."""
        return self.verbs.literal(pa.concat_tables([table, self.to_arrow(frame)]))

    def distinct(self, frame: Frame) -> pa.Table:
        """Return each row once, as Arrow."""
        table = self.to_arrow(frame)
        return table.group_by(table.column_names).aggregate([])

    def adopted(self, estimator: Any) -> Any:
        """Return an estimator of XGBoost's, trained elsewhere, as the frames of this engine are given to it."""
        return estimator
