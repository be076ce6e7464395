"""JSON records, one a line, into columns; see `text_reading`."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.engines.cudf.json_cut import Records, cut_records
from gpupipe.engines.cudf.text_plan import NotPlainError, TextColumn
from gpupipe.engines.cudf.text_reading import TextReader, require_utf8
from gpupipe.engines.cudf.text_values import Texts, equal_to, parsed_floats


class RecordReader(TextReader[Records]):
    """Reads JSON records."""

    def cut(self, text: Any, *, is_first: bool, is_last: bool) -> Records:
        """Return the records, which must be UTF-8."""
        records = cut_records(self.columns.xp, text, [column.name for column in self.wanted], is_last=is_last)
        require_utf8(records.xp, text[: records.n_bytes])
        return records

    def part(self, column: TextColumn, rows: Records) -> Any:
        """Return a part of a column; a key that a record lacks is missing there, as null is."""
        starts, stops, quoted, is_there = rows.values[column.name]
        texts = Texts.of(rows.xp, rows.text, starts, stops, ~is_there)
        missing = ~is_there | (~quoted & equal_to(texts, b"null"))
        in_quotes = not isinstance(column.dtype, nw.Boolean) and not column.dtype.is_numeric()
        if bool(rows.xp.any(~missing & (quoted != in_quotes))):
            raise NotPlainError(f"in column {column.name!r}, a value is {'no text' if in_quotes else 'text'}")
        return self.made(column, Texts.of(rows.xp, rows.text, starts + quoted, stops - quoted, missing))

    def floats(self, texts: Texts, dtype: str) -> Any:
        """Return the values as the host's reader has them: each is the nearest double first, and -0 a whole number."""
        texts.refuse(equal_to(texts, b"-0"), dtype)
        with np.errstate(over="ignore"):  # infinite is what it becomes
            return parsed_floats(texts, "float64").astype(dtype)
