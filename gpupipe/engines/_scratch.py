"""A folder of a run's own, made when it is first asked for, and removed at its end."""

from __future__ import annotations

import shutil
import tempfile
import weakref


class Scratch:
    """A temporary folder; where nobody closes it, as in a worker, it goes when the process ends."""

    def __init__(self) -> None:
        self._path: str | None = None
        self._end: weakref.finalize[..., Scratch] | None = None

    @property
    def path(self) -> str:
        """The folder."""
        if self._path is None:
            self._path = tempfile.mkdtemp(prefix="gpupipe-")
            self._end = weakref.finalize(self, shutil.rmtree, self._path, ignore_errors=True)
        return self._path

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        if self._end is not None:
            self._end()
            self._path = self._end = None
