"""A run in a thread of this process, so that the test can do harm to its cluster meanwhile."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import distributed
import polars as pl

import gpupipe as gp
from gpupipe.core.engine import EngineOptions
from tests.engines.dask.faults.phases import BLOCK_BYTES, Gate


class Course:
    """A pipeline on its way.

    Parameters
    ----------
    options
        Of the engine, beyond the cluster's address and the size of blocks.
    """

    def __init__(
        self, pipeline: gp.Pipeline, address: str, *, checkpoints: str | None = None, resume: bool = False, **options: Any
    ) -> None:
        self.keeping: dict[str, Any] = {"checkpoints": checkpoints, "resume": resume}
        chosen = EngineOptions(**{"cluster": address, "block_bytes": BLOCK_BYTES, **options})
        self.result: Any = None
        self.error: BaseException | None = None
        self.began = time.monotonic()
        self.seconds = 0.0
        self.thread = threading.Thread(target=self._run, args=(pipeline, chosen), daemon=True)
        self.thread.start()

    def _run(self, pipeline: gp.Pipeline, options: EngineOptions) -> None:
        try:
            self.result = pipeline.run("dask", options=options, **self.keeping)
        except BaseException as error:  # noqa: BLE001  (the test's own thread raises it)
            self.error = error
        self.seconds = time.monotonic() - self.began

    def alive(self) -> None:
        """Raise what the run failed of, if it has ended."""
        if not self.thread.is_alive():
            raise AssertionError("the run has ended early") from self.error

    def at(self, gate: Gate) -> int:
        """Return the process that has come to the gate."""
        return gate.waiter(self.alive)

    def ended(self, seconds: float = 300.0) -> Any:
        """Return the result; raise what the run raised."""
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "the run hangs"
        if self.error is not None:
            raise self.error
        return self.result


def until(there: Callable[[], Any], what: str, seconds: float = 300.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def kill(pid: int) -> None:
    """End a process at once, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_alive(pid), f"{pid} is still there")


def is_alive(pid: int) -> bool:
    """Whether a process runs; one whose parent has not yet asked how it ended does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def rows_of(out: Path) -> pl.DataFrame:
    """Return the rows that a run wrote, in order."""
    return pl.read_parquet(out / "*.parquet").sort("id")


def workers_of(address: str) -> dict[int, str]:
    """Return the address of each worker of a cluster by its process."""
    with distributed.Client(address) as client:
        return {pid: worker for worker, pid in client.run(os.getpid).items()}


def wait_for_workers(address: str, n_workers: int) -> None:
    """Wait until a cluster has so many workers."""
    with distributed.Client(address) as client:
        client.wait_for_workers(n_workers, timeout=300)
