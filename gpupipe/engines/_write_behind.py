"""A file that a thread of its own writes, so that the device goes on encoding while the disk takes what is there already.

Nothing here needs a device. libcudf swallows what a Python file raises, so nothing is raised where it writes; what went wrong is raised by
`check` and by the end of the ``with`` block.
"""

from __future__ import annotations

import io
from collections import deque
from pathlib import Path
from threading import Condition, Thread
from types import TracebackType
from typing import Any

MOST_WAITING = 512 << 20  # bytes on the host that no disk has taken yet; beyond them the device waits


class WriteBehind(io.RawIOBase):
    """A new file, to be used in a ``with`` block.

    Parameters
    ----------
    path
        Where it is made.

    Examples
    --------
    >>> import tempfile
    >>> path = f"{tempfile.mkdtemp()}/a"
    >>> with WriteBehind(path) as file:
    ...     _ = file.write(memoryview(b"some "))
    ...     _ = file.write(memoryview(b"bytes"))
    ...     file.tell()
    10
    >>> Path(path).read_text()
    'some bytes'
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self._file = Path(path).open("wb", buffering=0)  # noqa: SIM115  (closed by the thread)
        self._changed = Condition()
        self._waiting: deque[bytes] = deque()
        self._n_waiting = self._n_taken = 0
        self._ended = False
        self._error: OSError | None = None
        self._thread = Thread(target=self._write_out, name="gpupipe-write-behind", daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return how many bytes were taken."""
        return self._n_taken

    def write(self, data: Any) -> int:
        """Take a copy of some bytes; waits while too many are on their way."""
        kept = bytes(data)
        with self._changed:
            self._changed.wait_for(lambda: self._n_waiting < MOST_WAITING or self._error is not None)
            self._n_taken += len(kept)
            if self._error is None:
                self._waiting.append(kept)
                self._n_waiting += len(kept)
                self._changed.notify_all()
        return len(kept)

    def check(self) -> None:
        """Raise what the disk has answered, if that is an error."""
        if self._error is not None:
            raise self._error

    def _write_out(self) -> None:
        """Write until there is no more to come."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                if not self._waiting:
                    break
                piece = self._waiting.popleft()
            try:
                left = memoryview(piece)
                while left:
                    left = left[self._file.write(left) :]
            except OSError as error:
                with self._changed:
                    self._error = error
                    self._waiting.clear()
                    self._changed.notify_all()
                break
            with self._changed:
                self._n_waiting -= len(piece)
                self._changed.notify_all()
        self._file.close()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Wait until all of it is written."""
        with self._changed:
            self._ended = True
            if kind is not None:
                self._waiting.clear()
            self._changed.notify_all()
        self._thread.join()
        self.close()
        if kind is None:
            self.check()
