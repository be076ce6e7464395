"""Universal Binary JSON as XGBoost writes it, read strictly.

XGBoost's own reader trusts the lengths in a file and reads beyond its end where they are wrong. So a file goes through this one first,
which takes only what XGBoost's writer makes.

Source: the UBJSON specification, draft 12; and ``UBJWriter`` in XGBoost's ``src/common/json.cc`` for which of its forms are in use.
"""

from __future__ import annotations

from typing import Any

import numpy as np

MAX_DEPTH = 32
_NUMBERS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
_WORDS = {b"T": True, b"F": False, b"Z": None}


def read_ubj(content: bytes) -> Any:
    r"""Return the value that the bytes hold: mappings, lists, text, numbers, and arrays of NumPy for arrays of one type.

    Raises
    ------
    ValueError
        They are not one whole value in the form that XGBoost writes.

    Examples
    --------
    >>> read_ubj(b"{L" + bytes(7) + b"\x01ai\x05}")
    {'a': 5}
    """
    reader = _Reader(content)
    value = reader.value(reader.take(1), MAX_DEPTH)
    if reader.at != len(content):
        msg = f"{len(content) - reader.at} bytes stand behind its end"
        raise ValueError(msg)
    return value


class _Reader:
    """Reads from left to right, and never beyond the end."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def take(self, n_bytes: int) -> bytes:
        """Return the next bytes."""
        if n_bytes < 0 or n_bytes > len(self.content) - self.at:
            msg = f"it ends before {n_bytes} bytes from byte {self.at} on"
            raise ValueError(msg)
        self.at += n_bytes
        return self.content[self.at - n_bytes : self.at]

    def expect(self, mark: bytes) -> None:
        """Go past a mark that has to be there."""
        if self.take(1) != mark:
            msg = f"{mark!r} was expected at byte {self.at - 1}"
            raise ValueError(msg)

    def length(self) -> int:
        """Return a length, which XGBoost writes in 64 bits."""
        self.expect(b"L")
        return int.from_bytes(self.take(8), "big", signed=True)

    def text(self) -> str:
        """Return a text."""
        return self.take(self.length()).decode()

    def value(self, mark: bytes, depth: int) -> Any:
        """Return the value that a mark begins."""
        if depth == 0:
            msg = f"it is nested deeper than {MAX_DEPTH}"
            raise ValueError(msg)
        if mark in _NUMBERS:
            kind = np.dtype(_NUMBERS[mark])
            return np.frombuffer(self.take(kind.itemsize), kind)[0].item()
        if mark in _WORDS:
            return _WORDS[mark]
        if mark == b"S":
            return self.text()
        if mark == b"[":
            return self.array(depth)
        if mark == b"{":
            return self.mapping(depth)
        msg = f"{mark!r} at byte {self.at - 1} begins no value"
        raise ValueError(msg)

    def array(self, depth: int) -> Any:
        """Return a list, or an array where all of it is of one type."""
        mark = self.take(1)
        if mark == b"$":
            kind = np.dtype(_NUMBERS.get(self.take(1), "V"))
            if kind.kind == "V":
                msg = f"the array at byte {self.at - 1} is of no type"
                raise ValueError(msg)
            self.expect(b"#")
            n_bytes = self.length() * kind.itemsize
            return np.frombuffer(self.take(n_bytes), kind)
        if mark != b"#":
            msg = f"the array at byte {self.at - 1} does not say its length"
            raise ValueError(msg)
        count = self.length()
        if not 0 <= count <= len(self.content) - self.at:
            msg = f"the array at byte {self.at} is longer than the file"
            raise ValueError(msg)
        return [self.value(self.take(1), depth - 1) for _ in range(count)]

    def mapping(self, depth: int) -> dict[str, Any]:
        """Return a mapping, each name of which stands once."""
        made: dict[str, Any] = {}
        while (mark := self.take(1)) != b"}":
            self.at -= len(mark)
            name = self.text()
            if name in made:
                msg = f"{name!r} stands twice"
                raise ValueError(msg)
            made[name] = self.value(self.take(1), depth - 1)
        return made
