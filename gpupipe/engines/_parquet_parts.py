"""What the device's reader must know of Parquet files before it reads them; nothing here needs a device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from gpupipe.core.ends import FileScan, Reading
from gpupipe.engines._scan import scan_files


@dataclass(frozen=True)
class RowGroup:
    """What a footer tells of a row group: its rows, and the bytes that each column takes in the file, compressed."""

    n_rows: int
    page_bytes: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Footer:
    """What a Parquet file's footer tells.

    Parameters
    ----------
    schema
        The columns as Arrow has them.
    columns
        The columns as the file has them: libcudf reads files together only where these are the same, in the same order.
    """

    schema: pa.Schema
    columns: tuple[tuple[Any, ...], ...]
    groups: tuple[RowGroup, ...]


@dataclass(frozen=True)
class ParquetPart:
    """A Parquet file, or some row groups of one, by number."""

    path: str
    footer: Footer
    groups: tuple[int, ...]

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole file."""
        return len(self.groups) == len(self.footer.groups)

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return sum(self.footer.groups[group].n_rows for group in self.groups)

    def n_bytes(self, columns: Sequence[str]) -> int:
        """Return the bytes of some columns in the file: the most that reading them moves."""
        return sum(self.footer.groups[group].page_bytes.get(name, 0) for group in self.groups for name in columns)


@dataclass(frozen=True)
class ParquetParts:
    """What a device reads of Parquet files.

    Parameters
    ----------
    parts
        The files, or parts of them, in order.
    folders
        One row a part: the columns that are wanted of those that stand in folders' names.
    """

    parts: tuple[ParquetPart, ...]
    folders: pa.Table

    @cached_property
    def are_whole(self) -> bool:
        """Whether every part is a whole file."""
        return all(part.is_whole for part in self.parts)

    @cached_property
    def are_alike(self) -> bool:
        """Whether libcudf can read the files together."""
        return len({part.footer.columns for part in self.parts}) <= 1


def parts_to_read(scans: Sequence[FileScan], reading: Reading) -> ParquetParts:
    """Return what is to be read of the files of some scans; a predicate on folders' columns alone leaves out files.

    The values in folders' names are what the host's reader makes of them.
    """
    parts = [_part(str(path), scan.rows) for scan in scans for path in scan.paths]
    hive = scans[0].options.get("hive") or {}
    names = [name for name in reading.columns if name in hive]
    values = pl.concat([_folder_values(replace(scan, paths=(path,)), names) for scan in scans for path in scan.paths])
    chosen = list(range(len(parts)))
    if names and reading.predicate is not None and set(reading.predicate.meta.root_names()) <= set(names):
        numbered = values.with_columns(pl.int_range(pl.len()).alias("\0part"))
        chosen = numbered.filter(reading.predicate)["\0part"].to_list()
    return ParquetParts(tuple(parts[number] for number in chosen), values[chosen].select(names).to_arrow())


def whole_groups(scan: FileScan) -> bool:
    """Whether a scan of Parquet files is of whole files, or of whole row groups of one."""
    if scan.rows is None:
        return True
    start, n_rows = scan.rows
    bounds = _bounds(footer_of(str(scan.paths[0])))
    return len(scan.paths) == 1 and start in bounds and start + n_rows in bounds


def _part(path: str, rows: tuple[int, int] | None) -> ParquetPart:
    """Return a file's part: all row groups, or those that hold some rows."""
    footer = footer_of(path)
    if rows is None:
        return ParquetPart(path, footer, tuple(range(len(footer.groups))))
    start, n_rows = rows
    bounds = _bounds(footer)
    return ParquetPart(path, footer, tuple(group for group in range(len(footer.groups)) if start <= bounds[group] < start + n_rows))


def _bounds(footer: Footer) -> list[int]:
    """Return the first row of each row group, and the number of rows."""
    bounds = [0]
    for group in footer.groups:
        bounds.append(bounds[-1] + group.n_rows)
    return bounds


def _folder_values(scan: FileScan, names: Sequence[str]) -> pl.DataFrame:
    """Return one row: what a file's folders say of some columns; missing where the file has no rows."""
    if not names:
        return pl.DataFrame({"\0none": [None]})
    first = scan_files(replace(scan, rows=None)).select(names).head(1).collect()
    return first if len(first) else first.clear(1)


def footer_of(path: str) -> Footer:
    """Return a file's footer; read once as long as the file stays as it is.

    Examples
    --------
    >>> import tempfile
    >>> path = f"{tempfile.mkdtemp()}/a.parquet"
    >>> pq.write_table(pa.table({"a": [1, 2], "s": [{"x": 1.5}, None]}), path)
    >>> footer = footer_of(path)
    >>> footer.schema.names, [name for name, *_ in footer.columns], sorted(footer.groups[0].page_bytes)
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
    groups = []
    for group in (facts.row_group(number) for number in range(facts.num_row_groups)):
        n_bytes: Counter[str] = Counter()
        for position, top in enumerate(tops):
            n_bytes[top] += group.column(position).total_compressed_size
        groups.append(RowGroup(group.num_rows, dict(n_bytes)))
    return Footer(facts.schema.to_arrow_schema(), columns, tuple(groups))
