"""What a command prints: its answer alone on stdout, all else on stderr, also by libraries below Python; and nobody's secrets there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any

from gpupipe.core.secret import masked
from gpupipe.core.visible import visible


class MaskedStream:
    """A stream of text that is written without its secrets; all else of it is the stream's own."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write a text without its secrets, and return how long it was."""
        self.stream.write(masked(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines without their secrets."""
        for line in lines:
            self.write(line)


@contextmanager
def loading(file: str) -> Iterator[None]:
    """Say on a terminal, as long as the block takes, that a pipeline file is being loaded: libraries that it imports may take seconds."""
    told = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    if told:
        sys.stderr.write(f"loading {visible(file)}")
        sys.stderr.flush()
    try:
        yield
    finally:
        if told:
            sys.stderr.write("\r\x1b[K")  # ECMA-48: to the start of the line, and erase it
            sys.stderr.flush()


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send what is printed on stdout inside the block to stderr."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
        kept = os.dup(1)
    except OSError:  # the process was started without a stdout
        with redirect_stdout(sys.stderr):
            yield
        return
    try:
        with suppress(OSError):
            os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 1)
        os.close(kept)
