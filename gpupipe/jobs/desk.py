"""Where jobs are handed in and asked after: a client of the cluster, for as long as a question takes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import distributed

from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import ClusterError, SinkError, UsageError, listing, nearest
from gpupipe.core.work import WorkFolder
from gpupipe.engines.dask.clusters import OpenCluster, open_cluster, open_scheduler
from gpupipe.jobs.bundle import unpack
from gpupipe.jobs.plugin import MESSAGE, JobsPlugin
from gpupipe.jobs.record import Job
from gpupipe.jobs.store import ARCHIVE_BYTES
from gpupipe.jobs.watch import watch

ANSWER_SECONDS = 30.0
POLL_SECONDS = 0.5
PRIORITY = 100  # a driver does little itself, and others wait for what it asks


class Desk(AbstractContextManager["Desk"]):
    """The jobs of a cluster.

    Parameters
    ----------
    options
        The cluster: an address, or a function that connects to one that outlives it.
    submitting
        Whether workers are needed, too; they are waited for, and their versions are compared.

    Raises
    ------
    UsageError, ClusterError
        As in `open_cluster`; a cluster of this process's own cannot have jobs, for it ends with it.
    """

    def __init__(self, options: EngineOptions, *, submitting: bool = False) -> None:
        chosen = options.cluster
        if chosen is None or str(chosen).partition(":")[0] == "local":
            got = "none" if chosen is None else repr(chosen)
            msg = f"Expected the address of a running cluster, got {got}. `dask scheduler` prints it; then --cluster tcp://host:8786, "
            raise UsageError(f"{msg}or export GPUPIPE_CLUSTER=tcp://host:8786.")
        self.opened: OpenCluster = open_cluster(options) if submitting else open_scheduler(options)
        self.client = self.opened.client
        self.client.register_plugin(JobsPlugin())

    def __exit__(self, *_: object) -> None:
        self.opened.close()

    def ask(self, action: str, **what: Any) -> Any:
        """Return what the scheduler answers.

        Raises
        ------
        ClusterError
            It does not.
        """
        try:
            return self.client.sync(getattr(self.client.scheduler, MESSAGE), action=action, callback_timeout=ANSWER_SECONDS, **what)
        except (OSError, TimeoutError) as error:
            msg = f"The scheduler did not answer: {str(error) or type(error).__name__}. A job that runs goes on while its scheduler lives."
            raise ClusterError(msg) from error

    def submit(self, job: Job, bundle: bytes) -> None:
        """Hand in a job, and return when the scheduler will see to it without this client."""
        self.ask("submit", job=job.as_json(), bundle=bundle)
        future = self.client.submit(watch, job.id, key=job.key, pure=False, priority=PRIORITY)
        distributed.fire_and_forget(future)
        until = time.monotonic() + ANSWER_SECONDS
        while not self.ask("wanted", job_id=job.id):
            if time.monotonic() > until:
                msg = f"The scheduler has not taken the job {job.id} within {ANSWER_SECONDS:g} s. Look at its log, and submit again."
                raise ClusterError(msg)
            time.sleep(0.05)

    def job(self, job_id: str) -> Job:
        """Return what is known of a job.

        Raises
        ------
        UsageError
            The cluster has no such job.
        """
        plain = self.ask("get", job_id=job_id)
        return self._unknown(job_id) if plain is None else Job.of_json(plain)

    def jobs(self) -> list[Job]:
        """Return all jobs that the scheduler remembers, the oldest first."""
        return [Job.of_json(plain) for plain in self.ask("listed")]

    def cancel(self, job_id: str) -> Job:
        """Return the job, which will end."""
        plain = self.ask("cancel", job_id=job_id)
        return self._unknown(job_id) if plain is None else Job.of_json(plain)

    def wait(self, job_id: str) -> Job:
        """Return the job when it has ended."""
        while not (job := self.job(job_id)).ended:
            time.sleep(POLL_SECONDS)
        return job

    def lines(self, job_id: str, *, follow: bool = False) -> Iterator[str]:
        """Yield the lines that the scheduler keeps of what the job printed, and with `follow` those to come until it ends."""
        since = 0
        while True:
            told = self.ask("lines", job_id=job_id, since=since)
            if told is None:
                self._unknown(job_id)
            if told["first"] > since:
                yield f"… {told['first'] - since} lines are not kept; `gpupipe fetch` has the whole log when the job has ended"
            yield from told["lines"]
            since = told["first"] + len(told["lines"])
            if not follow or (Job.of_json(told["job"]).ended and since >= told["job"]["n_lines"]):
                return
            time.sleep(POLL_SECONDS)

    def fetch(self, job_id: str, folder: Path) -> Job:
        """Return the job, after writing what it made into a new folder.

        Raises
        ------
        UsageError
            It has not ended, or the folder has files.
        ClusterError
            The scheduler has nothing of it.
        SinkError
            The folder cannot be written.
        """
        job = self.job(job_id)
        if not job.ended:
            msg = f"The job {job_id} is {job.state}. What it makes can be fetched when it has ended: gpupipe status {job_id} --wait"
            raise UsageError(msg)
        if not job.archive_bytes:
            why = f" {job.message}" if job.message else ""
            msg = f"The job {job_id} is {job.state}, and the scheduler has nothing that it made.{why} Its last lines: gpupipe logs {job_id}"
            raise ClusterError(msg)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            msg = f"Expected a new or empty folder, got {str(folder)!r}. Name another one, or remove what is there."
            raise UsageError(msg)
        try:
            folder.absolute().parent.mkdir(parents=True, exist_ok=True)
            with WorkFolder.beside(folder.absolute()) as place:
                self._receive(job, place.path)
                if folder.exists():
                    folder.rmdir()
                shutil.move(place.path / "made", folder)
        except OSError as error:
            msg = f"Expected to write {str(folder)!r}, got: {error.strerror or error}. Check its permissions and the space on its disk."
            raise SinkError(msg) from error
        return job

    def _receive(self, job: Job, place: Path) -> None:
        """Write the job's archive into a folder, and its contents into ``made`` beside it."""
        packed = place / "made.tar.gz"
        with packed.open("wb") as file:
            while file.tell() < job.archive_bytes:
                chunk = self.ask("read", job_id=job.id, offset=file.tell())
                if not chunk or file.tell() + len(chunk) > ARCHIVE_BYTES:
                    msg = f"Expected {job.archive_bytes:,} bytes of the job {job.id}, got another number, or too many. Ask again later."
                    raise ClusterError(msg)
                file.write(chunk)
        (place / "made").mkdir()
        unpack(packed, place / "made")

    def _unknown(self, job_id: str) -> Job:
        """Raise the error for a job that is not known."""
        known = [job.id for job in self.jobs()]
        told = f"It has {listing(known)}." if known else "It has none; a scheduler that was started again has forgotten them."
        msg = f"This cluster has no job {job_id!r}.{nearest(job_id, known)} {told}"
        raise UsageError(msg)
