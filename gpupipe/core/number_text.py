"""Numbers as people write them: which character begins the fraction, and which one stands between thousands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpupipe.core.errors import UsageError

_WORDS = r"(?i:inf|infinity|nan)"


@dataclass(frozen=True)
class NumberText:
    """How numbers are written.

    Parameters
    ----------
    decimal
        The character that begins the fraction.
    thousands
        The character between groups of three digits; None where there is none.

    Raises
    ------
    UsageError
        One of them is no single character, or is part of a number, or they are the same.

    Examples
    --------
    >>> german = NumberText(",", ".")
    >>> [german.plain(text) for text in ("1.234.567,5", " -0,5", "12.34", "1.5")]
    ['1234567.5', '-0.5', None, None]
    """

    decimal: str = "."
    thousands: str | None = None

    def __post_init__(self) -> None:
        for name, value in (("decimal", self.decimal), ("thousands", self.thousands)):
            if value is not None and (len(value) != 1 or value.isalnum() or value in "+-\r\n\0"):
                raise UsageError(f"{name} expected one character that is in no number otherwise, got {value!r}.")
        if self.decimal == self.thousands:
            raise UsageError(f"decimal and thousands expected two different characters, got {self.decimal!r} for both.")

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as in a program."""
        return self == NumberText()

    @property
    def pattern(self) -> str:
        """The regular expression of a number and nothing else, blanks before it aside; Rust and RE2 read it as Python does."""
        point = re.escape(self.decimal)
        whole = "[0-9]+" if self.thousands is None else f"(?:[0-9]{{1,3}}(?:{re.escape(self.thousands)}[0-9]{{3}})+|[0-9]+)"
        return rf"^\s*[+-]?(?:(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?|{_WORDS})$"

    def plain(self, text: str) -> str | None:
        """Return a number as a program writes it; None where the text is none."""
        if re.fullmatch(self.pattern, text) is None:
            return None
        ungrouped = text if self.thousands is None else text.replace(self.thousands, "")
        return ungrouped.replace(self.decimal, ".").strip()
