"""Rows from JSON: one record a line, or one array of records."""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from gpupipe.core.ends import FileScan, Piece, Source, SourceWarning
from gpupipe.core.errors import SourceError, UsageError
from gpupipe.core.file_marks import file_marks
from gpupipe.core.files import Folder, FoundFiles, Paths, Place, find_files, kept_paths, local_files, shared_count, shown
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema, as_schema
from gpupipe.sources._head import head
from gpupipe.sources.csv_rejected import rejected, rejected_path, told_of
from gpupipe.sources.json_schema import MAX_DEPTH, check_in_json, depth, misfit, records_schema, why
from gpupipe.sources.located import at_files, whole_path
from gpupipe.sources.packed_text import BOM, MAX_UNPACKED, is_packed, opened
from gpupipe.sources.text_pieces import read_bytes, text_pieces

SUFFIXES = tuple(f"{kind}{packed}" for kind in (".json", ".jsonl", ".ndjson") for packed in ("", ".gz", ".bz2", ".xz", ".zst"))
_SAMPLE_BYTES, _MOST_SAMPLE_BYTES, _MOST_ARRAY_BYTES = 1 << 20, 1 << 26, 1 << 30
_FIRST, _SECOND = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_HALF = re.compile(_FIRST + b"(?!" + _SECOND + b")|" + _SECOND + b"(?<!" + _FIRST + _SECOND + b")")
_MEND = "Mend the record."
_MEND_OR_DECLARE = "Mend the record, or declare another dtype in the schema."


@dataclass(frozen=True, init=False)
class ReadJson(Source):
    r"""The rows of JSON files, of one record a line or of one array of records; a key that a record lacks is missing there.

    An array is read into memory whole. Files compressed by gzip, bzip2, xz or Zstandard are read through.

    Parameters
    ----------
    path
        A file, several, a glob, or a folder, read with all its folders; plain paths, or fsspec's addresses.
    schema
        The keys to read and their dtypes. By default every key in the first megabyte of the first file, with the dtypes that suit.
        Dates and times are text as ISO 8601 writes it. A Decimal is text, or a number, of which a double's 15 digits are kept; more
        decimal places than it has are an error. A number too large for Float32 is infinite.
    nan_as_null
        Whether NaN is missing.
    max_unpacked
        How many bytes a compressed file may become; by default 64 GB, and 1 GB for an array, which is held in memory.
    quarantine
        A folder into which lines are put that are no record, or hold a value that its dtype does not take: a Parquet file for each file
        read, with ``file``, ``line``, ``row``, ``reason`` and ``text``. Each line is then looked at in Python, which takes longer. Unless
        given, such a line is an error.

    Raises
    ------
    SourceError
        There is no such file, it is empty, or a line is no record.
    DtypeError
        A dtype is declared that values of JSON are not read as, such as Duration.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.jsonl")
    >>> _ = path.write_text('{"a": 1}\n{"a": 2.5, "b": ["x"]}\n')
    >>> ReadJson(path).schema().dtypes
    {'a': Float64, 'b': List(String)}
    """

    path: str | tuple[str, ...] | FoundFiles
    declared: Schema | None
    nan_as_null: bool
    max_unpacked: int | None
    quarantine: str | None

    def __init__(
        self,
        path: Paths,
        *,
        schema: Mapping[str, Any] | None = None,
        nan_as_null: bool = True,
        max_unpacked: int | None = None,
        quarantine: str | os.PathLike[str] | None = None,
    ) -> None:
        if max_unpacked is not None and max_unpacked < 1:
            raise UsageError(f"max_unpacked expected a number of bytes, got {max_unpacked}.")
        declared = None if schema is None else as_schema(schema)
        check_in_json(declared or Schema(()))
        settle(self, path=kept_paths(path), declared=declared, nan_as_null=nan_as_null, max_unpacked=max_unpacked)
        settle(self, quarantine=None if quarantine is None else os.fspath(quarantine))

    def fingerprint(self) -> tuple[tuple[Any, ...], ...] | None:
        """Return the files' marks."""
        return file_marks(self._files())

    def told(self) -> dict[str, Any]:
        """Return how many lines were read, kept and put aside."""
        return {} if self.quarantine is None else told_of(self.quarantine, (str(file) for file in self._files()))

    def origin(self) -> str:
        """Return the path."""
        return shown(self.path)

    def schema(self) -> Schema:
        """Return the columns declared, or those of the first file's first records."""
        found = self._files()
        if self.quarantine is not None:
            for file in filter(_is_array, found):
                msg = f"{file}: expected one record a line, of which some can be put aside, got an array of records."
                raise SourceError(f"{msg} Leave quarantine out, or write one record a line.")
        if self.declared is not None:
            return self.declared
        return _inferred(found[0], found[0].stamp, self.max_unpacked, forgiving=self.quarantine is not None)

    def declared_not_null(self) -> frozenset[str]:
        """Return the columns declared not null."""
        return frozenset() if self.declared is None else self.declared.not_null

    def located(self) -> Self:
        """Return the source with its files found, and where it puts rows aside."""
        return at_files(self, self._files(), quarantine=None if self.quarantine is None else whole_path(self.quarantine))

    def n_files(self) -> int:
        """Return how many files there are that other processes can read, too."""
        return shared_count(self._files())

    def pieces(self, file: int, n_rows: int) -> list[Piece]:
        """Return parts of the file, cut at lines where it is plain ones; `start` and `stop` count bytes."""
        found = self._files()[file]
        if self.quarantine is not None or found.fs is not None or not _is_plain(found, found.path):
            return [Piece(file, n_rows)]
        return text_pieces(file, found.path, n_rows)

    def scan_piece(self, piece: Piece, scratch: Folder) -> FileScan:
        """Return one part; see `scan`."""
        found = self._files()[piece.file]
        if piece.start is None or piece.stop is None:
            return FileScan("ndjson", (self._plain(found, scratch),), self.schema())
        text = read_bytes(found.path, piece.start, piece.stop)
        _check_characters(found, text, self.max_unpacked)
        return FileScan("ndjson", (text,), self.schema())

    def scan(self, scratch: Folder) -> FileScan:
        """Return the files as plain lines; there are no options."""
        schema = self.schema()
        return FileScan("ndjson", tuple(self._plain(file, scratch) for file in self._files()), schema)

    def _plain(self, file: Place, scratch: Folder) -> str:
        """Return the local path of a file as plain lines; of a copy without those that are put aside, made once for a file as it is."""
        if self.quarantine is None:
            return _ready(file, scratch, self.max_unpacked)
        schema, n_kept, n_rejected = self.schema(), 0, 0
        stamp = hashlib.blake2b(f"{file} {file.stamp} {self.quarantine} {schema.dtypes}".encode(), digest_size=12).hexdigest()
        target = Path(scratch, f"json-{stamp}.jsonl")
        if target.exists():
            return str(target)
        with rejected(self.quarantine, str(file)) as reject, target.with_suffix(".part").open("wb") as copy:
            for row, (number, line) in enumerate(_numbered(file, self.max_unpacked), start=1):
                if reason := _reason(line, schema):
                    reject.take(number, row, reason, line)
                    n_rejected += 1
                else:
                    copy.write(line.rstrip(b"\r\n") + b"\n")
                    n_kept += 1
            reject.n_kept = n_kept
        target.with_suffix(".part").replace(target)
        if n_rejected:
            put = f"{n_rejected:,} of its {n_kept + n_rejected:,} lines do not fit and were put into"
            warnings.warn(SourceWarning(f"{file}: {put} {rejected_path(self.quarantine, str(file))}."), stacklevel=2)
        return str(target)

    def explain(self, error: Exception) -> SourceError | None:
        """Return the first line that is no record, or that holds a value its dtype does not take."""
        schema = self.schema()
        for file in self._files():
            try:
                for where, text, record in _records(file, self.max_unpacked):
                    for name, field in schema.items():
                        if misfit(field.dtype, record.get(name)):
                            return _bad(file, where, _unfit(name, field.dtype, record[name]), text, _MEND_OR_DECLARE)
            except SourceError as found:
                return found
        return None

    def _files(self) -> list[Place]:
        return find_files(self.path, SUFFIXES, "JSON files")


def _is_plain(file: Place, local: str) -> bool:
    """Whether a file is one record a line, as it stands."""
    return not (_is_array(file) or is_packed(local) or head(file, len(BOM))[0] == BOM)


def _ready(file: Place, scratch: Folder, max_unpacked: int | None) -> str:
    """Return the local path of a file as plain lines."""
    [local] = local_files([file], scratch)
    local = local if _is_plain(file, local) else _lines(file, local, scratch, max_unpacked)
    with Path(local).open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        _check_characters(file, text, max_unpacked)
    return local


def _check_characters(file: Place, text: bytes | mmap.mmap, max_unpacked: int | None) -> None:
    """Raise SourceError where text escapes half of a character, of which Polars' reader makes the character NUL, or names no line."""
    starts = [place for place in (text.find(b"\\ud"), text.find(b"\\uD")) if place >= 0]
    if starts and _half(text, min(starts)) is not None:
        for _ in _records(file, max_unpacked):  # until the line is found
            pass


def _half(text: bytes | mmap.mmap, start: int = 0) -> bytes | None:
    """Return the first half of a surrogate pair, of either kind, that text escapes alone; a backslash that is escaped escapes nothing."""
    for found in _HALF.finditer(text, start):
        before = found.start()
        while before and text[before - 1 : before] == b"\\":
            before -= 1
        if (found.start() - before) % 2 == 0:
            return found[0]
    return None


def _is_array(file: Place) -> bool:
    """Whether a file is one array of records."""
    text = head(file, 1 << 12)[0].removeprefix(BOM).lstrip()
    if not text:
        msg = f"{file}: expected at least one record, got an empty file. Write it again, or leave it out of the path."
        raise SourceError(msg)
    return text.startswith(b"[")


@lru_cache(maxsize=256)
def _inferred(file: Place, stamp: str, max_unpacked: int | None, *, forgiving: bool) -> Schema:
    """Return the columns of the first records, where asked for of those that are some; `stamp` makes a changed file another one."""
    try:
        schema = records_schema(_first_records(file, max_unpacked, forgiving=forgiving))
    except RecursionError as error:  # dtypes are compared less deep than the parser reads, from Python 3.12 on far less
        msg = f"{file}: lists and records stand too deep inside one another to be read. Declare a schema without their column."
        raise SourceError(msg) from error
    for name, field in schema.items():
        if (n_deep := depth(field.dtype)) > MAX_DEPTH:
            msg = f"{file}, column {name!r}: expected at most {MAX_DEPTH} lists and records inside one another, got {n_deep}."
            raise SourceError(f"{msg} Declare a schema with this column as String, or without it.")
    return schema


def _first_records(file: Place, max_unpacked: int | None, *, forgiving: bool) -> Iterator[dict[str, Any]]:
    """Yield the records of an array, or those of the first lines."""
    if _is_array(file):
        yield from (record for _, _, record in _records(file, max_unpacked))
        return
    text, whole = head(file, _SAMPLE_BYTES)
    while not whole and b"\n" not in text:
        if len(text) >= _MOST_SAMPLE_BYTES:
            msg = f"{file}, line 1: expected a record of at most {len(text) >> 20} MB to see what columns there are, got a longer one."
            raise SourceError(f"{msg} Declare a schema, or write one record a line.")
        text, whole = head(file, 8 * len(text))
    lines = text.removeprefix(BOM).splitlines()
    kept = lines if whole or len(lines) < 2 else lines[:-1]
    for number, line in enumerate(kept, start=1):
        if line.strip() and not (forgiving and isinstance(_read(line), tuple)):
            yield _record(file, f"line {number}", line)


def _records(file: Place, max_unpacked: int | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each record with where it stands, by its line or its number in an array, and its text."""
    if not _is_array(file):
        for number, line in _numbered(file, max_unpacked):
            yield f"line {number}", line.decode(errors="backslashreplace").rstrip("\n"), _record(file, f"line {number}", line)
        return
    with opened(_content(file), max_unpacked=max_unpacked or _MOST_ARRAY_BYTES) as stream:
        whole = stream.read().removeprefix(BOM)
    try:
        items = _parsed(whole)
    except ValueError as error:
        msg = f"{file}: expected an array of records, got text that is no JSON: {error}. Mend it, or write one record a line."
        raise SourceError(msg) from error
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            raise _bad(file, f"record {number}", f"expected a record {{...}}, got {type(item).__name__}", json.dumps(item), _MEND)
        written = json.dumps(item)
        if (half := _half(written.encode())) is not None:
            raise _bad(file, f"record {number}", f"expected whole characters, got half of one ({half.decode()})", written, _MEND)
        yield f"record {number}", written, item


def _content(file: Place) -> str | bytes:
    """Return a file's local path, or what it holds where it is elsewhere."""
    if file.fs is None:
        return file.path
    with file.open() as remote:
        content: bytes = remote.read()
        return content


def _numbered(file: Place, max_unpacked: int | None) -> Iterator[tuple[int, bytes]]:
    """Yield each line that is not blank, with its number, of a file of one record a line."""
    with opened(_content(file), max_unpacked=max_unpacked or MAX_UNPACKED) as stream:
        for number, line in enumerate(stream, start=1):
            text = line.removeprefix(BOM) if number == 1 else line
            if text.strip():
                yield number, text


def _record(file: Place, where: str, line: bytes) -> dict[str, Any]:
    """Return the record on a line."""
    found = _read(line)
    if isinstance(found, dict):
        return found
    reason, remedy = found
    raise _bad(file, where, reason, line.decode(errors="backslashreplace").strip(), remedy)


def _read(line: bytes) -> dict[str, Any] | tuple[str, str]:
    """Return the record on a line, or why it is none, and what to do."""
    if (half := _half(line)) is not None:
        reason = f"expected whole characters, got half of one ({half.decode()})"
        return reason, "Write both halves of a surrogate pair, or the character itself."
    try:
        line.decode()
        found = _parsed(line)
    except UnicodeDecodeError as error:
        return f"expected UTF-8 text, got the byte 0x{line[error.start]:02x} at position {error.start + 1}", "Convert the file to UTF-8."
    except ValueError as error:
        return f"expected a record {{...}}, got text that is no JSON ({error})", _MEND
    return found if isinstance(found, dict) else (f"expected a record {{...}}, got {type(found).__name__}", _MEND)


def _reason(line: bytes, schema: Schema) -> str | None:
    """Return why a line is no record of the schema, or None where it is one."""
    found = _read(line)
    if isinstance(found, tuple):
        return found[0]
    return next((_unfit(name, field.dtype, found[name]) for name, field in schema.items() if misfit(field.dtype, found.get(name))), None)


def _unfit(name: str, dtype: Any, value: Any) -> str:
    """Return what was expected of a value, and what came."""
    return f"expected {dtype} in {name!r}, got {json.dumps(value)[:100]}{why(dtype, value)}"


def _parsed(text: bytes) -> Any:
    """Return the value of a JSON text; what is not, or is nested deeper than Python reads it, is a ValueError."""
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("lists and records stand too deep inside one another to be read") from error


def _no_constant(name: str) -> None:
    """Raise ValueError on a word that Python writes, and that JSON does not know."""
    raise ValueError(f"{name} is no value of JSON's; null is")


def _finite(text: str) -> float:
    """Return a number, which must be one that a double holds."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is larger than any Float64")
    return number


def _bad(file: Place, where: str, reason: str, text: str, remedy: str) -> SourceError:
    """Return the error of one record."""
    return SourceError(f"{file}, {where}: {reason}: {text[:200]!r}. {remedy}")


def _lines(file: Place, local: str, scratch: Folder, max_unpacked: int | None) -> str:
    """Return a copy of a file as plain lines; made once for a file as it is."""
    stamp = hashlib.blake2b(f"{file} {file.stamp} {max_unpacked}".encode(), digest_size=12).hexdigest()
    target = Path(scratch, f"json-{stamp}.jsonl")
    if not target.exists():
        part = target.with_suffix(".part")
        with part.open("wb") as copy:
            if _is_array(file):
                for _, text, _ in _records(file, max_unpacked):
                    copy.write(text.encode() + b"\n")
            else:
                with opened(local, max_unpacked=max_unpacked or MAX_UNPACKED) as stream:
                    copy.write(stream.read(len(BOM)).removeprefix(BOM))
                    while piece := stream.read(1 << 20):
                        copy.write(piece)
        part.replace(target)
    return str(target)
