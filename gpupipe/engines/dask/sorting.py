"""Sorting a table in blocks: rows are dealt to ranges between splitters drawn from all blocks, and each range is sorted by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from gpupipe.core.stage import TableStage
from gpupipe.core.verbs import Sorting
from gpupipe.engines._blocks import PACKED, PLACE, At, RunBlock, given, packed, unpacked
from gpupipe.engines.dask.blocks import Blocks, Site, block_values, dealt, mapped, marked_meta, meta_of, reduced

_SAMPLED = 256  # rows drawn from each block
_MARK = "__gpupipe_splitter__"


@dataclass(frozen=True)
class SampleKeys:
    """Draws some rows of a block's sort columns, evenly."""

    at: At
    how: Sorting

    def __call__(self, block: Any) -> pd.DataFrame:
        """Return the rows, packed."""
        with self.at.work() as engine:
            rows = given(engine, block[list(dict.fromkeys(self.how.columns))]).collect()
            drawn = rows.gather_every(max(1, len(rows) // _SAMPLED))
            return packed(engine.to_arrow(engine.settled(drawn.lazy())))


@dataclass(frozen=True)
class ChooseSplitters:
    """Chooses, of rows drawn from all blocks, those between the ranges."""

    at: At
    how: Sorting
    n_blocks: int

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the splitters in order, packed: one fewer than there are ranges, or fewer where rows are few."""
        with self.at.work() as engine:
            whole = pa.concat_tables([unpacked(table) for table in rows["table"]])
            frame = engine.verbs.sort(engine.verbs.literal(whole), self.how.columns, self.how.descending, nulls_last=self.how.nulls_last)
            ordered = engine.to_arrow(engine.settled(frame))
            places = [ordered.num_rows * number // self.n_blocks for number in range(1, self.n_blocks)] if ordered.num_rows else []
            return packed(ordered.take(pa.array(sorted(set(places)), pa.int64())))


@dataclass(frozen=True)
class RangeRows:
    """Says of each row which range it is in: it is sorted among the splitters, and rows equal to one come after it."""

    at: At
    how: Sorting
    values: tuple[int, ...]

    def __call__(self, block: Any, splitters: pd.DataFrame) -> Any:
        """Return the block, sorted, with the place of each row."""
        with self.at.work() as engine:
            frame, xp = given(engine, block), engine.xp
            table = unpacked(splitters["table"].iloc[0])
            both = engine.below(table, frame.select(list(dict.fromkeys(self.how.columns))))
            mark = xp.concatenate((xp.full(table.num_rows, -1), xp.arange(len(block))))
            order = engine.verbs.sort(
                given(engine, engine.marked(both, _MARK, mark)),
                (*self.how.columns, _MARK),
                (*self.how.descending, False),
                nulls_last=self.how.nulls_last,
            )
            marks = engine.array(order, _MARK)
            ranges = xp.cumsum(marks < 0)[marks >= 0]
            place = xp.empty(len(block))
            place[marks[marks >= 0]] = xp.asarray(self.values, dtype=np.float64)[ranges]
            return engine.marked(frame, PLACE, place)


def sorted_blocks(stage: TableStage, how: Sorting, blocks: Blocks, site: Site) -> Blocks:
    """Return the table in order: block after block, and within each block."""
    at, n_blocks = site.at, blocks.n_blocks
    meta = meta_of(blocks.schema, at.engine)
    drawn = mapped(SampleKeys(at, how), "sample-keys", PACKED, blocks.frame)
    chosen = mapped(ChooseSplitters(at, how, n_blocks), "choose-splitters", PACKED, reduced(drawn, Together(), "gather-keys"))
    values = block_values(n_blocks, at.engine)
    marked = mapped(RangeRows(at, how, values), "range-rows", marked_meta(blocks.schema, at.engine), blocks.frame, chosen)
    made = mapped(RunBlock(at, stage, blocks.schema), stage.name, meta, dealt(marked, blocks.schema, n_blocks, at))
    return replace(blocks, frame=made, placed=None)


@dataclass(frozen=True)
class Together:
    """Puts packed tables into one."""

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return one packed table."""
        return packed(pa.concat_tables([unpacked(table) for table in rows["table"]]))
