"""Real schedulers and workers, each a process of its own, as people start them; and certificates of an authority made for a test."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Certificates:
    """The files of an authority and of one who has its certificate."""

    authority: Path
    certificate: Path
    key: Path

    @property
    def paths(self) -> tuple[str, str, str]:
        return str(self.authority), str(self.certificate), str(self.key)

    @property
    def options(self) -> list[str]:
        return ["--tls-ca-file", str(self.authority), "--tls-cert", str(self.certificate), "--tls-key", str(self.key)]


def make_certificates(folder: Path) -> Certificates:
    """Return the files of a new authority; skip where there is no openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("certificates are made with openssl, which is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl("req", "-x509", *new_key, "-subj", "/CN=test authority", "-days", "2", "-keyout", folder / "ca.key", "-out", made.authority)
    _openssl("req", *new_key, "-subj", "/CN=cluster", "-keyout", made.key, "-out", folder / "request.pem")
    signed_by = ["-CA", made.authority, "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "2"]
    _openssl("x509", "-req", "-in", folder / "request.pem", *signed_by, "-out", made.certificate)
    return made


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=300)


@dataclass
class Servers:
    """A scheduler and workers on this machine; `folder` gets their logs."""

    folder: Path
    certificates: Certificates | None = None
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    address: str = ""

    def start(self, n_workers: int = 1, *, worker_options: Sequence[str] = ("--nthreads", "1")) -> Servers:
        """Start the scheduler and workers, and wait for the scheduler's address."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "scheduler.json"
        scheme = "tcp" if self.certificates is None else "tls"
        listens = ["--host", f"{scheme}://127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
        self._dask("scheduler", *listens)
        for _ in range(3000):
            with suppress(OSError, ValueError):
                self.address = json.loads(file.read_text())["address"]
                break
            assert self.processes[0].poll() is None, self.told()
            time.sleep(0.1)
        assert self.address, self.told()
        for _ in range(n_workers):
            self.add_worker(*worker_options)
        return self

    def add_worker(self, *options: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start one more worker."""
        scheme = "tcp" if self.certificates is None else "tls"
        place = ["--host", f"{scheme}://127.0.0.1", "--no-dashboard", "--local-directory", str(self.folder / f"worker-{len(self.workers)}")]
        process = self._dask("worker", self.address, *place, *options, **variables)
        self.workers.append(process)
        return process

    def _dask(self, *words: str, **variables: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
        tls = self.certificates.options if self.certificates else []
        with (self.folder / f"{words[0]}-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *words, *tls],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.folder,
                start_new_session=True,  # so that a worker can be stopped together with its nanny
            )
        self.processes.append(process)
        return process

    def told(self) -> str:
        """Return what the processes printed."""
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')}" for path in sorted(self.folder.glob("*.log")))

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process and all that it started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=300)

    def stop(self) -> None:
        """End everything."""
        for process in reversed(self.processes):
            self.kill(process)
