"""A folder of a run's own, made when it is first asked for, and removed at its end."""

from __future__ import annotations

import tempfile

from gpupipe.core.work import WorkFolder


class Scratch:
    """A temporary folder; where nobody closes it, as in a worker, it goes when the process ends, and if that is killed, by the next run."""

    def __init__(self) -> None:
        self._folder: WorkFolder | None = None

    @property
    def path(self) -> str:
        """The folder."""
        if self._folder is None:
            self._folder = WorkFolder(tempfile.gettempdir(), "gpupipe-")
        return str(self._folder.path)

    def __fspath__(self) -> str:
        """Return the folder, so that a reader which may need it can be given one that nobody has made yet."""
        return self.path

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        if self._folder is not None:
            self._folder.close()
            self._folder = None
