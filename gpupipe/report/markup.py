"""Text made safe for SVG and HTML, cut to a width, and wrapped in tags."""

from __future__ import annotations

import html
import re
import unicodedata

from gpupipe.core.visible import visible

# XML 1.0 section 2.2: these may stand in no document, not even escaped; a column name read from a broken file can hold them.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escape(text: object) -> str:
    r"""Return the text with every character that means something to XML or HTML, is forbidden there, or cannot be seen, made harmless.

    Examples
    --------
    >>> escape('a < b & "c"')
    'a &lt; b &amp; &quot;c&quot;'
    >>> print(escape(chr(0) + chr(0x202E)))
    \x00\u202e
    """
    return html.escape(printable(text), quote=True)


def printable(text: object) -> str:
    r"""Return the text with what XML or HTML forbids, or what cannot be seen, made visible; not escaped.

    Examples
    --------
    >>> print(printable("a <b>" + chr(0x202E)))
    a <b>\u202e
    """
    return _FORBIDDEN.sub("\ufffd", visible(text))


def display_width(text: str) -> int:
    """Return how many terminal cells the text takes: wide East Asian characters take two, combining marks none.

    Examples
    --------
    >>> display_width("loan"), display_width("貸付")
    (4, 4)
    """
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def one_line(text: object) -> str:
    r"""Return the text on one line: line breaks and tabs become spaces, and what cannot be seen is spelled out.

    Examples
    --------
    >>> print(one_line("a\n  b\x1b"))
    a b\x1b
    """
    return visible(" ".join(str(text).split()))


def cut(text: object, width: int, *, squeeze: bool = True) -> str:
    """Return the text on one line, ending in an ellipsis where it is wider than `width` cells.

    Parameters
    ----------
    squeeze
        Runs of spaces become one; without it the text is taken as one line already.

    Examples
    --------
    >>> cut("delinquency", 6), cut("dti", 6)
    ('delin…', 'dti')
    """
    line = one_line(text) if squeeze else str(text)
    if display_width(line) <= width:
        return line
    line = line[: 2 * width]  # a filter can be very long
    while line and display_width(line) > width - 1:
        line = line[:-1]
    return line + "…"


def cut_start(text: object, width: int) -> str:
    """Return the text on one line, its beginning left out where it is wider than `width` cells.

    Examples
    --------
    >>> cut_start("pipelines/mortgage.py:41", 15)
    '…mortgage.py:41'
    """
    line = one_line(text)
    if display_width(line) <= width:
        return line
    line = line[-2 * width :]
    while line and display_width(line) > width - 1:
        line = line[1:]
    return "…" + line


def element(name: str, content: str, **attributes: object) -> str:
    """Return an element around content that is markup already; attributes are escaped, ``_`` in their names becomes ``-``.

    Examples
    --------
    >>> element("td", "3", class_="num", data_id=4)
    '<td class="num" data-id="4">3</td>'
    """
    given = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items() if value is not None)
    return f"<{name}{given}>{content}</{name}>"
