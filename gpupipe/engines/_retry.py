"""Out of memory: cut the rows and try again, then make room, then say how much was missing.

What a row stage makes of some rows does not depend on the others, nor what a key stage makes of some keys; so where such a stage does not
fit, it is run on halves, and on halves of those. Nothing here knows a library: an engine says how to recognise that memory is short, how
to free some, and how much there is (`Memory`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import GpupipeError, StageError
from gpupipe.core.stage import KeyStage, TableStage
from gpupipe.core.verbs import Verbs

Frame = nw.LazyFrame[Any]
MAX_CUTS = 8  # 256 pieces: below that a stage's own needs, and not its rows, fill the memory
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}


class OutOfMemoryError(Exception):
    """A stage did not fit, and its rows cannot be cut further; `__cause__` is the library's own error."""


@dataclass(frozen=True)
class Memory:
    """What an engine knows of its memory.

    Parameters
    ----------
    short
        Whether an error says that memory is short.
    make_room
        Frees what it can, and returns how many bytes that were.
    available
        Returns how many bytes are free, or None where that is not known.
    """

    short: Callable[[BaseException], bool]
    make_room: Callable[[], int]
    available: Callable[[], int | None]


def is_memory_error(error: BaseException) -> bool:
    """Whether the error, or one behind it, is a MemoryError."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError):
            return True
        seen = seen.__cause__
    return False


HOST_MEMORY = Memory(is_memory_error, lambda: 0, lambda: None)


def run_within_memory(
    stage: TableStage, frames: Sequence[Frame], make: Callable[[Sequence[Frame]], Frame], verbs: Verbs, memory: Memory
) -> Frame:
    """Return what `make` makes of the frames: at once, else in pieces, else after room was made.

    Parameters
    ----------
    stage
        Its kind says whether and how the rows may be cut.
    make
        Runs the stage on frames.

    Raises
    ------
    StageError
        There is no memory for it; with what was asked for and what there was.
    """
    try:
        return _in_pieces(stage, frames, make, verbs, memory, MAX_CUTS)
    except OutOfMemoryError:
        memory.make_room()
    try:
        return _in_pieces(stage, frames, make, verbs, memory, MAX_CUTS)
    except OutOfMemoryError as error:
        raise explained(stage.name, error.__cause__, memory) from error.__cause__


def _in_pieces(
    stage: TableStage, frames: Sequence[Frame], make: Callable[[Sequence[Frame]], Frame], verbs: Verbs, memory: Memory, cuts: int
) -> Frame:
    """Return the stage's result; where that does not fit, of each half, down to `cuts` times."""
    try:
        return make(frames)
    except Exception as error:
        if not memory.short(error):
            raise
        cause = error.with_traceback(None)  # which holds the frames of the attempt, and so their memory
    try:
        halves = cut(stage, frames, verbs) if cuts else None
        if halves is None:
            raise OutOfMemoryError from cause
        parts = [_in_pieces(stage, half, make, verbs, memory, cuts - 1) for half in halves]
        return nw.concat(parts, how="vertical")
    except OutOfMemoryError:
        raise
    except Exception as error:
        if memory.short(error):
            raise OutOfMemoryError from error
        raise


def cut(stage: TableStage, frames: Sequence[Frame], verbs: Verbs) -> list[list[Frame]] | None:
    """Return the inputs of each half, or None where the stage needs its rows together or there are too few of them.

    A row stage's half is the first or second half of the rows; a key stage's is the rows of half of the keys, of every input.
    """
    if isinstance(stage, KeyStage):
        return _halves_by_key(stage.keys, frames, verbs)
    if stage.kind != "row" or len(frames) != 1:
        return None
    rows = frames[0].collect()
    middle = len(rows) // 2
    return None if middle == 0 else [[rows[:middle].lazy()], [rows[middle:].lazy()]]


def _halves_by_key(keys: tuple[str, ...], frames: Sequence[Frame], verbs: Verbs) -> list[list[Frame]] | None:
    """Return the inputs of the keys in the lower and in the upper half of the hashes that there are."""
    mark = nw.generate_temporary_column_name(8, [name for frame in frames for name in frame.collect_schema()])
    marked = [verbs.hash_rows(frame, keys, 0, mark) for frame in frames]
    hashes = [eager[mark] for eager in (frame.collect() for frame in marked) if len(eager)]
    if not hashes:
        return None
    low, high = min(int(one.min()) for one in hashes), max(int(one.max()) for one in hashes)
    if low == high:
        return None
    middle = (low + high) // 2
    lower = [frame.filter(nw.col(mark) <= middle).drop(mark) for frame in marked]
    upper = [frame.filter(nw.col(mark) > middle).drop(mark) for frame in marked]
    return [lower, upper]


def explained(name: str, error: BaseException | None, memory: Memory) -> GpupipeError:
    """Return the error for a stage that did not fit, with what it needed and what there was, as far as either is known."""
    needs, has = asked_bytes(str(error)), memory.available()
    need = f"{needs:,} bytes more" if needs is not None else "more memory than there is"
    have = "" if has is None else f", have {has:,} bytes free"
    msg = f"Stage {name} needs {need}{have}; it was cut into pieces as far as it allows, and room was made. The library said: {error}."
    return StageError(f"{msg} Use fewer columns, more memory, or an engine with several workers.")


def asked_bytes(message: str) -> int | None:
    """Return how many bytes an allocator's message says it was asked for, or None.

    Examples
    --------
    >>> asked_bytes("Unable to allocate 1.50 KiB for an array"), asked_bytes("failed to allocate 4096 bytes"), asked_bytes("no")
    (1536, 4096, None)
    """
    matched = re.search(r"allocat\w*\D{0,20}?([\d.,]*\d)\s*([KMGTP]?)i?B?(?:ytes|\b)", message, re.IGNORECASE)
    if matched is None:
        return None
    return round(float(matched[1].replace(",", "")) * _UNITS[matched[2].upper()])
