r"""Plain delimited text by Arrow's reader, where it says exactly what Polars' would, and takes less time to say it.

Text is plain where no field is quoted and all columns are numbers, text or dates. Arrow's reader refuses rows of other lengths by itself,
so nobody needs to count fields first. What it does not take, or would take where Polars' reader does not (see `_strays`), is left to that
reader and to the source's own checks: an answer is the same whichever read it, and an error is always told in the same words.

Measured, 1.8 million mortgage rows of 31 columns, 26 of them wanted, one thread: 0.72 s, where Polars takes 1.04, to Arrow 1.17, and the
count before it 0.09.

Tried side by side, Polars 2.1 and pyarrow 26: of all spellings of numbers in `tests/engines/test_plain_text.py`, the two differ only in
that Arrow takes ``0x1F`` as a whole number, blanks behind a number, and ``nan(...)``.
"""

from __future__ import annotations

import codecs
import mmap
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pc

from gpupipe.core.ends import FileScan
from gpupipe.engines._arrow import arrow_dtype

Text: TypeAlias = bytes | mmap.mmap

_KNOWN_OPTIONS = frozenset(("names", "header", "separator", "quote", "null_values", "formats"))
_WHOLE = (nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64)
_FLOAT = (nw.Float32, nw.Float64)
_BLOCK_BYTES = 4 << 20
_FEW = 10_000  # places that are looked at one by one, and characters of texts that mean missing
_LIKE_ZLIB = (b"x^", b"x\x01")  # beginnings that Polars takes for compressed text


def read_plain(scan: FileScan, columns: Sequence[str]) -> pa.Table | None:
    """Return columns of text as Arrow, in the types that gpupipe delivers; None where it is not plain, or has something wrong.

    It takes one core: whoever wants more reads parts beside one another.

    Parameters
    ----------
    scan
        Text that nobody has looked at, which may have rows of other lengths, blank lines, and more.
    """
    if not _is_plain(scan, columns):
        return None
    try:
        options = _options(scan, columns)
        tables = []
        for path in scan.paths:
            with _text_of(path) as text:
                if _strays(text, scan, columns):
                    return None
                tables.append(_delivered(pc.read_csv(pa.BufferReader(pa.py_buffer(text)), *options), scan, columns))
        return pa.concat_tables(tables)
    except (pa.ArrowException, ValueError, OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None  # the other reader tells what is wrong


def _is_plain(scan: FileScan, columns: Sequence[str]) -> bool:
    """Whether the dialect and the dtypes are those that both readers take alike."""
    options = scan.options
    known = (*_WHOLE, *_FLOAT, nw.String, nw.Date)
    return bool(
        scan.format == "csv"
        and scan.rows is None
        and columns
        and _KNOWN_OPTIONS.issuperset(options)
        and "" in options["null_values"]
        and sum(map(len, options["null_values"])) < _FEW  # Arrow's look-up of them ends the process where they are tens of thousands
        and len(options["names"]) > 1
        and all(name in options["names"] and isinstance(scan.schema[name].dtype, known) for name in columns)
        and all(isinstance(scan.schema[name].dtype, nw.Date) for name in options["formats"] if name in columns)
    )


def _options(scan: FileScan, columns: Sequence[str]) -> tuple[Any, Any, Any]:
    """Return what Arrow's reader is told; dates are read as words, each of which is parsed once."""
    options = scan.options
    dtypes = {name: scan.schema[name].dtype for name in columns}
    words = {nw.Date: pa.dictionary(pa.int32(), pa.string()), nw.String: pa.string()}  # whose offsets are of 32 bits a block
    types = {name: words.get(type(dtype)) or arrow_dtype(dtype) for name, dtype in dtypes.items()}
    return (
        pc.ReadOptions(
            use_threads=False, block_size=_BLOCK_BYTES, column_names=list(options["names"]), skip_rows=1 if options["header"] else 0
        ),
        pc.ParseOptions(delimiter=options["separator"], quote_char=False, double_quote=False, newlines_in_values=False),
        pc.ConvertOptions(
            include_columns=list(columns),
            column_types=types,
            null_values=list(options["null_values"]),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            auto_dict_max_cardinality=2**31 - 1,
        ),
    )


@contextmanager
def _text_of(path: str | bytes) -> Iterator[Text]:
    """Give the bytes of a text, or of a file without copying them."""
    if isinstance(path, bytes):
        yield path
        return
    with Path(path).open("rb") as file:
        if not file.seek(0, 2):
            yield b""
            return
        text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        yield text
    finally:
        with suppress(BufferError):  # an error that is on its way still holds a view; it goes when that goes
            text.close()


def _strays(text: Text, scan: FileScan, columns: Sequence[str]) -> bool:
    """Whether the text has what one of the readers takes and the other does not, or takes otherwise.

    Quotes; what is not UTF-8; returns, which are newlines to Arrow; a mark of the byte order, or a blank line where the header should be;
    blanks behind a number, hexadecimal numbers, and ``nan(...)``.
    """
    options = scan.options
    quote = options["quote"]
    if not len(text) or text[:3] == b"\xef\xbb\xbf" or text[:2] in _LIKE_ZLIB or (options["header"] and text[:1] == b"\n"):
        return True
    if any(text.find(sign) >= 0 for sign in (b"\r", b"\0", *([] if quote is None else [quote.encode()]))):
        return True
    if not _is_utf8(text):  # also where no column that is wanted has it
        return True
    kinds = {type(scan.schema[name].dtype) for name in columns}
    if kinds.isdisjoint((*_WHOLE, *_FLOAT)):
        return False
    ends = rb"[\n" + re.escape(options["separator"].encode()) + rb"]"
    if text[-1:].isspace() and text[-1:] != b"\n":
        return True
    if any(text.find(blank) >= 0 and re.search(blank + ends, text) for blank in (b" ", b"\t", b"\v", b"\f")):
        return True
    if not kinds.isdisjoint(_WHOLE) and any(_follows(text, sign, b"0") for sign in (b"x", b"X")):
        return True
    return not kinds.isdisjoint(_FLOAT) and _follows(text, b"(", b"nN")


def _is_utf8(text: Text) -> bool:
    """Whether all of a text is UTF-8."""
    if int(np.frombuffer(text, np.uint8).max()) < 128:
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(text), _BLOCK_BYTES):
            decoder.decode(text[start : start + _BLOCK_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _follows(text: Text, sign: bytes, before: bytes) -> bool:
    """Whether a sign comes anywhere behind one of some others; taken for granted where it comes often."""
    at = text.find(sign)
    for _ in range(_FEW):
        if at < 0:
            return False
        if at > 0 and text[at - 1] in before:
            return True
        at = text.find(sign, at + 1)
    return True


def _delivered(table: pa.Table, scan: FileScan, columns: Sequence[str]) -> pa.Table:
    """Return the table in the types of gpupipe's, its dates parsed, each distinct one once, by Polars as in `gpupipe.engines._scan`."""
    formats = dict(scan.options["formats"])
    made = []
    for name in columns:
        dtype = scan.schema[name].dtype
        if isinstance(dtype, nw.Date):
            chunks = [_dates(chunk, formats.get(name, "%Y-%m-%d")) for chunk in table[name].chunks]
            made.append(pa.chunked_array(chunks, pa.date32()))
        else:
            made.append(table[name].cast(arrow_dtype(dtype)))
    return pa.table(made, names=list(columns))


def _dates(words: pa.DictionaryArray, pattern: str) -> pa.Array:
    """Return words as dates."""
    parsed = pl.Series(words.dictionary.to_pylist(), dtype=pl.String).str.to_date(pattern, strict=True)
    return parsed.to_arrow().cast(pa.date32()).take(words.indices)


def needs_finishing(table: pa.Table, *, nan_as_null: bool, not_null: Sequence[str]) -> bool:
    """Whether something is left to do of what a source declares: NaN to make missing, or a missing value to refuse."""
    if any(table[name].null_count for name in not_null):
        return True
    floats = [column for column in table.columns if pa.types.is_floating(column.type)] if nan_as_null else []
    return any(bool(np.isnan(_values(chunk)).any()) for column in floats for chunk in column.chunks)


def _values(chunk: pa.Array) -> Any:
    """Return the numbers of an Arrow array as they lie there, whatever stands where one is missing."""
    data = chunk.buffers()[1]
    dtype = chunk.type.to_pandas_dtype()
    return np.frombuffer(data, dtype)[chunk.offset : chunk.offset + len(chunk)] if data is not None and data.size else np.empty(0, dtype)
