"""Whether the files of a source keep keys together, as it declares: which keys each block has, counted over all blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.ends import Source
from gpupipe.core.errors import SourceError
from gpupipe.engines._block_engine import BlockEngine
from gpupipe.engines._blocks import packed
from gpupipe.engines._stretch import End

COUNT = "__gpupipe_blocks__"


@dataclass(frozen=True)
class ListKeys(End):
    """Says which keys a block has, of which the rows are those of the keys' columns."""

    def made(self, engine: BlockEngine, rows: Any, *given: Any) -> pd.DataFrame:
        """Return the keys, each once, packed."""
        found = engine.distinct(rows)
        return packed(found.append_column(COUNT, pa.array([1] * found.num_rows, pa.int64())))


def counted_keys(tables: Sequence[pa.Table]) -> pa.Table:
    """Return in how many blocks each key is.

    Examples
    --------
    >>> one = pa.table({"k": [1, 2], COUNT: [1, 1]})
    >>> counted_keys([one, one]).to_pydict()[COUNT]
    [2, 2]
    """
    whole = pa.concat_tables(tables)
    keys = [name for name in whole.column_names if name != COUNT]
    return whole.group_by(keys).aggregate([(COUNT, "sum")]).rename_columns({f"{COUNT}_sum": COUNT}).select([*keys, COUNT])


def check_keys(source: Source, counted: pa.Table) -> None:
    """Raise SourceError where a key is in two blocks."""
    twice = counted.filter(pc.greater(counted[COUNT], 1))
    if twice.num_rows:
        key = twice.drop_columns([COUNT]).slice(0, 1).to_pylist()[0]
        msg = f"{source.origin()} declares that all rows of a key stand in one file, but {key} stands in several."
        raise SourceError(f"{msg} Leave out key=, or write each key's rows into one file.")
