"""Marks of files: what of a file changes when its content does, found without reading it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gpupipe.core.files import Place, remote_errors

_SAMPLES, _SAMPLE_BYTES = 16, 1 << 16
# How file systems of fsspec's call what changes with a file's content, in lower case without underscores and dashes.
_REMOTE_MARKS = (
    *("etag", "checksum", "md5", "md5hash", "contentmd5", "crc32c", "crc", "sha256", "oid", "generation", "versionid"),
    *("mtime", "modified", "lastmodified", "modifiedat", "updated", "modificationtime", "created"),
)


def file_marks(places: Iterable[Place]) -> tuple[tuple[Any, ...], ...] | None:
    """Return, for each file, its address and what changes when its content does; None where a file system tells nothing of the kind.

    Of a local file that is its size, the time it was written, and a digest: of all of it up to a megabyte, of 16 pieces of a larger one.
    """
    marks = [_local_mark(found.path) if found.fs is None else _remote_mark(found) for found in places]
    return None if None in marks else tuple(mark for mark in marks if mark is not None)


def _local_mark(path: str) -> tuple[Any, ...]:
    """Return the mark of a local file."""
    import hashlib  # local: as in `_downloaded`

    found = Path(path).stat()
    whole = hashlib.blake2b(digest_size=16)
    pieces = 1 if found.st_size <= _SAMPLES * _SAMPLE_BYTES else _SAMPLES
    n_bytes = found.st_size if pieces == 1 else _SAMPLE_BYTES
    with Path(path).open("rb") as stream:
        for piece in range(pieces):
            stream.seek((found.st_size - n_bytes) * piece // max(pieces - 1, 1))
            whole.update(stream.read(n_bytes))
    return str(Path(path).absolute()), found.st_size, found.st_mtime_ns, whole.hexdigest()


def _remote_mark(found: Place) -> tuple[Any, ...] | None:
    """Return the mark of a remote file: whatever its store tells that a new content changes."""
    with remote_errors(found):
        info = {str(name).lower().replace("-", "").replace("_", ""): value for name, value in found.fs.info(found.path).items()}
    told = tuple((name, str(info[name])) for name in _REMOTE_MARKS if info.get(name) is not None)
    return (str(found), info.get("size"), told) if told else None
