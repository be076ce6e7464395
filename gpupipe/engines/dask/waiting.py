"""Waiting for a cluster: until everything asked for is there, a task has failed, or nobody is left to answer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import distributed
import pandas as pd
from dask.utils import key_split
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker

from gpupipe.core.errors import ClusterError, GpupipeError, StageError

_STEP_SECONDS = 0.1
_LOOK_SECONDS = 1.0
_ALONE_SECONDS = 60.0  # a nanny has a killed worker back in a few seconds

OnTasks = Callable[[int, int], None]


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
        with connection_errors(self.client):
            kept: list[Any] = self.client.persist(list(frames))
            self._wait(distributed.futures_of(kept))
        return kept

    def brought(self, frames: Sequence[Any]) -> list[pd.DataFrame]:
        """Return the frames, computed as one graph and brought into this process; see `held`."""
        return [self.fetched(frame) for frame in self.held(frames)]

    def fetched(self, frame: Any) -> pd.DataFrame:
        """Return a frame that is held, brought into this process."""
        with connection_errors(self.client):
            parts = self.client.gather(distributed.futures_of(frame))
        found: pd.DataFrame = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
        return found

    def each(self, frame: Any) -> Iterator[pd.DataFrame]:
        """Yield the blocks of a frame that is held, one after the other."""
        for future in distributed.futures_of(frame):
            with connection_errors(self.client):
                block = self.client.gather(future)
            yield block

    def _wait(self, futures: Sequence[distributed.Future[Any]]) -> None:
        """Return when every future is done; raise the error of one that failed."""
        pending = set(futures)
        looked = alone_since = time.monotonic()
        most = len(pending)
        while pending:
            try:
                done, pending = distributed.wait(pending, timeout=_STEP_SECONDS, return_when="FIRST_COMPLETED")
            except TimeoutError:
                done = set()
            for future in done:
                if future.status != "finished":
                    raise failure(future)
            now = time.monotonic()
            if pending and now - looked > _LOOK_SECONDS:
                looked = now
                alone_since = now if self._n_workers() else alone_since
                if now - alone_since > self.alone_seconds:
                    msg = f"Every worker has been gone for {self.alone_seconds:.0f} s. Start workers again, and run the pipeline again."
                    raise ClusterError(msg)
                most = max(most, self._tell(most))

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
    if future.status in ("cancelled", "lost"):
        return gone()
    error = future.exception()
    if isinstance(error, KilledWorker):
        return killed(error)
    if isinstance(error, GpupipeError):
        return error.with_traceback(future.traceback())
    made = StageError(f"{type(error).__name__}: {error}")
    made.__cause__ = error
    return made


class LostWorkersError(StageError):
    """One worker after the other was lost with the same task; `step` is the plan's step that it is of."""

    step: int | None = None


def killed(error: KilledWorker) -> LostWorkersError:
    """Return the error of a task that one worker after the other died of."""
    task = key_split(error.task)
    msg = (
        f"Workers that ran {task!r} were lost {error.allowed_failures + 1} times. Most often one block of it needs more memory than a "
        "worker has: give the workers more, or read smaller blocks (block_bytes)."
    )
    made = LostWorkersError(msg)
    step = re.search(r"\.(\d+)$", task)
    if step is not None:
        made.step = int(step[1])
    return made


def gone() -> ClusterError:
    """Return the error of a cluster that does not answer."""
    return ClusterError("The connection to the cluster's scheduler was lost. Look whether it runs, and run the pipeline again.")


@contextmanager
def connection_errors(client: distributed.Client) -> Iterator[None]:
    """Turn the errors of a lost connection into ClusterError."""
    try:
        yield
    except GpupipeError:
        raise
    except Exception as error:
        if isinstance(error, FutureCancelledError | OSError) or client.status != "running":
            raise gone() from error
        raise
