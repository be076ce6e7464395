"""What an entry of a store is: what it says of itself, and whether that can be believed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gpupipe.core.errors import GpupipeError

FORMAT = 1
FOLDER = r"([0-9a-f]{8})-[0-9a-f]{12}"
_FILE = r"[\w=-][\w.=-]*(/[\w=-][\w.=-]*)*"
_KINDS = ("table", "fitted", "value")


class DamagedError(GpupipeError):
    """An entry is not what was written; it is computed again."""


@dataclass(frozen=True)
class Entry:
    """One result that is kept.

    Parameters
    ----------
    kind
        ``"table"``, ``"fitted"`` or ``"value"``.
    folder
        The name of the folder of its files.
    files
        The size and the SHA-256 of each file, by its path in the folder.
    facts
        What is needed to load it, and what a report says of it.
    """

    address: str
    kind: str
    pipeline: str
    stage: str
    created_seconds: float
    folder: str
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_bytes(self) -> int:
        """The bytes of its files, and of the facts."""
        return sum(size for size, _ in self.files.values()) + (len(json.dumps(self.facts)) if self.facts else 0)


@dataclass(frozen=True)
class DamagedEntry(Entry):
    """What stands where an entry should.

    Parameters
    ----------
    reason
        What is wrong with it.
    """

    reason: str = ""


def reason(error: Exception) -> str:
    """Return in words why an entry cannot be read."""
    if isinstance(error, OSError):
        return f"it cannot be read: {error.strerror or error}"
    if isinstance(error, UnicodeDecodeError | json.JSONDecodeError | RecursionError):
        return "it is no JSON"
    return str(error) if isinstance(error, ValueError) else "its fields are wrong"


def checked(held: Any, address: str) -> Entry:
    """Return the entry of an address that was read; raise where anything of it is not as the store writes it."""
    version = held.pop("format", None) if isinstance(held, dict) else None
    if version != FORMAT or type(version) is not int:
        msg = "it is of another format"
        raise ValueError(msg)
    entry = Entry(**held)
    texts = (entry.kind, entry.pipeline, entry.stage, entry.folder, entry.address)
    sound = {
        "address": entry.address == address,
        "kind": entry.kind in _KINDS and all(isinstance(text, str) for text in texts),
        "time": type(entry.created_seconds) in (int, float) and 0 <= entry.created_seconds < 1 << 40,
        "folder": re.fullmatch(FOLDER, str(entry.folder)) is not None,
        "facts": isinstance(entry.facts, dict),
        "files": isinstance(entry.files, dict) and all(map(_is_file, entry.files.items())),
    }
    wrong = [name for name, right in sound.items() if not right]
    if wrong:
        msg = f"its {' and '.join(wrong)} cannot be so"
        raise ValueError(msg)
    return entry


def _is_file(told: tuple[Any, Any]) -> bool:
    """Whether a name stays in the folder, and has a size and a checksum behind it."""
    name, (size, checksum) = told
    inside = isinstance(name, str) and len(name) < 500 and re.fullmatch(_FILE, name) is not None
    return inside and type(size) is int and size >= 0 and isinstance(checksum, str) and re.fullmatch("[0-9a-f]{64}", checksum) is not None


def essence(entry: Entry) -> str:
    """Return what two entries of one result share, whoever wrote them and when."""
    return json.dumps([entry.kind, entry.files, entry.facts], sort_keys=True)
