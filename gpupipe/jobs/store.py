"""The scheduler's memory of jobs: their records, their last lines, and what they made. Everything in it is bounded.

Each start of a job is an attempt with a number. A worker that was cut off, and comes back when its job runs elsewhere already, has an old
number: what it says is not entered, and it is told to stop.
"""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gpupipe.jobs.record import CANCELLED, LOST, QUEUED, RUNNING, Job

MAX_JOBS = 100  # beyond it the oldest that have ended are forgotten
MAX_LINES = 1000  # of each job's log, the last ones
LINE_CHARS = 1000
ARCHIVE_BYTES = 256 << 20  # of what one job made
ARCHIVES_BYTES = 2 << 30  # of what all jobs made; beyond it the oldest archives go
CHUNK_BYTES = 4 << 20
UNSEEN_SECONDS = 60.0  # a job whose task never came is lost after this time


@dataclass
class _Entry:
    """One job in the store."""

    job: Job
    bundle: bytes
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_LINES))


class JobStore:
    """Records, log lines, and archives in a folder, by the jobs' ids. Only the worker that starts a job is told what is secret in it.

    Parameters
    ----------
    folder
        Where archives are kept; it is removed by `close`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: dict[str, _Entry] = {}

    def submit(self, job: dict[str, Any], bundle: bytes) -> None:
        """Enter a job and what it needs."""
        new = replace(Job.of_json(job), submitted_at=time.time())
        self.entries[new.id] = _Entry(new, bundle)
        ended = sorted((one.job for one in self.entries.values() if one.job.ended), key=lambda one: one.ended_at or 0.0)
        for old in ended[: max(0, len(self.entries) - MAX_JOBS)]:
            self._archive(old.id).unlink(missing_ok=True)
            del self.entries[old.id]

    def get(self, job_id: str) -> dict[str, Any] | None:
        """Return a job, or None where it is not known."""
        entry = self.entries.get(job_id)
        return None if entry is None else entry.job.told()

    def listed(self) -> list[dict[str, Any]]:
        """Return all jobs, the oldest first."""
        return [entry.job.told() for entry in self.entries.values()]

    def begin(self, job_id: str, worker: str) -> dict[str, Any] | None:
        """Return the job and its files for a worker that starts it; None where it is not to be started any more."""
        entry = self.entries.get(job_id)
        if entry is None or entry.job.ended:
            return None
        if entry.job.cancelling:
            self._change(job_id, state=CANCELLED, ended_at=time.time())
            return None
        attempt = entry.job.attempt + 1
        self._change(job_id, state=RUNNING, attempt=attempt, worker=worker, started_at=time.time())
        self._tell(entry, f"gpupipe: attempt {attempt}, on {worker}")
        return {"job": entry.job.as_json(), "bundle": entry.bundle}

    def report(self, job_id: str, attempt: int, lines: Sequence[str]) -> str | None:
        """Enter a running job's new lines, and return why it has to stop, if it has to."""
        entry = self.entries.get(job_id)
        if entry is None or entry.job.attempt != attempt or entry.job.ended:
            return "superseded"
        for line in lines:
            self._tell(entry, line)
        return "cancelled" if entry.job.cancelling else None

    def receive(self, job_id: str, attempt: int, chunk: bytes, *, first: bool) -> bool:
        """Append a piece of what a job made; return whether it was taken."""
        entry = self.entries.get(job_id)
        if entry is None or entry.job.attempt != attempt or entry.job.ended:
            return False
        path = self._archive(job_id)
        if first:
            path.unlink(missing_ok=True)
        if (path.stat().st_size if path.exists() else 0) + len(chunk) > ARCHIVE_BYTES:
            path.unlink(missing_ok=True)
            return False
        with path.open("ab") as file:
            file.write(chunk)
        return True

    def end(self, job_id: str, attempt: int, state: str, exit_code: int | None, message: str) -> None:
        """Enter how a job ended."""
        entry = self.entries.get(job_id)
        if entry is None or entry.job.attempt != attempt or entry.job.ended:
            return
        path = self._archive(job_id)
        size = path.stat().st_size if path.exists() else 0
        self._change(job_id, state=state, exit_code=exit_code, message=message, ended_at=time.time(), archive_bytes=size)
        entry.bundle = b""
        self._drop_archives()

    def cancel(self, job_id: str) -> dict[str, Any] | None:
        """Return the job, after noting that it has to stop: at once where nobody runs it."""
        entry = self.entries.get(job_id)
        if entry is not None and not entry.job.ended:
            if entry.job.state == QUEUED:
                self._change(job_id, state=CANCELLED, ended_at=time.time())
            self._change(job_id, cancelling=True)
        return self.get(job_id)

    def lines(self, job_id: str, since: int) -> dict[str, Any] | None:
        """Return the kept lines from number `since` on, with the number of the first, and the job."""
        entry = self.entries.get(job_id)
        if entry is None:
            return None
        first = max(since, entry.job.n_lines - len(entry.lines))
        kept = list(entry.lines)[len(entry.lines) - (entry.job.n_lines - first) :] if first < entry.job.n_lines else []
        return {"first": first, "lines": kept, "job": entry.job.told()}

    def read(self, job_id: str, offset: int) -> bytes:
        """Return the piece of a job's archive that begins at `offset`."""
        with self._archive(job_id).open("rb") as file:
            file.seek(offset)
            return file.read(CHUNK_BYTES)

    def task_left(self, job_id: str, worker: str) -> None:
        """Note that the worker of a running job is gone, and that Dask will start the job on another one."""
        entry = self.entries.get(job_id)
        if entry is not None and entry.job.state == RUNNING:
            self._tell(entry, f"gpupipe: {worker} does not run it any more; waiting for a worker to start it again")
            self._change(job_id, state=QUEUED, worker=None)

    def task_ended(self, job_id: str, why: str) -> None:
        """Note that nobody will run the job any more; where it has not said how it ended, it is lost."""
        entry = self.entries.get(job_id)
        if entry is None or entry.job.ended:
            return
        state = CANCELLED if entry.job.cancelling else LOST
        self._tell(entry, f"gpupipe: {why}")
        self._change(job_id, state=state, message="" if state == CANCELLED else why, ended_at=time.time())

    def close(self) -> None:
        """Remove the archives."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _change(self, job_id: str, **values: Any) -> None:
        entry = self.entries[job_id]
        entry.job = replace(entry.job, **values)

    def _tell(self, entry: _Entry, line: str) -> None:
        entry.lines.append(line if len(line) <= LINE_CHARS else f"{line[:LINE_CHARS]}… ({len(line)} characters)")
        entry.job = replace(entry.job, n_lines=entry.job.n_lines + 1)

    def _archive(self, job_id: str) -> Path:
        return self.folder / f"{job_id}.tar.gz"

    def _drop_archives(self) -> None:
        """Remove the oldest archives while all of them together are too many bytes."""
        with_archive = sorted((one.job for one in self.entries.values() if one.job.archive_bytes), key=lambda one: one.ended_at or 0.0)
        total = sum(job.archive_bytes for job in with_archive)
        for job in with_archive[:-1]:
            if total <= ARCHIVES_BYTES:
                return
            self._archive(job.id).unlink(missing_ok=True)
            total -= job.archive_bytes
            self._change(job.id, archive_bytes=0)
