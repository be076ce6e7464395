"""Writing a table in blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpupipe.core.ends import Writer
from gpupipe.engines._blocks import PACKED, At, MeasureBlock, unpacked
from gpupipe.engines._single import batches_of
from gpupipe.engines.dask.blocks import Blocks, mapped


def written(blocks: Blocks, writer: Writer, at: At) -> tuple[Any, Callable[[Any], None]]:
    """Return what the cluster is asked for, and what writes its answer."""
    packed = mapped(MeasureBlock(at, None), "to-arrow", PACKED, blocks.frame)

    def finish(frame: Any) -> None:
        for table in frame["table"]:
            for batch in batches_of(unpacked(table)):
                writer.write(batch)
        writer.close()

    return packed, finish
