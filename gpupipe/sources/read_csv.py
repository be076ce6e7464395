"""Rows from delimited text."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.ends import FileScan, Piece, Source
from gpupipe.core.errors import SourceError, UsageError, listing
from gpupipe.core.files import Paths, Place, file_marks, find_files, kept_paths, local_files, shared_count, shown
from gpupipe.core.schema import Schema, as_schema
from gpupipe.sources._agree import require_columns
from gpupipe.sources.csv_bad_row import first_bad_row, raise_bad_row
from gpupipe.sources.csv_clean import cleaned
from gpupipe.sources.csv_inspect import CsvFacts, check_header, check_named, inspect_csv
from gpupipe.sources.csv_schema import first_record, header_of, inferred
from gpupipe.sources.csv_text import Dialect, Grammar, is_packed
from gpupipe.sources.csv_values import check_in_text, value_checks
from gpupipe.sources.text_pieces import read_bytes, text_pieces

_PACKED = ("", ".gz", ".bz2", ".xz", ".zst")
SUFFIXES = tuple(f"{kind}{packed}" for kind in (".csv", ".tsv", ".psv", ".txt", ".dat") for packed in _PACKED)
_FACTS: dict[tuple[Any, ...], CsvFacts] = {}


@dataclass(frozen=True, init=False)
class ReadCsv(Source):
    r"""The rows of delimited text files.

    Every row must have as many fields as the first one; blank lines and comments are no rows. Files compressed by gzip, bzip2, xz
    or Zstandard are read through.

    Parameters
    ----------
    path
        A file, several, a glob, or a folder, read with all its folders; plain paths, or fsspec's addresses.
    schema
        The columns to read and their dtypes. With a header, some of its columns in any order; without one, every column in order,
        or some of `names`. By default the header's, with dtypes that the first megabyte of the first file suggests: Int64, Float64,
        Boolean, Date, Datetime("us"), or else String. A number too large for its float dtype is infinite, and more decimal places
        than a Decimal has are rounded.
    separator, quote, header, comment, skip_rows
        How the text is written: see `Dialect`.
    null_values
        Texts that mean a missing value; an empty field always does.
    date_format
        How dates and times are written, as strftime has it: for all such columns, or by column. By default ISO 8601.
    names
        The columns' names in a file without a header, where `schema` declares only some of them.
    nan_as_null
        Whether NaN is missing.
    key
        The columns of a key whose rows all stand in one file, where there are several: an engine may then work file by file, which
        takes less memory. It is checked as the rows are read.

    Raises
    ------
    SourceError
        There is no such file; it is empty, not UTF-8, or names a column twice or not at all; a row is too long or too short.
    ColumnError
        A declared column is not in the header.
    DtypeError
        A column is declared to hold lists or structs.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.csv")
    >>> _ = path.write_text("id,day\n1,2020-02-03\n")
    >>> ReadCsv(path).schema().dtypes
    {'id': Int64, 'day': Date}
    """

    path: str | tuple[str, ...]
    declared: Schema | None
    dialect: Dialect
    null_values: tuple[str, ...]
    date_format: str | tuple[tuple[str, str], ...] | None
    names: tuple[str, ...] | None
    nan_as_null: bool
    key: tuple[str, ...]

    def __init__(
        self,
        path: Paths,
        *,
        schema: Mapping[str, Any] | None = None,
        separator: str = ",",
        quote: str | None = '"',
        header: bool = True,
        null_values: str | Sequence[str] = ("",),
        date_format: str | Mapping[str, str] | None = None,
        comment: str | None = None,
        skip_rows: int = 0,
        names: Sequence[str] | None = None,
        nan_as_null: bool = True,
        key: str | Sequence[str] = (),
    ) -> None:
        declared = None if schema is None else as_schema(schema)
        nulls = (null_values,) if isinstance(null_values, str) else tuple(null_values)
        check_in_text(declared or Schema(()))
        _check_names(declared, names, header=header)
        object.__setattr__(self, "path", kept_paths(path))
        object.__setattr__(self, "declared", declared)
        object.__setattr__(self, "dialect", Dialect(separator, quote, header, comment, skip_rows))
        object.__setattr__(self, "null_values", nulls)
        object.__setattr__(self, "date_format", tuple(date_format.items()) if isinstance(date_format, Mapping) else date_format)
        object.__setattr__(self, "names", None if names is None else tuple(names))
        object.__setattr__(self, "nan_as_null", nan_as_null)
        object.__setattr__(self, "key", (key,) if isinstance(key, str) else tuple(key))

    def fingerprint(self) -> tuple[tuple[Any, ...], ...] | None:
        """Return the files' marks."""
        return file_marks(self._files())

    def origin(self) -> str:
        """Return the path."""
        return shown(self.path)

    def schema(self) -> Schema:
        """Return the columns declared, or those the beginning of the first file suggests."""
        first = self._files()[0]
        names = self._columns(first)
        if self.declared is not None:
            require_columns(self.declared, names, str(first))
        check_named(tuple(self.declared or names), names, str(first))
        if self.declared is not None:
            return self.declared
        formats = dict(self.date_format) if isinstance(self.date_format, tuple) else self.date_format
        return inferred(first, self.dialect, names, self.null_values, formats)

    def declared_not_null(self) -> frozenset[str]:
        """Return the columns declared not null."""
        return frozenset() if self.declared is None else self.declared.not_null

    def whole_keys(self) -> tuple[str, ...]:
        """Return the key whose rows all stand in one file."""
        return self.key

    def known_rows(self) -> int | None:
        """Return the rows counted, once `scan` has looked at every file as it is now."""
        files = self._files()
        n_columns = len(self._columns(files[0]))
        facts = [_FACTS.get((str(file), file.stamp, self.dialect, n_columns)) for file in files]
        known = [fact.n_rows for fact in facts if fact is not None]
        return sum(known) if len(known) == len(files) else None

    def scan(self, scratch: str) -> FileScan:
        """Return the files, each checked to have whole rows only.

        The options are ``names`` (every column, in the files' order), ``header``, ``separator``, ``quote``, ``comment``,
        ``skip_rows`` (always 0: what is to be skipped is not in the files returned), ``null_values``, and ``formats`` by column.
        """
        files = self._files()
        names = self._columns(files[0])
        return self._scan(tuple(self._ready(file, names, files[0], scratch) for file in files), names, header=self.dialect.header)

    def n_files(self) -> int:
        """Return how many files there are that other processes can read, too."""
        return shared_count(self._files())

    def pieces(self, file: int, n_rows: int) -> list[Piece]:
        """Return parts of the file, cut where a row begins; `start` and `stop` count bytes."""
        found = self._files()[file]
        if found.fs is not None or self.dialect.skip_rows or is_packed(found.path):
            return [Piece(file, n_rows)]
        first = first_record(found, self.dialect)
        with found.open() as stream:  # the lines before the first record: blank ones, comments
            head = sum(len(stream.readline()) for _ in range(first.line_number - 1)) + len(first.raw)
        return text_pieces(file, found.path, n_rows, Grammar.of(self.dialect), head)

    def scan_piece(self, piece: Piece, scratch: str) -> FileScan:
        """Return one part, checked to have whole rows only; see `scan`."""
        files = self._files()
        names = self._columns(files[0])
        file = files[piece.file]
        if piece.start is None or piece.stop is None:
            return self._scan((self._ready(file, names, files[0], scratch),), names, header=self.dialect.header)
        if piece.start == 0:
            self._check_first(file, names, files[0])
        dialect = replace(self.dialect, header=self.dialect.header and piece.start == 0)
        text = read_bytes(file.path, piece.start, piece.stop)
        facts = inspect_csv(text, dialect, len(names))
        if facts.short:
            raise self._uneven(file, names)
        if not facts.blank_lines:
            return self._scan((text,), names, header=dialect.header)
        made = cleaned(text, dialect, scratch)
        text = made.read_bytes()
        made.unlink()
        return self._scan((text,), names, header=dialect.header)

    def unchecked(self, piece: Piece | None) -> FileScan | None:
        """Return the files, or one part, that nobody has looked at; see `scan`."""
        files = self._files()
        first = files[0]
        chosen = files if piece is None else [files[piece.file]]
        if self.dialect.skip_rows or self.dialect.comment or any(file.fs is not None or is_packed(file.path) for file in chosen):
            return None
        names = self._columns(first)
        if piece is None or piece.start in (None, 0):
            for file in chosen:
                self._check_first(file, names, first)
        if piece is None or piece.start is None or piece.stop is None:
            return self._scan(tuple(file.path for file in chosen), names, header=self.dialect.header)
        text = read_bytes(chosen[0].path, piece.start, piece.stop)
        return self._scan((text,), names, header=self.dialect.header and piece.start == 0)

    def _scan(self, paths: tuple[str | bytes, ...], names: tuple[str, ...], *, header: bool) -> FileScan:
        """Return the scan of texts that are ready for the reader."""
        schema = self.schema()
        options = {
            "names": names,
            "header": header,
            "separator": self.dialect.separator,
            "quote": self.dialect.quote,
            "comment": self.dialect.comment,
            "skip_rows": 0,
            "null_values": self.null_values,
            "formats": self._formats(schema),
        }
        return FileScan("csv", paths, schema, options)

    def explain(self, error: Exception) -> SourceError | None:
        """Return the first row that is wrong: its file, line, number and content."""
        schema = self.schema()
        checks = value_checks(schema, self._formats(schema))
        for file in self._files():
            found = self._fault(file, checks)
            if found is not None:
                return found
        return None

    def _files(self) -> list[Place]:
        return find_files(self.path, SUFFIXES, "delimited text files")

    def _columns(self, first: Place) -> tuple[str, ...]:
        """Return the names of every column of the files, in order."""
        if self.dialect.header:
            return header_of(first, self.dialect)
        first_record(first, self.dialect)
        return self.names if self.names is not None else tuple(self.declared or ())

    def _formats(self, schema: Schema) -> dict[str, str]:
        """Return how dates and times are written, by column."""
        if isinstance(self.date_format, str):
            timely = (nw.Date, nw.Datetime, nw.Time)
            return {name: self.date_format for name, field in schema.items() if isinstance(field.dtype, timely)}
        formats = dict(self.date_format or ())
        schema.require(formats)
        return formats

    def _ready(self, file: Place, names: tuple[str, ...], first: Place, scratch: str) -> str:
        """Return the local path of a file that the reader may have: whole rows, no blank lines, not compressed."""
        self._check_first(file, names, first)
        [local] = local_files([file], scratch)
        key = (str(file), file.stamp, self.dialect, len(names))
        facts = _FACTS.get(key) or inspect_csv(local, self.dialect, len(names))
        if facts.short:
            raise self._uneven(file, names)
        _FACTS[key] = facts
        if not (facts.blank_lines or self.dialect.skip_rows or is_packed(local)):
            return local
        return _copied(local, key, self.dialect, scratch)

    def _check_first(self, file: Place, names: tuple[str, ...], first: Place) -> None:
        """Raise SourceError where a file is empty, or its header is another than the first file's."""
        if self.dialect.header and (here := header_of(file, self.dialect)) != names:
            advice = "Read the two kinds of files as two sources."
            msg = f"{file}: expected the header of {first}, {listing(names)}, got {listing(here)}. {advice}"
            raise SourceError(msg)
        first_record(file, self.dialect)

    def _uneven(self, file: Place, names: tuple[str, ...]) -> SourceError:
        """Return the error of a file with a row that is too long or too short."""
        msg = f"{file}: expected {len(names)} fields in every row, got rows of other lengths. Check the separator."
        return self._fault(file, {}) or SourceError(msg)

    def _fault(self, file: Place, checks: Mapping[str, Callable[[str], object]]) -> SourceError | None:
        """Return the first row of a file that is wrong, as an error."""
        if file.fs is None:
            text: str | bytes = file.path
        else:
            with file.open() as stream:
                text = stream.read()
        names = self._columns(file)
        bad = first_bad_row(text, self.dialect, checks, names=names, n_columns=len(names), null_values=(*self.null_values, ""))
        try:
            return None if bad is None else raise_bad_row(bad, str(file))
        except SourceError as error:
            return error


def _copied(local: str, key: tuple[Any, ...], dialect: Dialect, scratch: str) -> str:
    """Return a plain copy of a file, without what is to be skipped; made once for a file as it is."""
    target = Path(scratch, f"csv-{hashlib.blake2b(repr(key).encode(), digest_size=12).hexdigest()}.csv")
    if not target.exists():
        made = cleaned(local, dialect, scratch)
        if dialect.skip_rows:
            line_number = first_record(Place(str(made)), dialect).line_number
            with made.open("rb") as source, target.with_suffix(".part").open("wb") as copy:
                for _ in range(line_number - 1):
                    source.readline()
                shutil.copyfileobj(source, copy, 1 << 23)
            made.unlink()
            made = target.with_suffix(".part")
        made.replace(target)
    return str(target)


def _check_names(declared: Schema | None, names: Sequence[str] | None, *, header: bool) -> None:
    """Raise UsageError where names and header say different things."""
    if header and names is not None:
        msg = "names expected header=False, got header=True. Pass header=False, with skip_rows=1 if the header is to be replaced."
        raise UsageError(msg)
    if not header and names is None and declared is None:
        msg = "A file without a header needs a schema with all its columns in order, or names. Pass schema={...}, or names=[...]."
        raise UsageError(msg)
    if isinstance(names, str):
        msg = f"names expected several column names, got the one text {names!r}. Pass a list."
        raise UsageError(msg)
    if names is not None:
        check_header(names, "names")
