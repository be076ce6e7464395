"""Rows from delimited text."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import narwhals.stable.v2 as nw

from gpupipe.core.ends import FileScan, Piece, Source, SourceWarning
from gpupipe.core.errors import SourceError, listing
from gpupipe.core.file_marks import file_marks
from gpupipe.core.files import Folder, FoundFiles, Paths, Place, find_files, kept_paths, local_files, shared_count, shown
from gpupipe.core.number_text import NumberText
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.sources._agree import require_columns
from gpupipe.sources.csv_advice import advice
from gpupipe.sources.csv_bad_row import first_bad_row, raise_bad_row
from gpupipe.sources.csv_clean import cleaned
from gpupipe.sources.csv_header import check_named
from gpupipe.sources.csv_inspect import CsvFacts, inspect_csv
from gpupipe.sources.csv_options import checked_schemas, places_of, with_places
from gpupipe.sources.csv_ready import CsvFile, is_plain
from gpupipe.sources.csv_refused import ValueChecks
from gpupipe.sources.csv_rejected import told_of
from gpupipe.sources.csv_schema import first_record, head_bytes, header_of, inferred, told, width_of
from gpupipe.sources.csv_text import Dialect, Grammar, InnerQuotes, Ragged
from gpupipe.sources.csv_values import value_checks
from gpupipe.sources.located import at_files, whole_path
from gpupipe.sources.packed_text import MAX_UNPACKED, is_packed
from gpupipe.sources.text_pieces import read_bytes, text_pieces

_PACKED = ("", ".gz", ".bz2", ".xz", ".zst")
SUFFIXES = tuple(f"{kind}{packed}" for kind in (".csv", ".tsv", ".psv", ".txt", ".dat") for packed in _PACKED)
_FACTS: dict[tuple[Any, ...], CsvFacts] = {}
_TOLD: set[tuple[str, str]] = set()


@dataclass(frozen=True, init=False)
class ReadCsv(Source):
    r"""The rows of delimited text files.

    Rows are read as Python's csv module reads them; blank lines and comments are no rows. Files compressed by gzip, bzip2, xz
    or Zstandard are read through. What may be read wrongly is told as a SourceWarning: names that were given, a file that seems to have
    another separator, or no header. Text that is not plain is copied once, in pieces, into a form that every reader takes alike.

    Parameters
    ----------
    path
        A file, several, a glob, or a folder, read with all its folders; plain paths, or fsspec's addresses.
    schema
        The columns to read and their dtypes. With a header, some of its columns in any order; without one, every column in order,
        or some of `names`. By default all of them, with dtypes that take every value of the first file's first megabyte and keep all its
        digits: Int64, UInt64, Float64, Boolean, Date, Datetime("us" or "ns"), or else String, also for ``007``. A number too large for
        its float dtype is infinite, and more decimal places than a Decimal has are rounded.
    dtypes
        The dtypes of some columns, where all are to be read and the others' dtypes guessed.
    separator
        What stands between fields: one character, or several.
    quote
        The character around fields that hold separators or newlines, doubled inside; None where quotes mean nothing.
    escape
        The character that takes the meaning from the one behind it: ``"\\"``. A field that stands in the file as one of `null_values` is
        missing, also ``\N``.
    header
        Whether the first row holds the column names. One that is missing there is given by position (``column_3``), one that was there
        before by number (``id_2``). Without a header and `names`, all are given by position.
    null_values
        Texts that mean a missing value; an empty field always does.
    decimal, thousands
        The characters before a number's fraction and between groups of three digits.
    date_format
        How dates and times are written, as strftime has it: for all such columns, or by column. By default ISO 8601.
    comment
        Lines that begin with this text are no rows.
    skip_rows
        Rows to leave out at the start, before the header; blank lines count, comments do not.
    names
        The columns' names in a file without a header, where `schema` does not declare them all.
    encoding
        What the text is written in, as Python calls it: ``"latin-1"``, ``"cp1252"``, ``"utf-16"``.
    ragged
        What becomes of rows that are too short or too long: ``"error"``; ``"fill"``, short ones are filled with missing values, and
        empty fields behind the last column are left out.
    inner_quotes
        What becomes of a quote inside a quoted field that is not doubled: ``"error"``; or ``"keep"``, it is a character like any other
        where neither a separator nor the end of the line follows.
    quarantine
        A folder into which rows are put that do not fit, instead of an error: too short or long unless they are filled, not UTF-8, with
        text behind a closing quote, or with a value that its column's dtype does not take. A Parquet file for each file read, with
        ``file``, ``line``, ``row``, ``reason`` and ``text``, is written as the file is read, also where the run fails later. Rows read
        are those kept and those put aside; the report has all three.
    file_column, line_column
        Names of columns to add: the file that a row stands in, and the line on which it begins there, from 1. The text is copied for it.
    nan_as_null
        Whether NaN is missing.
    key
        The columns of a key whose rows all stand in one file, where there are several: an engine may then work file by file, which
        takes less memory. It is checked as the rows are read.
    max_unpacked
        How many bytes a compressed file may become.

    Raises
    ------
    SourceError
        There is no such file; it is empty, or in another encoding; a row is too long or too short, a quote never closes, or text stands
        behind a closing one.
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

    path: str | tuple[str, ...] | FoundFiles
    declared: Schema | None
    dtypes: Schema
    dialect: Dialect
    null_values: tuple[str, ...]
    numbers: NumberText
    date_format: str | tuple[tuple[str, str], ...] | None
    names: tuple[str, ...] | None
    quarantine: str | None
    file_column: str | None
    line_column: str | None
    nan_as_null: bool
    key: tuple[str, ...]

    def __init__(
        self,
        path: Paths,
        *,
        schema: Mapping[str, Any] | None = None,
        dtypes: Mapping[str, Any] | None = None,
        separator: str = ",",
        quote: str | None = '"',
        escape: str | None = None,
        header: bool = True,
        null_values: str | Sequence[str] = ("",),
        decimal: str = ".",
        thousands: str | None = None,
        date_format: str | Mapping[str, str] | None = None,
        comment: str | None = None,
        skip_rows: int = 0,
        names: Sequence[str] | None = None,
        encoding: str = "utf-8",
        ragged: Ragged = "error",
        inner_quotes: InnerQuotes = "error",
        quarantine: str | os.PathLike[str] | None = None,
        file_column: str | None = None,
        line_column: str | None = None,
        nan_as_null: bool = True,
        key: str | Sequence[str] = (),
        max_unpacked: int = MAX_UNPACKED,
    ) -> None:
        dialect = Dialect(separator, quote, header, comment, skip_rows, escape, encoding, ragged, inner_quotes, max_unpacked)
        dialect = replace(dialect, aside=quarantine is not None, places=places_of(file_column, line_column))
        settle(self, file_column=file_column, line_column=line_column)
        settle(self, **checked_schemas(schema, dtypes, names, header=header), path=kept_paths(path), dialect=dialect)
        settle(self, null_values=(null_values,) if isinstance(null_values, str) else tuple(null_values))
        settle(self, numbers=NumberText(decimal, thousands), names=None if names is None else tuple(names))
        settle(self, date_format=tuple(date_format.items()) if isinstance(date_format, Mapping) else date_format)
        settle(self, quarantine=None if quarantine is None else os.fspath(quarantine), nan_as_null=nan_as_null)
        settle(self, key=(key,) if isinstance(key, str) else tuple(key))

    def fingerprint(self) -> tuple[tuple[Any, ...], ...] | None:
        """Return the files' marks."""
        return file_marks(self._files())

    def told(self) -> dict[str, Any]:
        """Return how many rows were read, kept and put aside."""
        return {} if self.quarantine is None else told_of(self.quarantine, (str(file) for file in self._files()))

    def origin(self) -> str:
        """Return the path."""
        return shown(self.path)

    def schema(self) -> Schema:
        """Return the columns declared, or those the beginning of the first file suggests, and those of file and line."""
        fields = self._fields()
        return with_places(fields, self._columns(self._files()[0]), self.file_column, self.line_column) if self.dialect.places else fields

    def _fields(self) -> Schema:
        """Return the columns of the files that are read."""
        first = self._files()[0]
        names = self._columns(first)
        require_columns(self.declared if self.declared is not None else self.dtypes, names, str(first))
        check_named(tuple(self.declared or names), names, str(first))
        for text in told(first, self.dialect, tuple(self.declared) if self.declared else None) if self.names is None else ():
            _tell(text, first)
        if self.declared is not None:
            return self.declared
        formats = dict(self.date_format) if isinstance(self.date_format, tuple) else self.date_format
        found = inferred(first, self.dialect, names, self.null_values, formats, self.numbers)
        return Schema(tuple((name, self.dtypes.get(name, field)) for name, field in found.items())) if self.dtypes else found

    def declared_not_null(self) -> frozenset[str]:
        """Return the columns declared not null."""
        return self.dtypes.not_null if self.declared is None else self.declared.not_null

    def whole_keys(self) -> tuple[str, ...]:
        """Return the key whose rows all stand in one file."""
        return self.key

    def known_rows(self) -> int | None:
        """Return the rows counted, once `scan` has looked at every file as it is now."""
        files = self._files()
        n_columns = len(self._columns(files[0]))
        facts = [_FACTS.get(self._facts_key(file, n_columns)) for file in files]
        known = [fact.n_rows for fact in facts if fact is not None]
        return sum(known) if len(known) == len(files) else None

    def scan(self, scratch: Folder) -> FileScan:
        """Return the files, each plain text with whole rows only.

        The options are ``names`` (every column, in the files' order), ``header`` (whether the first row is none, whatever it says),
        ``separator``, ``quote``, ``null_values``, ``formats`` by column, and where numbers are written otherwise than in a program,
        ``numbers``.
        """
        files = self._files()
        names = self._columns(files[0])
        return self._scan(tuple(self._ready(file, names, files[0], scratch) for file in files), names, header=self.dialect.header)

    def located(self) -> Self:
        """Return the source with its files found, and where it puts rows aside."""
        return at_files(self, self._files(), quarantine=None if self.quarantine is None else whole_path(self.quarantine))

    def n_files(self) -> int:
        """Return how many files there are that other processes can read, too."""
        return shared_count(self._files())

    def pieces(self, file: int, n_rows: int) -> list[Piece]:
        """Return parts of the file, cut where a row begins; `start` and `stop` count bytes."""
        found = self._files()[file]
        if found.fs is not None or not self.dialect.is_plain or self.dialect.skip_rows or is_packed(found.path):
            return [Piece(file, n_rows)]
        return text_pieces(file, found.path, n_rows, Grammar.of(self.dialect), head_bytes(found, self.dialect))

    def scan_piece(self, piece: Piece, scratch: Folder) -> FileScan:
        """Return one part, plain text with whole rows only; see `scan`."""
        files = self._files()
        names = self._columns(files[0])
        file = files[piece.file]
        if piece.start is None or piece.stop is None:
            return self._scan((self._ready(file, names, files[0], scratch),), names, header=self.dialect.header)
        if piece.start == 0:
            self._check_first(file, names, files[0])
        dialect = replace(self.dialect, header=self.dialect.header and piece.start == 0)
        text = read_bytes(file.path, piece.start, piece.stop)
        if not is_plain(inspect_csv(text, dialect, len(names))):
            try:
                made = cleaned(text, dialect, scratch, len(names), name=str(file), null_values=self.null_values).path
            except SourceError as error:  # whose lines are counted from the part's beginning
                raise self._fault(file, {}) or error from error
            text = made.read_bytes()
            made.unlink()
        return self._scan((text,), names, header=dialect.header)

    def unchecked(self, piece: Piece | None) -> FileScan | None:
        """Return the files, or one part, that nobody has looked at; see `scan`."""
        files = self._files()
        first = files[0]
        chosen = files if piece is None else [files[piece.file]]
        if not self.dialect.is_plain or self.dialect.skip_rows or self.dialect.comment:
            return None
        if any(file.fs is not None or is_packed(file.path) for file in chosen):
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
        separator, quote = self.dialect.plain
        options = {
            "names": (*names, *(name for name in (self.file_column, self.line_column) if name is not None)),
            "header": header,
            "separator": separator,
            "quote": quote,
            "null_values": self.null_values,
            "formats": self._formats(schema),
        }
        return FileScan("csv", paths, schema, options if self.numbers.is_plain else options | {"numbers": self.numbers})

    def explain(self, error: Exception) -> SourceError | None:
        """Return the first row that is wrong: its file, line, number and content."""
        schema = self._fields()
        checks = value_checks(schema, self._formats(schema), self.numbers)
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
        if self.names is not None:
            return self.names
        n_columns = width_of(first, self.dialect)
        return tuple(self.declared) if self.declared is not None else tuple(f"column_{number}" for number in range(1, n_columns + 1))

    def _formats(self, schema: Schema) -> dict[str, str]:
        """Return how dates and times are written, by column."""
        if isinstance(self.date_format, str):
            timely = (nw.Date, nw.Datetime, nw.Time)
            return {name: self.date_format for name, field in schema.items() if isinstance(field.dtype, timely)}
        formats = dict(self.date_format or ())
        schema.require(formats)
        return formats

    def _facts_key(self, file: Place, n_columns: int) -> tuple[Any, ...]:
        """Return under what is kept what is known of a file as it is."""
        aside = () if self.quarantine is None else (self.quarantine, self._fields(), self.date_format, self.numbers, self.null_values)
        return str(file), file.stamp, self.dialect, self.null_values if self.dialect.escape else (), aside, n_columns

    def _ready(self, file: Place, names: tuple[str, ...], first: Place, scratch: Folder) -> str:
        """Return the local path of plain text: the file, or a copy that is made once for a file as it is."""
        self._check_first(file, names, first)
        [local] = local_files([file], scratch)
        key = self._facts_key(file, len(names))
        found = CsvFile(str(file), local, self.dialect, len(names), self.null_values, self._value_checks(names), self.quarantine)
        target = Path(scratch, f"csv-{hashlib.blake2b(repr(key).encode(), digest_size=12).hexdigest()}.csv")
        if target.exists():
            return str(target)
        if (facts := found.as_it_is(_FACTS.get(key))) is not None:
            _FACTS[key] = facts
            return local
        _FACTS[key], told_of_it = found.copy_to(target, scratch)
        for text in told_of_it:
            _tell(text, file)
        return str(target)

    def _value_checks(self, names: tuple[str, ...]) -> ValueChecks | None:
        """Return which values are to be put aside with their rows."""
        if self.quarantine is None:
            return None
        schema = self._fields()
        return ValueChecks(self.dialect, names, schema, self._formats(schema), self.numbers, self.null_values)

    def _check_first(self, file: Place, names: tuple[str, ...], first: Place) -> None:
        """Raise SourceError where a file is empty, or its header is another than the first file's."""
        if self.dialect.header and (here := header_of(file, self.dialect)) != names:
            advice = "Read the two kinds of files as two sources."
            msg = f"{file}: expected the header of {first}, {listing(names)}, got {listing(here)}. {advice}"
            raise SourceError(msg)
        first_record(file, self.dialect)

    def _fault(self, file: Place, checks: Mapping[str, Callable[[str], object]]) -> SourceError | None:
        """Return the first row of a file that is wrong, as an error."""
        if file.fs is None:
            text: str | bytes = file.path
        else:
            with file.open() as stream:
                text = stream.read()
        names = self._columns(file)
        bad = first_bad_row(text, self.dialect, checks, names=names, n_columns=len(names), null_values=(*self.null_values, ""))
        if bad is None:
            return None
        hint = "" if bad.is_unreadable or bad.column else advice(text, self.dialect, len(names))
        try:
            raise_bad_row(bad, str(file), hint)
        except SourceError as error:
            return error


def _tell(text: str, file: Place) -> None:
    """Warn of something about a file, once for a file as it is."""
    if (text, file.stamp) not in _TOLD:
        warnings.warn(SourceWarning(text), stacklevel=3)
        _TOLD.add((text, file.stamp))
