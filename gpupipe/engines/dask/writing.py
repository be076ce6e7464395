"""Writing a table in blocks: the workers write files of a folder by themselves; a single file's rows come here, block after block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpupipe.core.ends import Writer
from gpupipe.engines._block_engine import PACKED
from gpupipe.engines._blocks import TaskContext, unpacked
from gpupipe.engines._single import batches_of
from gpupipe.engines._stretch import MeasureRows, WriteRows
from gpupipe.engines.dask.blocks import Blocks, Worked, numbers_of_blocks
from gpupipe.engines.dask.waiting import Waiter


def written(blocks: Blocks, writer: Writer, at: TaskContext, waiter: Waiter) -> tuple[Worked, Callable[[Any], None]]:
    """Return what the cluster is asked for, and what finishes the output with its answer, which stays on the workers till then."""
    parts = writer.parts()
    if parts is None:
        return blocks.ended(at, MeasureRows(at_end=True)), lambda frame: _write(writer, waiter, frame)
    return blocks.ended(at, WriteRows(parts), PACKED, numbers_of_blocks(blocks.n_blocks)), lambda frame: _take(writer, waiter, frame)


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
