"""Sorting a table in blocks: rows are dealt to ranges between splitters drawn from all blocks, and each range is sorted by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pyarrow as pa

from gpupipe.core.stage import TableStage
from gpupipe.core.verbs import Sorting
from gpupipe.engines._block_engine import PACKED, BlockEngine
from gpupipe.engines._blocks import TaskContext, block_engine, packed, unpacked
from gpupipe.engines._stretch import ChooseColumns, End, RunStage
from gpupipe.engines._symbolic import narrowed
from gpupipe.engines.dask.blocks import Blocks, Moved, Site, Worked, block_values, dealt, mapped, merged

_SAMPLED = 256  # rows drawn from each block
_MARK = "__gpupipe_splitter__"


@dataclass(frozen=True)
class SampleRows(End):
    """Draws some rows, evenly."""

    def made(self, engine: BlockEngine, rows: Any, *given: Any) -> pd.DataFrame:
        """Return the rows, packed."""
        whole = rows.collect()
        return packed(engine.to_arrow(engine.settled(whole.gather_every(max(1, len(whole) // _SAMPLED)).lazy())))


@dataclass(frozen=True)
class ChooseSplitters:
    """Chooses, of rows drawn from all blocks, those between the ranges."""

    at: TaskContext
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
class RangeRows(End):
    """Says of each row which range it is in: it is sorted among the splitters, and rows equal to one come after it."""

    how: Sorting
    values: tuple[int, ...]

    def made(self, engine: BlockEngine, rows: Any, *given: Any) -> Any:
        """Return the rows with the address of each."""
        xp, table = engine.xp, unpacked(given[0]["table"].iloc[0])
        n_rows = len(rows.collect())
        both = engine.below(table, rows.select(list(dict.fromkeys(self.how.columns))))
        mark = xp.concatenate((xp.full(table.num_rows, -1), xp.arange(n_rows)))
        marked = engine.settled(engine.marked(both, _MARK, mark))
        order = engine.verbs.sort(marked, (*self.how.columns, _MARK), (*self.how.descending, False), nulls_last=self.how.nulls_last)
        marks = engine.array(order, _MARK)
        places = xp.empty(n_rows, dtype=xp.int64)
        places[marks[marks >= 0]] = xp.cumsum(marks < 0)[marks >= 0]
        return engine.addressed(rows, places, self.values)


def sorted_blocks(stage: TableStage, how: Sorting, blocks: Blocks, site: Site) -> Blocks:
    """Return the table in order: block after block, and within each block."""
    at, n_blocks = site.at, blocks.n_blocks
    columns = tuple(dict.fromkeys(how.columns))
    keys = Worked(at, ChooseColumns(columns), (blocks.origin,), narrowed(blocks.schema, columns))
    drawn = merged(Worked(at, SampleRows(), (keys,), None, PACKED), Together(), "gather-keys")
    choose = ChooseSplitters(at, how, n_blocks)
    chosen = Moved(lambda frame: mapped(choose, "choose-splitters", PACKED, frame), (drawn,), None, 1)
    ranged = RangeRows(how, block_values(n_blocks, at.engine))
    addressed = blocks.ended(at, ranged, block_engine(at.engine).addressed_meta(blocks.schema), chosen)
    moved = dealt(addressed, blocks.schema, n_blocks, at)
    return replace(blocks, origin=Worked(at, RunStage(stage, blocks.schema), (moved,), blocks.schema), placed=None, dealt={})


@dataclass(frozen=True)
class Together:
    """Puts packed tables into one."""

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return one packed table."""
        return packed(pa.concat_tables([unpacked(table) for table in rows["table"]]))
