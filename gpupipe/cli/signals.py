"""SIGTERM ends a command as Ctrl-C does: with outputs left as they were and nothing beside them. Slurm and containers send it."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType


def end_like_ctrl_c() -> None:
    """Have the process's first SIGTERM raise KeyboardInterrupt in the main thread, and ignore those after it, so that it can clean up.

    Python runs a handler when its main thread is back in Python, which may be long after; Polars ends a query at SIGINT. So a thread that
    the system wakes sends that.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    threading.Thread(target=_pass_on, args=(read,), name="gpupipe-signals", daemon=True).start()
    signal.signal(signal.SIGTERM, _end)


def _pass_on(read: int) -> None:
    """Send SIGINT to the main thread at the first SIGTERM."""
    while signal.SIGTERM not in os.read(read, 64):
        pass
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, signal.SIGINT)


def _end(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt where SIGINT will not, as in what a shell script starts in its background."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if signal.getsignal(signal.SIGINT) != signal.default_int_handler:
        raise KeyboardInterrupt
