"""The first rows of files that an engine, or a worker, has written by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

_MOST_FILES = 8  # of a folder; those of empty blocks come to nothing


def first_rows_of(paths: Iterable[str], names: Sequence[str], n_rows: int) -> pa.Table | None:
    """Return some columns of the first rows of local files, Parquet or Arrow; None where there is none of these.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/a.parquet"
    >>> pq.write_table(pa.table({"a": [1, 2, 3], "b": [4, 5, 6]}), path)
    >>> first_rows_of([path], ["b"], 2).to_pydict()
    {'b': [4, 5]}
    """
    found: list[pa.Table] = []
    for path in islice(sorted(path for path in paths if path.endswith((".parquet", ".arrow", ".feather"))), _MOST_FILES):
        left = n_rows - sum(one.num_rows for one in found)
        if left <= 0:
            break
        found.append(_beginning(path, list(names), left))
    return pa.concat_tables(found) if found else None


def _beginning(path: str, names: list[str], n_rows: int) -> pa.Table:
    """Return the first rows of a file."""
    if path.endswith(".parquet"):
        with pq.ParquetFile(path) as file:
            batches = list(islice(file.iter_batches(n_rows, columns=names), 1))
            return pa.Table.from_batches(batches) if batches else file.schema_arrow.empty_table().select(names)
    with pa.memory_map(path) as held, pa.ipc.open_file(held) as stream:
        some = [stream.get_batch(0).select(names).slice(0, n_rows)] if stream.num_record_batches else []
        return pa.Table.from_batches(some, pa.schema([stream.schema.field(name) for name in names]))
