"""Where the fields of delimited text begin and end, found for a whole block of bytes at one time.

A separator or newline is inside quotes where an odd number of quotes stands before it. That holds as long as every quote begins a field,
ends one, or is doubled inside one; where another stands, the text is not plain, and somebody else reads it. The arrays are CuPy's on a
device and NumPy's in tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.engines.cudf.text_plan import NotPlainError

_NEWLINE, _RETURN = 10, 13


@dataclass(frozen=True)
class WholeRows:
    """The whole rows that a block begins with.

    Parameters
    ----------
    xp
        NumPy or CuPy.
    text
        The block's bytes, as UInt8.
    begins, ends
        Where each row begins, and where it ends, its newline left out.
    separators
        Where its separators are, a line for each row.
    n_bytes
        How many bytes of the block they take.
    quote
        The quote character, where there is a quote in the block.
    """

    xp: Any
    text: Any
    begins: Any
    ends: Any
    separators: Any
    n_bytes: int
    quote: int | None

    def __len__(self) -> int:
        return int(self.ends.shape[0])

    def without_first(self) -> WholeRows:
        """Return the rows behind the first one, a header."""
        return WholeRows(self.xp, self.text, self.begins[1:], self.ends[1:], self.separators[1:], self.n_bytes, self.quote)

    def spans(self, position: int) -> tuple[Any, Any, Any]:
        """Return where a field of each row begins and ends, its quotes left out, and whether it has quotes (None: not one has)."""
        xp, n_separators = self.xp, self.separators.shape[1]
        starts = self.begins if position == 0 else self.separators[:, position - 1] + 1
        stops = self.ends if position == n_separators else self.separators[:, position]
        if self.quote is None or not len(self):
            return starts, stops, None
        quoted = (stops > starts) & (self.text[xp.minimum(starts, self.text.shape[0] - 1)] == self.quote)
        return starts + quoted, stops - quoted, quoted


def cut_rows(xp: Any, text: Any, n_fields: int, separator: int, quote: int | None, *, is_last: bool) -> WholeRows:
    r"""Return the whole rows that a block begins with; it begins with a row.

    Parameters
    ----------
    text
        Bytes, as an array of UInt8.
    is_last
        Whether the text ends with the block, so that its last row needs no newline.

    Raises
    ------
    NotPlainError
        A row has another number of fields, a quote stands inside a field, or a return somewhere else than before a newline.

    Examples
    --------
    >>> rows = cut_rows(np, np.frombuffer(b'a,"b,c"\nd,', "uint8"), 2, ord(","), ord('"'), is_last=True)
    >>> [array.tolist() for array in rows.spans(1)]
    [[3, 10], [6, 10], [True, False]]
    """
    newlines = xp.flatnonzero(text == _NEWLINE)
    separators = xp.flatnonzero(text == separator)
    quotes = None if quote is None else xp.flatnonzero(text == quote)
    if quotes is not None and quotes.shape[0]:
        newlines = newlines[(xp.searchsorted(quotes, newlines) & 1) == 0]
        separators = separators[(xp.searchsorted(quotes, separators) & 1) == 0]
    else:
        quotes = None
    newlines, begins, n_bytes = whole_lines(xp, newlines, int(text.shape[0]), is_last=is_last)
    separators = separators[separators < n_bytes]
    if quotes is not None:
        _check_quotes(xp, text, quotes[quotes < n_bytes], separator)
    grid = _grid(xp, begins, newlines, separators, n_fields)
    ends = without_returns(xp, text, newlines, n_bytes)
    if n_fields == 1 and bool(xp.any(ends <= begins)):
        raise NotPlainError("there is an empty line")
    return WholeRows(xp, text, begins, ends, grid, n_bytes, None if quotes is None else quote)


def whole_lines(xp: Any, newlines: Any, size: int, *, is_last: bool) -> tuple[Any, Any, int]:
    """Return where the lines of a block that are whole end and begin, and how many bytes they take."""
    n_bytes = int(newlines[-1]) + 1 if newlines.shape[0] else 0
    if is_last and n_bytes < size:
        newlines = xp.concatenate([newlines, xp.asarray([size], dtype=newlines.dtype)])
        n_bytes = size
    begins = xp.concatenate([xp.zeros(1, dtype=newlines.dtype), newlines[:-1] + 1]) if newlines.shape[0] else newlines
    return newlines, begins, n_bytes


def _grid(xp: Any, begins: Any, newlines: Any, separators: Any, n_fields: int) -> Any:
    """Return the separators, a line for each row, which each row must have as many of."""
    n_rows, n_separators = int(newlines.shape[0]), n_fields - 1
    uneven = NotPlainError(f"not every row has {n_fields} fields")
    if separators.shape[0] != n_rows * n_separators:
        raise uneven
    grid = xp.reshape(separators, (n_rows, n_separators))
    if n_separators and bool(xp.any((grid[:, 0] < begins) | (grid[:, -1] >= newlines))):
        raise uneven
    return grid


def _check_quotes(xp: Any, text: Any, quotes: Any, separator: int) -> None:
    """Raise NotPlainError where a quote neither begins a field, nor ends one, nor is doubled inside one."""
    if quotes.shape[0] % 2:
        raise NotPlainError("a quote does not close")
    opening, closing = quotes[0::2], quotes[1::2]
    before = text[xp.maximum(opening - 1, 0)]
    after = text[xp.minimum(closing + 1, text.shape[0] - 1)]
    quote = text[opening[:1]]
    begins = (opening == 0) | (before == separator) | (before == _NEWLINE) | (before == quote)
    ends = (closing == text.shape[0] - 1) | (after == separator) | (after == _NEWLINE) | (after == _RETURN) | (after == quote)
    if not bool(xp.all(begins & ends)):
        raise NotPlainError("a quote stands inside a field")


def without_returns(xp: Any, text: Any, newlines: Any, n_bytes: int) -> Any:
    """Return where the rows end, a return before their newline left out; there must be no others."""
    n_returns = int(xp.count_nonzero(text[:n_bytes] == _RETURN))
    if not n_returns:
        return newlines
    ended = (newlines > 0) & (newlines < n_bytes) & (text[xp.maximum(newlines - 1, 0)] == _RETURN)
    if int(xp.count_nonzero(ended)) != n_returns:
        raise NotPlainError("a return stands elsewhere than before a newline")
    return newlines - ended


def is_utf8(xp: Any, text: Any) -> bool:
    r"""Whether bytes are UTF-8 (RFC 3629, section 4).

    Examples
    --------
    >>> [is_utf8(np, np.frombuffer(text, "uint8")) for text in ("é€😀".encode(), b"\xfc", b"\xed\xa0\x80")]
    [True, False, False]
    """
    high = xp.flatnonzero(text >= 0x80)
    if not high.shape[0]:
        return True
    size = text.shape[0]
    padded = xp.concatenate([xp.zeros(3, dtype=np.uint8), text])  # three bytes before the first
    one = padded[high + 3]
    back = [padded[high + 3 - distance] for distance in (1, 2, 3)]
    is_rest = (one >= 0x80) & (one < 0xC0)
    wanted = ((back[0] >= 0xC2) & (back[0] <= 0xF4)) | ((back[1] >= 0xE0) & (back[1] <= 0xF4)) | ((back[2] >= 0xF0) & (back[2] <= 0xF4))
    is_lead = (one >= 0xC2) & (one <= 0xF4)
    odd = ((back[0] == 0xE0) & (one < 0xA0)) | ((back[0] == 0xED) & (one >= 0xA0))
    odd |= ((back[0] == 0xF0) & (one < 0x90)) | ((back[0] == 0xF4) & (one >= 0x90))
    wrong = (is_rest != wanted) | ~(is_rest | is_lead) | odd
    length = xp.where(one >= 0xF0, 4, xp.where(one >= 0xE0, 3, 2))
    short = is_lead & (_followers(xp, padded, high + 3, size + 3) < length - 1)
    return not bool(xp.any(wrong | short))


def _followers(xp: Any, padded: Any, places: Any, size: int) -> Any:
    """Return how many continuation bytes follow each place without a gap, up to three."""
    count = xp.zeros(places.shape, dtype=np.int64)
    unbroken = xp.ones(places.shape, dtype=bool)
    for distance in (1, 2, 3):
        after = padded[xp.minimum(places + distance, size - 1)]
        unbroken = unbroken & (places + distance < size) & (after >= 0x80) & (after < 0xC0)
        count = count + unbroken
    return count
