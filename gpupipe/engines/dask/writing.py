"""Writing a table in blocks: the workers write files of a folder by themselves; a single file's rows come here, block after block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gpupipe.core.ends import PartWriter, Writer
from gpupipe.engines._blocks import PACKED, At, MeasureBlock, carrying, given, unpacked
from gpupipe.engines._single import batches_of
from gpupipe.engines.dask.blocks import Blocks, from_parts, mapped
from gpupipe.engines.dask.waiting import Waiter


@dataclass(frozen=True)
class WriteBlock:
    """Writes one block as a part of an output."""

    at: At
    writer: PartWriter

    def __call__(self, block: Any, number: pd.DataFrame) -> pd.DataFrame:
        """Return what was written."""
        with self.at.work() as engine:
            table = engine.to_arrow(given(engine, block), at_end=True)
            return carrying(self.writer.write(int(number["number"].iloc[0]), batches_of(table)))


def written(blocks: Blocks, writer: Writer, at: At, waiter: Waiter) -> tuple[Any, Callable[[Any], None]]:
    """Return what the cluster is asked for, and what finishes the output with its answer, which stays on the workers till then."""
    parts = writer.parts()
    if parts is None:
        return mapped(MeasureBlock(at, None, at_end=True), "to-arrow", PACKED, blocks.frame), lambda frame: _write(writer, waiter, frame)
    numbers = from_parts(numbered, range(blocks.n_blocks), _NUMBER)
    return mapped(WriteBlock(at, parts), "write", PACKED, blocks.frame, numbers), lambda frame: _take(writer, waiter, frame)


_NUMBER = pd.DataFrame({"number": np.zeros(0, np.int64)})


def numbered(number: int) -> pd.DataFrame:
    """Return a block's number as a frame, which goes with the block."""
    return pd.DataFrame({"number": np.array([number], np.int64)})


def _write(writer: Writer, waiter: Waiter, frame: Any) -> None:
    """Write the rows here, one block after the other."""
    for rows in waiter.each(frame):
        for batch in batches_of(unpacked(rows["table"].iloc[0])):
            writer.write(batch)
    writer.close()


def _take(writer: Writer, waiter: Waiter, frame: Any) -> None:
    """Take over what the workers wrote."""
    writer.take_parts(list(waiter.fetched(frame)["table"]))
    writer.close()
