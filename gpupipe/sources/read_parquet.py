"""Rows from parquet files."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self
from urllib.parse import unquote

import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.parquet as pq

from gpupipe.core.arrow import in_utc, is_readable_zone, schema_of
from gpupipe.core.ends import FileScan, Piece, Source
from gpupipe.core.errors import PlanError, SourceError
from gpupipe.core.file_marks import file_marks
from gpupipe.core.files import Folder, FoundFiles, Paths, Place, find_files, kept_paths, local_files, shared_count, shown
from gpupipe.core.options import settle
from gpupipe.core.schema import Field, Schema, as_schema
from gpupipe.sources._agree import agreed_schema, are_alike, check_declared, require_columns
from gpupipe.sources.hive import hive_schema
from gpupipe.sources.located import at_files

SUFFIXES = (".parquet", ".parq", ".pq")
_MAX_FILES_WITH_STATISTICS = 64


@dataclass(frozen=True, eq=False)
class _Footer:
    """What the end of a parquet file tells; `written` is the schema that a library of Arrow's has put there for other ones.

    There is one of each file, as long as that stays as it is.
    """

    schema: pa.Schema
    written: bytes | None
    n_rows: int
    no_nulls: frozenset[str]
    some_nulls: frozenset[str]
    groups: tuple[int, ...]
    zones_are_known: bool


class _OfAll(NamedTuple):
    """What all files and folders of a source told when they were found: its columns, and those that folders hold."""

    schema: Schema
    keys: Schema


@dataclass(frozen=True, init=False)
class ReadParquet(Source):
    """The rows of parquet files.

    A column is known to hold no missing value where the files require one or, in up to 64 files, where their statistics count none;
    never a column of floats when NaN becomes missing.

    Parameters
    ----------
    path
        A file, several, a glob, or a folder, read with all its folders; plain paths, or fsspec's addresses.
    schema
        The columns to read and their dtypes; by default all, as the files have them. Columns declared not null are checked.
    hive
        Whether folders named ``key=value`` are columns; by default where there are any below the path or the glob's fixed part.
    nan_as_null
        Whether NaN is missing.
    key
        The columns of a key whose rows all stand in one file, where there are several: an engine may then work file by file, which
        takes less memory. It is checked as the rows are read.

    Raises
    ------
    SourceError
        There is no such file, one is damaged, or two files differ in names or dtypes.
    ColumnError
        A declared column is not in the files.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> pq.write_table(pa.table({"a": [1, 2], "b": ["x", None]}), f"{folder}/one.parquet")
    >>> ReadParquet(folder).schema().as_json()
    [['a', 'Int64', False], ['b', 'String', True]]
    >>> ReadParquet(folder).known_rows()
    2
    """

    path: str | tuple[str, ...] | FoundFiles
    declared: Schema | None
    hive: bool | None
    nan_as_null: bool
    key: tuple[str, ...]
    of_all: ClassVar[_OfAll | None] = None  # of a source that was located: a block of one file asks no other

    def __init__(
        self,
        path: Paths,
        *,
        schema: Mapping[str, Any] | None = None,
        hive: bool | None = None,
        nan_as_null: bool = True,
        key: str | Sequence[str] = (),
    ) -> None:
        settle(
            self,
            path=kept_paths(path),
            declared=None if schema is None else as_schema(schema),
            hive=hive,
            nan_as_null=nan_as_null,
            key=(key,) if isinstance(key, str) else tuple(key),
        )

    def whole_keys(self) -> tuple[str, ...]:
        """Return the key whose rows all stand in one file."""
        return self.key

    def fingerprint(self) -> tuple[tuple[Any, ...], ...] | None:
        """Return the files' marks."""
        return file_marks(self._files())

    def origin(self) -> str:
        """Return the path."""
        return shown(self.path)

    def schema(self) -> Schema:
        """Return the columns declared, or those of the files' footers and folders."""
        return self._agreed(self._files())

    def known_rows(self) -> int | None:
        """Return the rows that the footers count."""
        found = self._files()
        return sum(_footer(file, len(found)).n_rows for file in found)

    def declared_not_null(self) -> frozenset[str]:
        """Return the columns declared not null."""
        return frozenset() if self.declared is None else self.declared.not_null

    def located(self) -> Self:
        """Return the source with its files found, and what their footers and folders agree on."""
        found = self._files()
        return at_files(self, found, of_all=_OfAll(self._agreed(found), self._keys(found)))

    def n_files(self) -> int:
        """Return how many files there are that other processes can read, too."""
        return shared_count(self._files())

    def pieces(self, file: int, n_rows: int) -> list[Piece]:
        """Return runs of the file's row groups; `start` and `stop` count rows."""
        found = self._files()
        groups = _footer(found[file], len(found)).groups
        return [Piece(file, stop - start, start, stop) for start, stop in _runs(groups, n_rows)]

    def scan_piece(self, piece: Piece, scratch: Folder) -> FileScan:
        """Return one run of row groups; see `scan`."""
        found = self._files()
        scan = self._scan([found[piece.file]], found, scratch)
        return scan if piece.start is None else replace(scan, rows=(piece.start, piece.n_rows))

    def scan(self, scratch: Folder) -> FileScan:
        """Return the files; option ``hive`` holds the dtypes of the folders' keys, the outer folders' too, or nothing."""
        found = self._files()
        return self._scan(found, found, scratch)

    def _scan(self, chosen: list[Place], found: list[Place], scratch: Folder) -> FileScan:
        """Return some of the files that were found."""
        footers = {file: _footer(file, len(found)) for file in chosen}
        schema = self._agreed(found)
        locals_ = local_files(chosen, scratch)
        paths = [_readable(file, path, footers[file], scratch) for file, path in zip(chosen, locals_, strict=True)]
        keys = self._keys(found)
        hive = Schema(tuple({**dict.fromkeys(_outer_keys(paths), Field(nw.String())), **keys}.items())) if keys else None
        alike = _are_alike([footers[file] for file in chosen], [name for name in schema if name not in keys])
        return FileScan("parquet", tuple(paths), schema, {"hive": hive, "alike": alike})

    def explain(self, error: Exception) -> SourceError | None:
        """Return which file is damaged, by reading each to its end, or what a reader said that alone cannot read them."""
        if isinstance(error, SourceError):
            return None
        for file in self._files():
            try:
                with file.open() as stream:
                    for _ in pq.ParquetFile(stream).iter_batches():
                        pass
            except (pa.ArrowException, OSError, ValueError, EOFError) as found:
                return _damaged(file, found)
        told = (str(error).removeprefix("Polars: ").splitlines() or [type(error).__name__])[0].rstrip(".")
        msg = f"{self.origin()} could not be read: {told}. Check the files, or write them again: pyarrow reads them."
        return SourceError(msg)

    def _files(self) -> list[Place]:
        return find_files(self.path, SUFFIXES, "parquet files")

    def _agreed(self, found: list[Place]) -> Schema:
        """Return the columns of all files and folders."""
        if self.of_all is not None:
            return self.of_all.schema
        return _schema_of(self, tuple(found), tuple(_footer(file, len(found)) for file in found))

    def _keys(self, found: Sequence[Place]) -> Schema:
        """Return the columns that folders hold: text, where that is declared, as it stands there."""
        if self.of_all is not None:
            return self.of_all.keys
        if self.hive is False:
            return Schema(())
        texts = (name for name, field in (self.declared or {}).items() if isinstance(field.dtype, (nw.String, nw.Categorical)))
        return hive_schema(found, frozenset(texts))

    def _planned(self, first: Place, agreed: pa.Schema, footers: Sequence[_Footer], keys: dict[str, Field]) -> Schema:
        """Return the columns of the files and the folders; where both have one, the folders' counts."""
        wanted = None if self.declared is None else [name for name in agreed.names if name in self.declared]
        try:
            columns = dict(schema_of(agreed, wanted))
        except PlanError as error:
            msg = f"{first}: {error}"
            raise SourceError(msg) from error
        no_nulls = frozenset.intersection(*(footer.no_nulls for footer in footers))
        some_nulls = frozenset().union(*(footer.some_nulls for footer in footers))
        made: dict[tuple[int, bool, bool], Field] = {}  # columns of one type share a field, and a wide table has few types
        for name, field in columns.items():
            kind = id(field), name in no_nulls, name in some_nulls
            if kind not in made:
                sure = (not field.nullable or name in no_nulls) and not (self.nan_as_null and field.dtype.is_float())
                made[kind] = Field(field.dtype, not sure, name in some_nulls)
            columns[name] = made[kind]
        return Schema(tuple({**columns, **keys}.items()))


@lru_cache(maxsize=256)
def _schema_of(source: ReadParquet, found: tuple[Place, ...], footers: tuple[_Footer, ...]) -> Schema:
    """Return the columns of a source whose files have these footers: a plan and a run ask for them, and so does each further run."""
    agreed = agreed_schema(found, [footer.schema for footer in footers])
    keys = dict(source._keys(found))
    if source.declared is not None:
        require_columns(source.declared, [*agreed.names, *keys], str(found[0]))
    whole = source._planned(found[0], agreed, footers, keys)
    if source.declared is None:
        return whole
    check_declared(source.declared, whole, str(found[0]))
    return source.declared


def _outer_keys(paths: list[str]) -> list[str]:
    """Return the keys of every folder of the absolute paths that is named like a partition."""
    parts = (part for path in paths for part in Path(path).absolute().parent.parts)
    return list(dict.fromkeys(unquote(part.partition("=")[0]) for part in parts if "=" in part))


def _readable(file: Place, local: str, footer: _Footer, scratch: Folder) -> str:
    """Return a local path of a file that every reader opens: a copy with times in UTC where a zone is one that not all know.

    Its row groups are those of the file, and it stands in folders of the same names.
    """
    if footer.zones_are_known:
        return local
    stamp = hashlib.blake2b(f"{file} {file.stamp}".encode(), digest_size=12).hexdigest()
    target = Path(scratch, f"utc-{stamp}", *file.folders, Path(local).name)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        with pq.ParquetFile(local) as opened:
            schema = pa.schema([field.with_type(in_utc(field.type)) for field in opened.schema_arrow])
            with pq.ParquetWriter(part, schema) as copy:
                for group, n_rows in enumerate(footer.groups):
                    copy.write_table(opened.read_row_group(group).cast(schema), row_group_size=max(n_rows, 1))
        part.replace(target)
    return str(target)


def _are_alike(footers: Sequence[_Footer], names: Sequence[str]) -> bool:
    """Return whether all files write some columns in the same types, and tell other libraries so."""
    if not are_alike([footer.schema for footer in footers], names):
        return False
    if len({footer.written for footer in footers}) == 1:
        return True
    told = [footer.written for footer in footers]
    schemas = [
        pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text))) if text else footer.schema
        for text, footer in zip(told, footers, strict=True)
    ]
    return are_alike(schemas, names)


def _runs(groups: Sequence[int], n_rows: int) -> list[tuple[int, int]]:
    """Return the first row, and the one after the last, of consecutive row groups of at most `n_rows` together, or of one."""
    runs: list[tuple[int, int]] = []
    at = 0
    for size in groups:
        if runs and at + size - runs[-1][0] <= n_rows:
            runs[-1] = (runs[-1][0], at + size)
        else:
            runs.append((at, at + size))
        at += size
    return runs or [(0, 0)]


def _footer(file: Place, n_files: int) -> _Footer:
    """Return what the file's footer tells; read once as long as the file stays as it is."""
    try:
        return _read_footer(file, file.stamp, n_files <= _MAX_FILES_WITH_STATISTICS)
    except (pa.ArrowException, OSError, ValueError, EOFError) as error:
        raise _damaged(file, error) from error


@lru_cache(maxsize=4096)
def _read_footer(file: Place, stamp: str, with_statistics: bool) -> _Footer:
    """Return what the footer tells; `stamp` makes a changed file another one."""
    with file.open() as stream:
        opened = pq.ParquetFile(stream)
        metadata, schema = opened.metadata, opened.schema_arrow
        no_nulls, some_nulls = _nulls(metadata, schema) if with_statistics else (frozenset(), frozenset())
    groups = tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    if sum(groups) != metadata.num_rows:  # readers differ in which of the two they believe
        msg = f"{file}: expected a footer that counts the rows of its {len(groups)} row groups, {sum(groups)}, got {metadata.num_rows}."
        raise SourceError(f"{msg} Write the file again: pyarrow.parquet.read_table reads the groups.")
    zones_are_known = all(is_readable_zone(field.type) for field in schema)
    written = (metadata.metadata or {}).get(b"ARROW:schema")
    return _Footer(schema, written, metadata.num_rows, no_nulls, some_nulls, groups, zones_are_known)


def _nulls(metadata: pq.FileMetaData, schema: pa.Schema) -> tuple[frozenset[str], frozenset[str]]:
    """Return the columns of which every row group's statistics count no null, and those of which some count one."""
    flat = {field.name for field in schema if not pa.types.is_nested(field.type)}
    sure, some = set(flat), set()
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for position in range(row_group.num_columns):
            column = row_group.column(position)
            statistics = column.statistics if column.path_in_schema in flat else None
            if statistics is None or not statistics.has_null_count or statistics.null_count:
                sure.discard(column.path_in_schema)
            if statistics is not None and statistics.has_null_count and statistics.null_count:
                some.add(column.path_in_schema)
    return frozenset(sure), frozenset(some)


def _damaged(file: Place, error: Exception) -> SourceError:
    """Return the error for a file that is no whole parquet file."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    reason = first.rstrip(".")
    return SourceError(f"{file}: expected a whole parquet file, got one that cannot be read: {reason}. Fetch or write it again.")
