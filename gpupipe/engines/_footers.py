"""What the device's reader must know of Parquet files before it reads them; nothing here needs a device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True, eq=False)
class Footer:
    """What a Parquet file's footer tells.

    Parameters
    ----------
    schema
        The columns as Arrow has them.
    columns
        The columns as the file has them: libcudf reads files together only where these are the same, in the same order.
    page_bytes
        How many bytes each column takes in the file, compressed: the most that reading it moves.
    """

    schema: pa.Schema
    columns: tuple[tuple[Any, ...], ...]
    page_bytes: Mapping[str, int]


def footer_of(path: str) -> Footer:
    """Return a file's footer; read once as long as the file stays as it is.

    Examples
    --------
    >>> import tempfile
    >>> path = f"{tempfile.mkdtemp()}/a.parquet"
    >>> pq.write_table(pa.table({"a": [1, 2], "s": [{"x": 1.5}, None]}), path)
    >>> footer = footer_of(path)
    >>> footer.schema.names, [name for name, *_ in footer.columns], sorted(footer.page_bytes)
    (['a', 's'], ['a', 's.x'], ['a', 's'])
    """
    facts = Path(path).stat()
    return _read_footer(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=4096)
def _read_footer(path: str, changed: int, size: int) -> Footer:
    """Return the footer; when the file was changed, and its size, make a changed file another one."""
    facts = pq.read_metadata(path)
    there = [facts.schema.column(position) for position in range(facts.num_columns)]
    columns = tuple(
        (one.path, one.physical_type, str(one.logical_type), one.length, one.max_definition_level, one.max_repetition_level)
        for one in there
    )
    tops = [one.path.partition(".")[0] for one in there]
    n_bytes: Counter[str] = Counter()
    for group in (facts.row_group(number) for number in range(facts.num_row_groups)):
        for position, top in enumerate(tops):
            n_bytes[top] += group.column(position).total_compressed_size
    return Footer(facts.schema.to_arrow_schema(), columns, dict(n_bytes))
