"""Text of others made safe to look at: what would move a terminal's cursor, or turn the order of letters, is shown as what it is.

Escape sequences in a log can rename windows, hide lines, or type for the reader. Marks of direction (Unicode Standard Annex 9, section 2;
Boucher and Anderson 2023, "Trojan Source") make a path or a formula read as another one. Letters of scripts that run from right to left
are no such marks, and stay.
"""

from __future__ import annotations

import re

_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_BREAKS = "\u2028\u2029"  # ends of lines and paragraphs, of which not every program knows
_UNSEEN = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_DIRECTIONS}{_BREAKS}\ud800-\udfff]")


def visible(text: object) -> str:
    r"""Return a text with control characters other than newlines and tabs, and marks of direction, spelled out.

    Examples
    --------
    >>> print(visible("\x1b[31mred \u202egpj.exe"))
    \x1b[31mred \u202egpj.exe
    """
    return _UNSEEN.sub(lambda found: _spelled(ord(found[0])), str(text))


def _spelled(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def escaped_json(text: str) -> str:
    r"""Return a JSON text in which such characters are escapes, which mean the same to who parses it.

    Examples
    --------
    >>> print(escaped_json('{"a": "\u202eb"}'))
    {"a": "\u202eb"}
    """
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
