"""Quarters drawn one after the other in this process, or several at a time in processes of their own.

Each process writes the files of its quarters itself, so that little more than their names passes between processes, and memory holds
one batch a process.

Processes are spawned, not forked, since this one may have threads. They end with the block that started them, and also when
this process is killed.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from typing import Any

from gpupipe.core.errors import StageError
from gpupipe.datasets.mortgage_quarters import ROWS_A_QUARTER, Drawing, Quarter, count_rows, draw_quarter

Progress = Callable[[int], None]
_MOST_ROWS_A_QUARTER = ROWS_A_QUARTER * 21 // 20  # 5 % is fifteen standard deviations


def default_workers(n_rows: int) -> int:
    """Return how many processes are worth starting: one a core and a quarter; one where rows are few, or where none may be started."""
    if multiprocessing.current_process().daemon:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, n_rows // ROWS_A_QUARTER))


def draw_here(drawing: Drawing, n_rows: int, progress: Progress) -> Iterator[Quarter]:
    """Yield the quarters that hold the first `n_rows` rows; `progress` is called after each batch with the rows so far."""
    done = 0

    def told(rows: int) -> bool:
        progress(done + rows)
        return True

    for number in itertools.count():
        quarter = draw_quarter(drawing, number, n_rows - done, told)
        done += quarter.n_rows
        yield quarter
        if done == n_rows:
            return


def draw_in_processes(drawing: Drawing, n_rows: int, workers: int, progress: Progress) -> Iterator[Quarter]:
    """Yield the quarters that hold the first `n_rows` rows; `progress` is called after each with the rows so far.

    Raises
    ------
    StageError
        A process ended before its work did.
    SinkError
        A file cannot be written.
    """
    done, in_flight = 0, deque[Future[Quarter]]()
    with _processes(workers) as pool:
        coming = _Coming(pool, drawing.seed, n_rows, 2 * workers)
        while done < n_rows:
            while len(in_flight) < 2 * workers and (task := coming.next(done, len(in_flight))) is not None:
                in_flight.append(pool.submit(_draw, drawing, *task))
            quarter = in_flight.popleft().result()
            done += quarter.n_rows
            assert done <= n_rows, "a quarter had far more rows than quarters have"
            yield quarter
            progress(done)


class _Coming:
    """Which quarters are still to be drawn, and up to which row.

    Where the wanted rows cannot end in the next quarter, it is drawn whole. Near the end, the rows of those that are being drawn must be
    known; they are counted at the start by the same processes, in a tenth of the time that drawing takes.
    """

    def __init__(self, pool: ProcessPoolExecutor, seed: int, n_rows: int, most_in_flight: int) -> None:
        self._pool, self._seed, self._n_rows = pool, seed, n_rows
        self._number = 0
        self._counts: dict[int, Future[int]] = {}
        first, last = n_rows // _MOST_ROWS_A_QUARTER, n_rows // ROWS_A_QUARTER
        for number in range(max(first - most_in_flight, 0), last):
            self._counted(number)

    def next(self, done: int, n_in_flight: int) -> tuple[int, int | None] | None:
        """Return the next quarter's number, and its most rows where it is not whole; None when the wanted rows end before it."""
        most: int | None = None
        if done + (n_in_flight + 1) * _MOST_ROWS_A_QUARTER > self._n_rows:
            drawn_now = range(self._number - n_in_flight, self._number)
            most = self._n_rows - done - sum(self._counted(number).result() for number in drawn_now)
            if most <= 0:
                return None
        self._number += 1
        return self._number - 1, most

    def _counted(self, number: int) -> Future[int]:
        if number not in self._counts:
            self._counts[number] = self._pool.submit(count_rows, self._seed, number)
        return self._counts[number]


@contextmanager
def _processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of processes; however the block ends, they stop after the batch that they are at."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_settle, initargs=(stop,))
    try:
        yield pool
    except BrokenProcessPool as error:
        msg = (
            f"Expected {workers} processes to draw mortgage rows, got one that ended before its work did. Three things do that: a script "
            "that generates outside of `if __name__ == '__main__':`, which each process would run again; too little memory, of which each "
            "takes about 300 MB; and a signal from elsewhere. workers=1 needs no other process."
        )
        raise StageError(msg) from error
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


class _Worker:
    """What a process of the pool knows of the one that started it."""

    stop: Any = None


def _settle(stop: Any) -> None:
    """Leave Ctrl-C to the process that started this one, and end when that one does."""
    _Worker.stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="gpupipe-parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _draw(drawing: Drawing, number: int, n_rows: int | None) -> Quarter:
    """Return one quarter, drawn in a process of the pool."""
    return draw_quarter(drawing, number, n_rows, lambda rows: not _Worker.stop.is_set())
