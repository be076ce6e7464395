"""Waiting for a cluster: until everything asked for is there, a task has failed, or nobody is left to answer."""

from __future__ import annotations

import asyncio
import re
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import dask
import distributed
import pandas as pd
from dask.utils import key_split
from distributed.client import ClosedClientError, FutureCancelledError, FuturesCancelledError
from distributed.client import _wait as _wait_on  # distributed.wait itself waits with whichever client of the process is the newest
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker

from gpupipe.core.errors import ClusterError, GpupipeError, StageError

_STEP_SECONDS = 0.5  # a wait costs something for each block, so they are few
_LOOK_SECONDS = 1.0
_ASKS = 3  # how often a graph is asked for that the scheduler could not write out
_ALONE_SECONDS = 30.0  # a nanny has a killed worker back in a few seconds

# Rows of the calling process travel with the tasks on purpose: rows on a worker would go where that goes (`blocks_of`).
_NO_WARNING = {"distributed.admin.large-graph-warning-threshold": "1PiB"}
_UNDER_WAY = ("pending", "lost", "finished")  # what is lost is done again

LOST = (ClosedClientError, CommClosedError, FutureCancelledError, FuturesCancelledError)

OnTasks = Callable[[int, int], None]


@dataclass
class Watch:
    """Looks at a cluster now and then, and bears for so many seconds that nobody is there."""

    alone_seconds: float

    def __post_init__(self) -> None:
        self.looked = self.attended = time.monotonic()

    def is_due(self) -> bool:
        """Whether it is time to look."""
        return time.monotonic() - self.looked > _LOOK_SECONDS

    def is_attended(self, n_workers: int) -> bool:
        """Whether there is a worker; raise ClusterError where there has been none for too long."""
        self.looked = time.monotonic()
        if n_workers:
            self.attended = self.looked
        elif self.looked - self.attended > self.alone_seconds:
            msg = (
                f"Every worker has been gone for {self.alone_seconds:g} s. Start workers again, and run the pipeline again; or wait "
                "longer for them: --worker-seconds, gp.EngineOptions(worker_seconds=...)."
            )
            raise ClusterError(msg)
        return n_workers > 0


@dataclass
class Waiter:
    """Waits for a client's cluster.

    Parameters
    ----------
    on_tasks
        Told now and then how many of the cluster's tasks are done, and how many there are.
    alone_seconds
        How long there may be no worker at all.
    """

    client: distributed.Client
    on_tasks: OnTasks | None = None
    alone_seconds: float = _ALONE_SECONDS

    def held(self, frames: Sequence[Any]) -> list[Any]:
        """Return the frames, computed as one graph and kept on the workers.

        Raises
        ------
        GpupipeError
            A task failed; what its stage said, with the step it is of.
        ClusterError
            The scheduler, or every worker, is gone.
        """
        with connection_errors(self.client), dask.config.set(_NO_WARNING):
            for _ in range(_ASKS - 1):
                if (kept := self._held_unless_lost(frames)) is not None:
                    return kept
                self.client.sync(asyncio.sleep, 0)  # the client lets go of the failed futures before it asks for the same keys again
            return self._held_once(frames)

    def brought(self, frames: Sequence[Any]) -> list[pd.DataFrame]:
        """Return the frames, computed as one graph and brought into this process; see `held`."""
        return [self.fetched(frame) for frame in self.held(frames)]

    def fetched(self, frame: Any) -> pd.DataFrame:
        """Return a frame that is held, brought into this process; see `held`."""
        parts = self._gathered(distributed.futures_of(frame))
        found: pd.DataFrame = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
        return found

    def each(self, frame: Any) -> Iterator[pd.DataFrame]:
        """Yield the blocks of a frame that is held, one after the other; see `held`."""
        for future in distributed.futures_of(frame):
            yield self._gathered([future])[0]

    def wait_for_worker(self) -> None:
        """Return when there is a worker; raise ClusterError where none comes."""
        watch = Watch(self.alone_seconds)
        with connection_errors(self.client):
            while not watch.is_attended(self._n_workers()):
                time.sleep(_STEP_SECONDS)

    def _held_once(self, frames: Sequence[Any]) -> list[Any]:
        """Return the frames as `held` does, asked for once."""
        kept: list[Any] = self.client.persist(list(frames))
        self._wait(distributed.futures_of(kept))
        return kept

    def _held_unless_lost(self, frames: Sequence[Any]) -> list[Any] | None:
        """Return the frames as `held` does, or None where an expression of their graph was lost while it was written out."""
        try:
            return self._held_once(frames)
        except (StageError, KeyError) as error:
            if not _is_of_the_graph(error.__cause__ or error):
                raise
        return None

    def _wait(self, futures: Sequence[distributed.Future[Any]]) -> None:
        """Return when every future is done; raise the error of one that failed. What is lost with a worker is done again."""
        pending = set(futures)
        watch = Watch(self.alone_seconds)
        most = len(pending)
        while pending:
            with suppress(TimeoutError):
                self.client.sync(_wait_on, pending, timeout=_STEP_SECONDS, return_when="ALL_COMPLETED")
            for future in pending:
                if future.status not in _UNDER_WAY:
                    raise failure(future)
            pending = {future for future in pending if future.status != "finished"}
            if pending and watch.is_due():
                watch.is_attended(self._n_workers())
                most = max(most, self._tell(most))
            if not pending:
                pending = {future for future in futures if future.status != "finished"}

    def _gathered(self, futures: Sequence[distributed.Future[Any]]) -> list[pd.DataFrame]:
        """Return the values of futures."""
        with connection_errors(self.client):
            self._wait(futures)
            found: list[pd.DataFrame] = self.client.sync(self._gather, futures)
        return found

    async def _gather(self, futures: Sequence[distributed.Future[Any]]) -> list[pd.DataFrame]:
        """Return the values of futures, which are done again where their workers are lost on the way."""
        client: Any = self.client
        gathering = asyncio.ensure_future(client.gather(list(futures), asynchronous=True))
        watch = Watch(self.alone_seconds)
        try:
            while not gathering.done():
                await asyncio.wait({gathering}, timeout=_LOOK_SECONDS)
                if not gathering.done():
                    watch.is_attended(len((await client.scheduler.identity(n_workers=-1))["workers"]))
            found: list[pd.DataFrame] = gathering.result()
        except KilledWorker as error:
            raise killed(error) from error
        finally:
            gathering.cancel()
        return found

    def _n_workers(self) -> int:
        """Return how many workers there are."""
        return len(self.client.scheduler_info(n_workers=-1)["workers"])

    def _tell(self, most: int) -> int:
        """Tell how far the cluster is; return how many tasks are left."""
        if self.on_tasks is None:
            return 0
        scheduler: Any = self.client.scheduler
        states = self.client.sync(scheduler.get_task_prefix_states)
        left: int = sum(counts.get(state, 0) for counts in states.values() for state in ("waiting", "queued", "no-worker", "processing"))
        self.on_tasks(max(0, most - left), max(most, left))
        return left


def failure(future: distributed.Future[Any]) -> Exception:
    """Return what a failed task said, as gpupipe's error."""
    if future.status == "cancelled":
        return gone()
    error = future.exception()
    if isinstance(error, KilledWorker):
        return killed(error)
    if isinstance(error, GpupipeError):
        return error.with_traceback(future.traceback())
    if isinstance(error, LOST):
        return gone()
    made = StageError(f"{type(error).__name__}: {error}")
    made.__cause__ = error
    return made


def _is_of_the_graph(error: BaseException | None) -> bool:
    """Whether an expression was lost while a graph was written out, here or by the scheduler, and would not be another time.

    Dask keeps expressions in a dictionary that does not hold them (dask/_expr.py, ``SingletonExpr.__new__``) and asks whether one is
    there before it takes it; with two threads, one may be collected in between.
    """
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, KeyError):  # while the scheduler read the graph
        return _Place("scheduler", "update_graph") in _places(error)
    return isinstance(error, KeyError) and _Place("_expr", "__new__") in _places(error)


class _Place(NamedTuple):
    """Where a frame of a traceback is."""

    module: str
    function: str


def _places(error: BaseException) -> list[_Place]:
    """Return the last two places on the way to where an error was raised: the lookup, and who looked."""
    return [_Place(Path(frame.filename).stem, frame.name) for frame in traceback.extract_tb(error.__traceback__)[-2:]]


class LostWorkersError(StageError):
    """One worker after the other was lost with the same task; `step` is the plan's step that it is of."""

    step: int | None = None


def killed(error: KilledWorker) -> LostWorkersError:
    """Return the error of a task that one worker after the other died of."""
    task = key_split(error.task)
    step = re.search(r"\.(\d+)$", task)
    name = task if step is None else task[: step.start()]
    limit = error.last_worker.memory_limit
    has = f"the {limit:,} bytes of memory that a worker here has" if limit else "the memory that a worker here has"
    times = f"{error.allowed_failures + 1} workers that ran it were lost" if error.allowed_failures else "the worker that ran it was lost"
    msg = (
        f"{name}, or a stage before it in the same task, needs more than {has} for one block, or ends its worker in another way, which the "
        f"log of {error.last_worker.address} would tell: {times}. Give the workers more memory, or read smaller blocks (block_bytes)."
    )
    made = LostWorkersError(msg)
    if step is not None:
        made.step = int(step[1])
    return made


def gone() -> ClusterError:
    """Return the error of a cluster that does not answer."""
    return ClusterError("The connection to the cluster's scheduler was lost. Look whether it runs, and run the pipeline again.")


@contextmanager
def connection_errors(client: distributed.Client, also: tuple[type[Exception], ...] = (OSError,)) -> Iterator[None]:
    """Turn the errors of a lost connection into ClusterError; `also` names what else is one, where nothing but the cluster raises it."""
    try:
        yield
    except GpupipeError:
        raise
    except Exception as error:
        if isinstance(error, (*LOST, *also)) or client.status != "running":
            raise gone() from error
        raise
