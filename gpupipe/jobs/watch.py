"""The task that runs a job on a worker: starts its driver there, tells the scheduler what it prints, and sees to its end.

It leaves the worker's thread pool at once (`distributed.secede`), so that a cluster with one thread can run the pipeline whose driver it
watches. Dask starts it on another worker where its own is lost.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import distributed
from distributed.utils import sync

from gpupipe.core.errors import GpupipeError
from gpupipe.core.secret import masked
from gpupipe.engines.load import CLUSTERED
from gpupipe.jobs.bundle import pack_results, unpack
from gpupipe.jobs.plugin import MESSAGE
from gpupipe.jobs.record import CANCELLED, FAILED, SUCCEEDED, Job
from gpupipe.jobs.store import CHUNK_BYTES, MAX_LINES

TELL_SECONDS = 0.5
CALL_SECONDS = 30.0
GRACE_SECONDS = 10.0  # from the interrupt to the end by force
SILENT_SECONDS = 60.0  # a scheduler that does not answer for so long is gone
LINE_BYTES = 8192
LOG_BYTES = 16 << 20
SUPERSEDED, LEAVING = "superseded", "the worker leaves the cluster"  # Dask starts the job elsewhere, or has done so


def watch(job_id: str) -> None:
    """Run a job to its end."""
    worker: Any = distributed.get_worker()
    distributed.secede()
    given = _call(worker, "begin", job_id=job_id, worker=worker.address)
    if given is None:
        return
    job = Job.of_json(given["job"])
    with tempfile.TemporaryDirectory(prefix=f"{job.key}-", dir=worker.local_directory) as folder:
        ending: tuple[str, int | None, str] | None
        try:
            ending = _Run(worker, job, Path(folder), bytes(given["bundle"])).to_its_end()
        except (OSError, GpupipeError) as error:  # no room, no scheduler
            ending = FAILED, None, f"{worker.address} could not run the job: {type(error).__name__}: {error}"
        if ending is None:
            raise distributed.Reschedule
        state, code, message = ending
        _call(worker, "end", job_id=job_id, attempt=job.attempt, state=state, exit_code=code, message=message)


def _call(worker: Any, action: str, /, **what: Any) -> Any:
    """Return the scheduler's answer, asked over the connection that the worker has."""
    return sync(worker.loop, getattr(worker.scheduler, MESSAGE), action=action, callback_timeout=CALL_SECONDS, **what)


class _Run:
    """One attempt at a job.

    Parameters
    ----------
    folder
        The attempt's own, which is removed after it.
    """

    def __init__(self, worker: Any, job: Job, folder: Path, bundle: bytes) -> None:
        self.worker, self.job, self.folder = worker, job, folder
        job.hide_secrets()
        self.work, self.results = folder / "work", folder / "results"
        self.results.mkdir()
        unpack(bundle, self.work)
        self.shipped = [path.relative_to(self.work).as_posix() for path in self.work.rglob("*") if path.is_file()]
        self.lines: deque[str] = deque(maxlen=MAX_LINES)
        self.why: str | None = None

    def to_its_end(self) -> tuple[str, int | None, str] | None:
        """Return the state, the exit code and what is to be said of how the run ended; None where it ends elsewhere."""
        answer = self.folder / "answer.json"
        with answer.open("wb") as out:
            process = subprocess.Popen(
                # -P: a shipped file must not stand in for a library's module while Python starts
                [sys.executable, "-P", "-m", "gpupipe.jobs.driver"],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.PIPE,
                cwd=self.job.workdir or self.work,
                env=self._environment(),
                start_new_session=True,  # so that it ends together with what it starts
            )
        assert process.stderr is not None
        reader = threading.Thread(target=self._read, args=(process.stderr,), daemon=True)
        reader.start()
        try:
            # Not among the process's arguments, which everybody on the machine can see.
            assert process.stdin is not None
            with suppress(BrokenPipeError):  # it has ended before it was told; its log says why
                process.stdin.write(json.dumps(self._words()).encode() + b"\n")
                process.stdin.flush()
            self._follow(process)
        finally:
            _end(process, signal.SIGKILL)
            process.wait()
            reader.join(timeout=TELL_SECONDS * 10)
            if process.stdin is not None:
                with suppress(BrokenPipeError):
                    process.stdin.close()
        if self.why in (SUPERSEDED, LEAVING):
            return None
        ending = self._ending(process.returncode, answer)
        self._deliver(ending[0])
        return ending

    def _words(self) -> list[str]:
        """Return the run command's arguments."""
        target = self.job.target if self.job.workdir is None else str(self.work / self.job.target)
        words = ["run", target, *self.job.words, "--engine", self.job.engine, "--report", str(self.results), "--json"]
        if self.job.checkpoints is not None:
            words += ["--checkpoints", self.job.checkpoints, *(["--resume"] if self.job.resume or self.job.attempt > 1 else [])]
        if self.job.engine in CLUSTERED:
            words += ["--cluster", self.worker.scheduler.address, *self._certificates()]
        return words

    def _certificates(self) -> list[str]:
        """Return the options that make the driver connect as safely as its worker does."""
        if not self.worker.scheduler.address.startswith("tls://"):
            return ["--allow-unencrypted"]
        security = self.worker.security
        parts = {"--tls-ca-file": security.tls_ca_file, "--tls-cert": security.tls_worker_cert, "--tls-key": security.tls_worker_key}
        words = []
        for option, value in parts.items():
            if value is not None:
                words += [option, self._as_file(option.strip("-"), value)]
        return words

    def _as_file(self, name: str, value: str) -> str:
        """Return the path of a certificate that may also be given by its text, as `Security.temporary` does."""
        if "\n" not in value:
            return str(Path(value).absolute())
        path = self.folder / f"{name}.pem"
        path.touch(mode=0o600)
        path.write_text(value)
        return str(path)

    def _environment(self) -> dict[str, str]:
        """Return the worker's environment, and how the driver is to print."""
        return {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "120", "GPUPIPE_JOB": self.job.id}

    def _read(self, pipe: BinaryIO) -> None:
        """Keep what the driver prints: the last lines to tell, and the log to fetch."""
        room = LOG_BYTES
        with pipe, (self.results / "log.txt").open("wb") as log:
            for raw in iter(lambda: pipe.readline(LINE_BYTES), b""):
                line = str(masked(raw.decode("utf-8", errors="replace")))
                self.lines.append(line.rstrip("\n"))
                room -= log.write(line.encode()[:room])

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        """Tell the scheduler what is printed until the driver has ended, or has to."""
        heard = time.monotonic()
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=TELL_SECONDS)
            try:
                self.why = self._tell()
                heard = time.monotonic()
            except (OSError, TimeoutError):
                if time.monotonic() - heard > SILENT_SECONDS:
                    raise
            if self.worker.status not in (distributed.Status.running, distributed.Status.paused):
                self.why = LEAVING
            if self.why is not None and process.poll() is None:
                self.lines.append(f"gpupipe: {self.why}; interrupting the run")
                _end(process, signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=GRACE_SECONDS)
                return

    def _tell(self) -> str | None:
        """Send the lines that are new, and return why the run has to stop."""
        lines = [self.lines.popleft() for _ in range(len(self.lines))]
        why: str | None = _call(self.worker, "report", job_id=self.job.id, attempt=self.job.attempt, lines=lines)
        return why

    def _ending(self, code: int, answer: Path) -> tuple[str, int | None, str]:
        """Return how a driver's end is called."""
        if self.why == "cancelled":
            return CANCELLED, code, ""
        if code == 0:
            return SUCCEEDED, 0, ""
        if code < 0:
            killed = signal.Signals(-code).name
            return FAILED, code, f"the driver was ended by {killed}" + (": perhaps its machine had no memory left" if code == -9 else "")
        with suppress(ValueError, KeyError, TypeError):
            error = json.loads(answer.read_bytes())["error"]
            return FAILED, code, f"{error['type']}: {error['message']}"
        return FAILED, code, f"the driver ended with exit code {code}; its log has the reason"

    def _deliver(self, state: str) -> None:
        """Send what the job made, and its last lines."""
        archive = self.folder / "results.tar.gz"
        work = self.work if state == SUCCEEDED else None
        self.lines.extend(pack_results(self.results, work, self.shipped, archive))
        with archive.open("rb") as file:
            first = True
            while chunk := file.read(CHUNK_BYTES):
                if not _call(self.worker, "receive", job_id=self.job.id, attempt=self.job.attempt, chunk=chunk, first=first):
                    self.lines.append("gpupipe: the scheduler did not take what the job made")
                    break
                first = False
        self._tell()


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Send a signal to a driver and all that it started, where any of them is left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, how)
