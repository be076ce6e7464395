"""The driver of a job: the ordinary ``gpupipe`` command, on a leash.

The command's words come through the leash, too, as the first line of it: arguments of a process can be seen by everybody on its machine.

The leash is a pipe that the worker holds: where the worker is gone, however it ended, the pipe closes, and the driver ends with all that
it started. So no driver runs on beside the one that is started elsewhere in its place.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 5.0


def main() -> None:
    """Run ``gpupipe`` with the words that come through the leash, as long as that holds."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a worker started by a shell in the background ignores it
    leash = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    words = _words(leash)
    threading.Thread(target=_hold, args=(leash,), daemon=True).start()
    sys.argv = ["gpupipe", *words]
    runpy.run_module("gpupipe", run_name="__main__")


def _words(leash: int) -> list[str]:
    """Return the words of the command: the leash's first line, as JSON."""
    line = b""
    while not line.endswith(b"\n"):
        one = os.read(leash, 1)  # what comes behind the line is the leash's
        if not one:
            sys.exit("the worker was gone before it had said what to run")
        line += one
    return [str(word) for word in json.loads(line)]


def _hold(leash: int) -> None:
    """Wait until the leash breaks; then interrupt the run, so that it removes what it has begun to write, and end it."""
    while os.read(leash, 4096):
        pass
    os.killpg(0, signal.SIGINT)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
