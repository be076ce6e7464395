"""Which rows of plain text hold a value that its column does not take: a block is looked at as a whole, and by itself only what is odd.

Arrow reads the numbers of a block. Where it takes them all, and none is written in a way that the reader does not take, all are right.
Else, and for dates and times, each value that is not of a form which is surely right is looked at once, by the checks of
`gpupipe.sources.csv_values`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from narwhals.stable.v2.dtypes import DType

from gpupipe.core.number_text import NumberText
from gpupipe.core.schema import Schema
from gpupipe.sources.csv_text import Dialect
from gpupipe.sources.csv_values import INTEGERS, value_checks

_MOST_KNOWN = 100_000  # values of a column whose answer is kept
_MOST_NULLS = 10_000  # signs of texts that mean missing: Arrow's look-up of more ends the process
_SHOWN = 100
_DIGITS: Mapping[str, int] = {"ms": 3, "us": 6, "ns": 9}
_WITH_NUMBERS: tuple[type[DType], ...] = (*INTEGERS, nw.Float32, nw.Float64)
_NUMBERS: Mapping[type[DType], pa.DataType] = {dtype: pa.type_for_alias(dtype.__name__.lower()) for dtype in _WITH_NUMBERS}
_STRAYS = ((b"x", b"0"), (b"X", b"0"), (b"(", b"nN"))  # a sign behind others: numbers to Arrow, and to the reader none
_BLANKS = b" \t\v\f"  # nor is a number with one of these behind it
_OF_MONTH = "(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31"
_DAY = f"(?:1[7-9]|2[01])[0-9]{{2}}-(?:{_OF_MONTH})"  # but for 29 February; nanoseconds hold all of them
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"


class ValueChecks:
    r"""Which values of delimited text their columns do not take.

    Parameters
    ----------
    names
        Every column of the text, in order.
    schema
        The columns that are read.
    formats
        How dates and times are written, by column.
    null_values
        Texts that mean missing; an empty one does.

    Examples
    --------
    >>> checks = ValueChecks(Dialect(), ("a", "b"), Schema.of_names({"a": nw.String(), "b": nw.Int8()}), {}, NumberText(), ("",))
    >>> checks.refused(b"x,1\ny,200\nz,\n")
    {1: "expected Int8 in 'b', got '200' (Int8 takes -128 to 127)"}
    """

    def __init__(
        self,
        dialect: Dialect,
        names: Sequence[str],
        schema: Schema,
        formats: Mapping[str, str],
        numbers: NumberText,
        null_values: Sequence[str],
    ) -> None:
        self._names = list(names)
        self._dtypes = {name: field.dtype for name, field in schema.items()}
        self._checks = value_checks(schema, formats, numbers)
        self._sure = {name: _surely(self._dtypes[name], formats.get(name), numbers) for name in self._checks}
        self._nulls = frozenset((*null_values, ""))
        self._known: dict[str, dict[str, str | None]] = {name: {} for name in self._checks}
        separator, quote = dialect.plain
        self._parse = pcsv.ParseOptions(delimiter=separator, quote_char=quote or False, newlines_in_values=True)
        self._ends = f"{separator}{quote or ''}\r\n".encode()
        typed = numbers.is_plain and sum(map(len, null_values)) < _MOST_NULLS
        self._typed = {name: _NUMBERS.get(type(self._dtypes[name]), pa.string()) if typed else pa.string() for name in self._checks}

    def of_record(self, values: Sequence[str], raw: Sequence[str]) -> str | None:
        """Return what is wrong with the first value of a row that its column does not take; `raw` are the fields as they stand there."""
        for name in self._checks:
            place = self._names.index(name)
            if place < len(values) and values[place] not in self._nulls and raw[place] not in self._nulls:
                reason = self._reason(name, values[place])
                if reason is not None:
                    return reason
        return None

    def refused(self, text: bytes) -> dict[int, str]:
        """Return the rows of plain text, without a header, that hold a value which its column does not take, by place, with the reason."""
        if not self._checks or not text:
            return {}
        table = self._read(text, self._typed) if self._is_clear(text) else None
        if table is None:
            table = self._read(text, dict.fromkeys(self._checks, pa.string()))
        found: dict[int, str] = {}
        for name, column in zip(table.column_names, table.columns, strict=True):
            if column.type == pa.string():
                for place, reason in self._refused_of(name, column).items():
                    found.setdefault(place, reason)
        return found

    def _is_clear(self, text: bytes) -> bool:
        """Whether Arrow takes no number of a text that the reader does not take."""
        signs = np.frombuffer(text, np.uint8)
        if any(sign in text and _stands_by(signs, sign, before, -1) for sign, before in _STRAYS):
            return False
        return not any(
            blank in text and _stands_by(signs, blank, self._ends, 1) for blank in (_BLANKS[at : at + 1] for at in range(len(_BLANKS)))
        )

    def _read(self, text: bytes, types: Mapping[str, pa.DataType]) -> Any:
        """Return the columns that have a check; None where they are not of the types."""
        convert = pcsv.ConvertOptions(
            null_values=list(self._nulls),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            column_types=types,
            include_columns=list(types),
        )
        options = pcsv.ReadOptions(column_names=self._names, block_size=len(text) + 1, use_threads=False)
        try:
            return pcsv.read_csv(io.BytesIO(text), options, self._parse, convert)
        except pa.ArrowInvalid:
            if all(kind == pa.string() for kind in types.values()):
                raise
            return None

    def _refused_of(self, name: str, column: Any) -> dict[int, str]:
        """Return the rows whose value in one column is refused."""
        sure = self._sure[name]
        odd = column.drop_null() if sure is None else column.filter(pc.invert(pc.match_substring_regex(column, sure)))
        reasons = {
            value: reason for value in odd.unique().to_pylist() if value is not None and (reason := self._reason(name, value)) is not None
        }
        if not reasons:
            return {}
        places = pc.indices_nonzero(pc.is_in(column, pa.array(list(reasons), pa.string()))).to_pylist()
        values = column.take(pa.array(places, pa.int64())).to_pylist()
        return {place: reasons[value] for place, value in zip(places, values, strict=True)}

    def _reason(self, name: str, value: str) -> str | None:
        """Return why a column does not take a value; None where it does."""
        known = self._known[name]
        if value in known:
            return known[value]
        reason = None
        try:
            self._checks[name](value)
        except (ValueError, TypeError, ArithmeticError) as error:
            reason = f"expected {self._dtypes[name]} in {name!r}, got {value[:_SHOWN]!r} ({str(error) or type(error).__name__})"
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known[value] = reason
        return reason


def _stands_by(signs: Any, sign: bytes, others: bytes, step: int) -> bool:
    """Whether one of some other characters stands right behind a character, or where `step` is -1 right before it."""
    places = np.flatnonzero(signs == sign[0]) + step
    beside = signs[places[(places >= 0) & (places < len(signs))]]
    return any(bool((beside == other).any()) for other in others)


def _surely(dtype: DType, pattern: str | None, numbers: NumberText) -> str | None:
    """Return the regular expression of texts that a dtype surely takes; None where there is none."""
    if dtype.is_float():
        return numbers.pattern.replace(r"\s", r"[ \t]") if numbers.is_plain else numbers.pattern
    if type(dtype) in INTEGERS:
        low, high = INTEGERS[type(dtype)]
        return f"^{'-?' if low else ''}[0-9]{{1,{len(str(high)) - 1}}}$"
    if isinstance(dtype, nw.Decimal):
        whole = dtype.precision - dtype.scale
        return f"^-?[0-9]{{1,{whole}}}(?:[.][0-9]{{1,{dtype.scale}}})?$" if whole and dtype.scale and numbers.is_plain else None
    if dtype == nw.Boolean:
        return "^(?i:true|false)$"
    if pattern is not None:
        return None
    if dtype == nw.Date:
        return f"^{_DAY}$"
    if dtype == nw.Time:
        return f"^{_CLOCK}:[0-5][0-9]$"
    if isinstance(dtype, nw.Datetime):
        return f"^{_DAY}(?:[T ]{_CLOCK}(?::[0-5][0-9](?:[.][0-9]{{1,{_DIGITS[dtype.time_unit]}}})?)?)?$"
    return None
