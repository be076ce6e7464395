"""What the beginning of a delimited file says of its columns: their names, and the dtypes that suit them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import narwhals.stable.v2 as nw
import pyarrow as pa
import pyarrow.csv as pcsv
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.errors import SourceError
from gpupipe.core.files import Place
from gpupipe.core.number_text import NumberText
from gpupipe.core.schema import Field, Schema
from gpupipe.sources._head import head
from gpupipe.sources.csv_advice import told_of_first_rows
from gpupipe.sources.csv_bad_row import Expectation, fault, first_of, raise_bad_row
from gpupipe.sources.csv_clean import plain_rows
from gpupipe.sources.csv_guess import guessed
from gpupipe.sources.csv_header import given_names, names_of, told_names
from gpupipe.sources.csv_text import CsvRecord, Dialect, Grammar, Records
from gpupipe.sources.packed_text import opened

_SAMPLE_BYTES = 1 << 20
_SAMPLE_RECORDS = 8  # as long as the first one; of a wide table, a megabyte may not be one
_FEW_BYTES = 1 << 16
_AT_ONCE = 10_000  # columns: Arrow takes 5 kB for each of a file, however few its rows are


def first_record(file: Place, dialect: Dialect) -> CsvRecord:
    """Return the header's record, or the first row's.

    Raises
    ------
    SourceError
        The file has no row.
    """
    return _first(file, file.stamp, dialect)[0]


def head_bytes(file: Place, dialect: Dialect) -> int:
    """Return where the first record ends."""
    return _first(file, file.stamp, dialect)[1]


@lru_cache(maxsize=4096)
def _first(file: Place, stamp: str, dialect: Dialect) -> tuple[CsvRecord, int]:
    """Return the first record and where it ends; `stamp` makes a changed file another one."""
    grammar = Grammar.of(dialect)
    if file.fs is None:
        with opened(file.path, dialect.encoding, dialect.max_unpacked) as stream:
            records = Records(stream, grammar, str(file))
            found = first_of(records, dialect)
    else:
        records = Records(io.BytesIO(head(file, _SAMPLE_BYTES, dialect.encoding)[0]), grammar, str(file))
        found = first_of(records, dialect)
    if found is None:
        what = "a header line" if dialect.header else "at least one row"
        msg = f"{file}: expected {what}, got an empty file. Write it again, or leave it out of the path."
        raise SourceError(msg)
    return found, records.n_taken


def header_of(file: Place, dialect: Dialect) -> tuple[str, ...]:
    """Return the names in the header; those that are missing, or there before, are given.

    Raises
    ------
    SourceError
        The file is empty, or the header is not UTF-8, or quoted in a way that cannot be read.
    """
    return given_names(_header(file, file.stamp, dialect))


@lru_cache(maxsize=256)
def _header(file: Place, stamp: str, dialect: Dialect) -> tuple[str, ...]:
    """Return the names as they stand in the header; `stamp` makes a changed file another one."""
    record, grammar = first_record(file, dialect), Grammar.of(dialect)
    fields = grammar.split(record.raw) if record.closed else [record.raw]
    if record.closed:
        names = names_of(fields, str(file))
    bad = fault(record, 0, Expectation(dialect, grammar, len(fields)))
    if bad is not None:
        raise_bad_row(bad, str(file))
    return names


def width_of(file: Place, dialect: Dialect) -> int:
    """Return how many fields the first row has."""
    record = first_record(file, dialect)
    return Grammar.of(dialect).count(record.raw) if record.closed else 1


def told(file: Place, dialect: Dialect, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Return what is to be told of a file before it is read: another separator, no header, and names that were given.

    Parameters
    ----------
    wanted
        The columns to be read, where that is known; of others, no name is told.
    """
    others = _told(file, file.stamp, dialect)
    if not dialect.header:
        return others
    names = _header(file, file.stamp, dialect)
    given = told_names(names, str(file))
    odd = {text for pair in zip(names, given_names(names), strict=True) if pair[0] != pair[1] for text in pair}
    return others if given is None or (wanted is not None and odd.isdisjoint(wanted)) else (given, *others)


@lru_cache(maxsize=256)
def _told(file: Place, stamp: str, dialect: Dialect) -> tuple[str, ...]:
    """Return what is to be told; `stamp` makes a changed file another one."""
    text = head(file, _FEW_BYTES, dialect.encoding)[0]
    record = first_record(file, dialect)
    names = _header(file, stamp, dialect) if dialect.header else (record.raw.decode(errors="replace").strip(),)
    return tuple(told_of_first_rows(text, dialect, names, str(file)))


def inferred(
    file: Place,
    dialect: Dialect,
    names: Sequence[str],
    null_values: Sequence[str],
    formats: str | Mapping[str, str] | None,
    numbers: NumberText | None = None,
) -> Schema:
    """Return the dtypes that suit the first megabyte of a file, or more of one with long rows: see `gpupipe.sources.csv_guess`.

    Parameters
    ----------
    formats
        How dates and times are written: by column, or one for every column of text that it fits.
    """
    return _inferred(
        file,
        file.stamp,
        dialect,
        tuple(names),
        tuple(null_values),
        formats if formats is None or isinstance(formats, str) else tuple(formats.items()),
        numbers or NumberText(),
    )


@lru_cache(maxsize=256)
def _inferred(
    file: Place,
    stamp: str,
    dialect: Dialect,
    names: tuple[str, ...],
    null_values: tuple[str, ...],
    formats: str | tuple[tuple[str, str], ...] | None,
    numbers: NumberText,
) -> Schema:
    """Return the dtypes; `stamp` makes a changed file another one."""
    text, whole = head(file, max(_SAMPLE_BYTES, _SAMPLE_RECORDS * head_bytes(file, dialect)), dialect.encoding)
    sample = plain_rows(text, dialect, len(names), null_values, is_whole=whole)
    by_column = {} if formats is None or isinstance(formats, str) else dict(formats)
    known: dict[DType, Field] = {}
    columns = []
    for some in (names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE)):
        table = _parsed(sample, dialect, names, some, null_values)
        for name, texts in zip(some, table.columns, strict=True):
            pattern = by_column.get(name) or (formats if isinstance(formats, str) and _fits(texts, formats) else None)
            dtype = guessed(texts, numbers) if pattern is None else timed(pattern)
            columns.append((name, known.setdefault(dtype, Field(dtype))))
    return Schema(tuple(columns))


def timed(pattern: str) -> DType:
    """Return the dtype of values written by a pattern: a date, or a time of a day too.

    Examples
    --------
    >>> timed("%d.%m.%Y"), timed("%Y-%m-%d %H:%M")
    (Date, Datetime(time_unit='us', time_zone=None))
    """
    return nw.Datetime("us") if any(sign in pattern for sign in ("%H", "%I", "%M", "%S", "%T", "%R", "%s", "%f", "%c")) else nw.Date()


def _parsed(sample: bytes, dialect: Dialect, names: Sequence[str], wanted: Sequence[str], null_values: Sequence[str]) -> pa.Table:
    """Return some columns of plain text as texts."""
    empty = pa.table({name: pa.nulls(0, pa.string()) for name in wanted})
    if not sample:
        return empty
    separator, quote = dialect.plain
    parse = pcsv.ParseOptions(delimiter=separator, quote_char=quote or False, newlines_in_values=True)
    convert = pcsv.ConvertOptions(
        null_values=[*null_values, ""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        column_types=dict.fromkeys(wanted, pa.string()),
        include_columns=list(wanted),
    )
    try:
        options = pcsv.ReadOptions(column_names=list(names), block_size=max(8 * _SAMPLE_BYTES, len(sample) + 1))
        return pcsv.read_csv(io.BytesIO(sample), options, parse, convert)
    except pa.ArrowInvalid:  # what is wrong is told by whoever reads all of it
        return empty


def _fits(column: pa.ChunkedArray, pattern: str) -> bool:
    """Whether all texts among the first values are written by the pattern."""
    if not pa.types.is_string(column.type):
        return False
    values = [value for value in column.slice(0, 1000).to_pylist() if value is not None]
    try:
        return bool(values) and all(datetime.strptime(value, pattern).year for value in values)  # noqa: DTZ007 - only whether it parses
    except ValueError:
        return False
