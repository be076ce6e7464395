"""Where the values of JSON records, one a line, begin and end, found for a whole block of bytes at one time.

A record is plain where its values are texts without escapes, numbers and words, and blanks stand singly behind its separators, as every
program writes them. What is not plain is left to the host's reader, which reads it or says what is wrong; so every value is looked at,
also of keys that nobody needs. The arrays are CuPy's on a device and NumPy's in tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from gpupipe.engines.cudf.text_cut import whole_lines, without_returns
from gpupipe.engines.cudf.text_plan import NotPlainError
from gpupipe.engines.cudf.text_values import Texts, equal_to

_QUOTE, _ESCAPE, _BLANK, _COLON, _COMMA, _OPEN, _CLOSE, _NEWLINE, _RETURN = b'"\\ :,{}\n\r'
_BRACKETS = b"[]"
_LONGEST_NUMBER = 40

# The grammar of numbers (RFC 8259, section 6) as states: after nothing, "-", a leading 0, other digits, ".", digits behind it, "e", its
# sign, one digit of it, and two, since with three a number may be larger than any double; the last one is that of what is no number.
_START, _MINUS, _ZERO, _DIGITS, _POINT, _FRACTION, _POWER, _SIGN, _POWER_ONE, _POWER_TWO, _WRONG = range(11)
_ENDS = (_ZERO, _DIGITS, _FRACTION, _POWER_ONE, _POWER_TWO)
_CLASSES = {b"0": 0, b"123456789": 1, b"-": 2, b"+": 3, b".": 4, b"eE": 5}
_N_CLASSES = len(_CLASSES) + 1
_STEPS = {
    _START: {0: _ZERO, 1: _DIGITS, 2: _MINUS},
    _MINUS: {0: _ZERO, 1: _DIGITS},
    _ZERO: {4: _POINT, 5: _POWER},
    _DIGITS: {0: _DIGITS, 1: _DIGITS, 4: _POINT, 5: _POWER},
    _POINT: {0: _FRACTION, 1: _FRACTION},
    _FRACTION: {0: _FRACTION, 1: _FRACTION, 5: _POWER},
    _POWER: {0: _POWER_ONE, 1: _POWER_ONE, 2: _SIGN, 3: _SIGN},
    _SIGN: {0: _POWER_ONE, 1: _POWER_ONE},
    _POWER_ONE: {0: _POWER_TWO, 1: _POWER_TWO},
}


@dataclass(frozen=True)
class Records:
    """The whole records that a block begins with.

    Parameters
    ----------
    xp
        NumPy or CuPy.
    text
        The block's bytes, as UInt8.
    n_rows, n_bytes
        How many records, and how many bytes of the block they take.
    values
        By key: where the value of each record begins and ends, whether it has quotes, which count as part of it, and whether it is there.
    """

    xp: Any
    text: Any
    n_rows: int
    n_bytes: int
    values: dict[str, tuple[Any, Any, Any, Any]]

    def __len__(self) -> int:
        return self.n_rows


def cut_records(xp: Any, text: Any, names: Sequence[str], *, is_last: bool) -> Records:
    r"""Return the values of some keys in the whole records that a block begins with; it begins with a record.

    Parameters
    ----------
    text
        Bytes, as an array of UInt8.
    is_last
        Whether the text ends with the block, so that its last record needs no newline.

    Raises
    ------
    NotPlainError
        A record is not plain, or has a key twice.

    Examples
    --------
    >>> records = cut_records(np, np.frombuffer(b'{"a": 1, "b": "x"}\n{"b":"y"}', "uint8"), ["b"], is_last=True)
    >>> [array.tolist() for array in records.values["b"]]
    [[14, 24], [17, 27], [True, True], [True, True]]
    """
    newlines, begins, n_bytes = whole_lines(xp, xp.flatnonzero(text == _NEWLINE), int(text.shape[0]), is_last=is_last)
    whole = text[:n_bytes]
    if bool(xp.any(whole == _ESCAPE)):
        raise NotPlainError("there is an escape in a text")
    if bool(xp.any((whole < _BLANK) & (whole != _NEWLINE) & (whole != _RETURN))):
        raise NotPlainError("there is a tab or another character that is no text")
    quotes = xp.flatnonzero(whole == _QUOTE)
    ends = without_returns(xp, text, newlines, n_bytes)
    _check_lines(xp, text, quotes, newlines, begins, ends)
    colons, commas = (_outside(xp, whole, quotes, mark) for mark in (_COLON, _COMMA))
    rows = xp.searchsorted(newlines, colons)
    empty = xp.ones(begins.shape, dtype=bool)
    empty[rows] = False
    if bool(xp.any(empty & (ends - begins > 2))):
        raise NotPlainError("a record has no key")
    before, after = _neighbours(xp, begins, ends, colons, commas, rows)
    keys = _keys(xp, text, quotes, before, colons)
    starts, stops, quoted = _checked_values(xp, text, quotes, colons, after)
    values = {}
    for name in names:
        found = _places(keys, name.encode())
        at = rows[found]
        if bool(xp.any(at[1:] == at[:-1])):
            raise NotPlainError(f"a record has the key {name!r} twice")
        values[name] = tuple(_by_row(xp, len(begins), at, array[found]) for array in (starts, stops, quoted, xp.ones_like(quoted)))
    return Records(xp, text, len(begins), n_bytes, values)


def _outside(xp: Any, text: Any, quotes: Any, mark: int) -> Any:
    """Return where a character stands outside quotes."""
    found = xp.flatnonzero(text == mark)
    return found[(xp.searchsorted(quotes, found) & 1) == 0]


def _check_lines(xp: Any, text: Any, quotes: Any, newlines: Any, begins: Any, ends: Any) -> None:
    """Raise NotPlainError where a line is not one record without others inside."""
    if bool(xp.any(xp.searchsorted(quotes, newlines) & 1)):
        raise NotPlainError("a line ends inside a text")
    if bool(xp.any(ends - begins < 2)):
        raise NotPlainError("a line is no record")
    if bool(xp.any((text[begins] != _OPEN) | (text[ends - 1] != _CLOSE))):
        raise NotPlainError("a line does not begin and end with its record")
    n_bytes = int(newlines[-1]) if newlines.shape[0] else 0
    whole = text[:n_bytes]
    inside = [_outside(xp, whole, quotes, mark).shape[0] for mark in (_OPEN, _CLOSE, *_BRACKETS)]
    if inside != [len(begins), len(begins), 0, 0]:
        raise NotPlainError("a value is a list or a record")


def _neighbours(xp: Any, begins: Any, ends: Any, colons: Any, commas: Any, rows: Any) -> tuple[Any, Any]:
    """Return the separators before the key and behind the value of each colon; a record's braces are the first and last ones."""
    first = xp.ones(colons.shape, dtype=bool)
    first[1:] = rows[1:] != rows[:-1]
    others = xp.flatnonzero(~first)
    if others.shape[0] != commas.shape[0] or bool(xp.any((commas <= colons[others - 1]) | (commas >= colons[others]))):
        raise NotPlainError("a record has other separators than one colon for each key, and commas between them")
    before = begins[rows]
    before[others] = commas
    after = ends[rows] - 1
    after[others - 1] = commas
    return before, after


def _keys(xp: Any, text: Any, quotes: Any, before: Any, colons: Any) -> Texts:
    """Return the keys, without their quotes."""
    starts = before + 1
    starts = starts + (text[starts] == _BLANK)
    if not bool(xp.all(_are_texts(xp, text, quotes, starts, colons))):
        raise NotPlainError("a key is no plain text")
    return Texts.of(xp, text, starts + 1, colons - 1, xp.zeros(colons.shape, dtype=bool))


def _checked_values(xp: Any, text: Any, quotes: Any, colons: Any, after: Any) -> tuple[Any, Any, Any]:
    """Return where values begin and end, and whether they have quotes."""
    starts = colons + 1
    starts = starts + (text[starts] == _BLANK)
    quoted = text[starts] == _QUOTE
    bare = ~quoted
    texts = Texts.of(xp, text, starts, after, quoted)
    if not bool(xp.all(bare | _are_texts(xp, text, quotes, starts, after))) or not bool(xp.all(quoted | _are_scalars(xp, texts))):
        raise NotPlainError("a value is no plain text, number or word")
    return starts, after, quoted


def _are_texts(xp: Any, text: Any, quotes: Any, starts: Any, stops: Any) -> Any:
    """Whether between two places there is a quote, characters that are none, and a quote."""
    if not quotes.shape[0]:
        return xp.zeros(starts.shape, dtype=bool)
    number = xp.searchsorted(quotes, starts)
    last = quotes.shape[0] - 1
    return (text[starts] == _QUOTE) & (quotes[xp.minimum(number + 1, last)] == stops - 1) & (number < last)


def _are_scalars(xp: Any, texts: Texts) -> Any:
    """Whether texts are numbers or words of JSON's."""
    table, classes = _grammar()
    following, class_of = xp.asarray(table), xp.asarray(classes)
    state = xp.full(texts.lengths.shape, _START, dtype=np.int64)
    for letter, is_there in texts.letters(texts.longest(_LONGEST_NUMBER)):
        state = xp.where(is_there, following[state * _N_CLASSES + class_of[letter]], state)
    found = equal_to(texts, b"null") | equal_to(texts, b"true") | equal_to(texts, b"false")
    for end in _ENDS:
        found = found | (state == end)
    return found


@cache
def _grammar() -> tuple[Any, Any]:
    """Return the state that follows each state and class of characters, and the class of each character."""
    table = np.full((_WRONG + 1, _N_CLASSES), _WRONG, np.int64)
    for state, steps in _STEPS.items():
        for kind, following in steps.items():
            table[state, kind] = following
    classes = np.full(256, _N_CLASSES - 1, np.int64)
    for letters, kind in _CLASSES.items():
        classes[list(letters)] = kind
    return table.ravel(), classes


def _places(keys: Texts, name: bytes) -> Any:
    """Return which keys are a name; each letter is looked for among those only that are alike so far."""
    xp = keys.xp
    found = xp.flatnonzero(keys.lengths == len(name))
    for place, letter in enumerate(name):
        found = found[keys.text[keys.starts[found] + place] == letter]
    return found


def _by_row(xp: Any, n_rows: int, rows: Any, values: Any) -> Any:
    """Return values in their rows, and 0 in the others."""
    made = xp.zeros(n_rows, dtype=values.dtype)
    made[rows] = values
    return made
