"""A folder of a run's own, made when it is first asked for, and removed at its end."""

from __future__ import annotations

import shutil
import tempfile


class Scratch:
    """A temporary folder."""

    def __init__(self) -> None:
        self._path: str | None = None

    @property
    def path(self) -> str:
        """The folder."""
        if self._path is None:
            self._path = tempfile.mkdtemp(prefix="gpupipe-")
        return self._path

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None
