"""Scheduler and workers as hosts of their own, in network namespaces, and the network between them cut for a while."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.clusters import ROOT
from tests.engines.dask.faults.phases import Gate
from tests.engines.dask.faults.running import rows_of, until
from tests.engines.dask.faults.test_lost_clusters import CLIENT

CUT_SECONDS = 5


@dataclass
class Hosts:
    """A hub with the scheduler and whoever asks, and a host for each of two workers, joined to the hub by a cable each."""

    folder: Path
    name: str = field(default_factory=lambda: f"gp{os.getpid() % 100_000}")
    processes: list[Any] = field(default_factory=list)

    @property
    def address(self) -> str:
        return "tcp://10.213.1.1:8786"

    def host(self, number: int) -> str:
        """Return the name of a namespace; 0 is the hub."""
        return f"{self.name}h{number}"

    def build(self) -> None:
        """Make the namespaces and the cables."""
        for number in range(3):
            _ip("netns", "add", self.host(number))
            _ip("-n", self.host(number), "link", "set", "lo", "up")
        for number in (1, 2):
            hub, end = f"{self.name}a{number}", f"{self.name}b{number}"
            _ip("link", "add", hub, "netns", self.host(0), "type", "veth", "peer", "name", end, "netns", self.host(number))
            for host, cable, last in ((0, hub, 1), (number, end, 2)):
                _ip("-n", self.host(host), "address", "add", f"10.213.{number}.{last}/24", "dev", cable)
                _ip("-n", self.host(host), "link", "set", cable, "up")
            _ip("-n", self.host(number), "route", "add", "default", "via", f"10.213.{number}.1")
        self.run(0, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward").wait()

    def run(self, host: int, *words: object, **options: Any) -> Any:
        """Start a process on a host."""
        line = ["ip", "netns", "exec", self.host(host), *map(str, words)]
        with (self.folder / f"{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                line, cwd=self.folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log, **options
            )
        self.processes.append(process)
        return process

    def start(self) -> None:
        """Start the scheduler and the workers."""
        dask = (sys.executable, "-m", "dask")
        self.run(0, *dask, "scheduler", "--host", "10.213.1.1", "--port", "8786", "--no-dashboard")
        for number in (1, 2):
            place = ["--host", f"10.213.{number}.2", "--local-directory", self.folder / f"worker-{number}"]
            self.run(number, *dask, "worker", self.address, *place, "--nthreads", "1", "--no-dashboard", "--no-nanny")

    def cable(self, number: int, state: str) -> None:
        """Plug a host's cable in (up), or pull it (down), at the hub."""
        _ip("-n", self.host(0), "link", "set", f"{self.name}a{number}", state)

    def remove(self) -> None:
        """End what runs on the hosts, and take them away."""
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait(timeout=300)
        for number in range(3):
            subprocess.run(["ip", "netns", "delete", self.host(number)], check=False, capture_output=True)

    def told(self) -> str:
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in sorted(self.folder.glob("*.log")))


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and the command ip (Debian: iproute2)")
    made = Hosts(tmp_path_factory.mktemp("hosts"))
    try:
        try:
            made.build()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        made.start()
        yield made
    finally:
        made.remove()


@pytest.mark.slow
def test_a_run_goes_over_a_network(hosts: Hosts, data: Path, undisturbed: pl.DataFrame, tmp_path: Path) -> None:
    run = hosts.run(0, sys.executable, "-c", CLIENT, data, tmp_path / "out", "", "", hosts.address)
    assert run.wait(timeout=600) == 0, hosts.told()
    assert_frame_equal(rows_of(tmp_path / "out"), undisturbed, rel_tol=0, abs_tol=1e-6)


@pytest.mark.parametrize(
    "phase", ["shuffle", pytest.param("unpack", marks=pytest.mark.slow), pytest.param("train", marks=pytest.mark.slow)]
)
def test_a_network_cut_for_a_while_changes_nothing(phase: str, hosts: Hosts, data: Path, undisturbed: pl.DataFrame, tmp_path: Path) -> None:
    gate = Gate(str(tmp_path), phase)
    run = hosts.run(0, sys.executable, "-c", CLIENT, data, tmp_path / "out", tmp_path, phase, hosts.address)
    gate.waiter(lambda: run.poll() is None or pytest.fail(hosts.told()))
    hosts.cable(1, "down")
    try:
        gate.open()
        time.sleep(CUT_SECONDS)
        assert run.poll() is None, hosts.told()  # nothing can have gone past the cut
    finally:
        hosts.cable(1, "up")
    until(lambda: run.poll() is not None, "the run hangs after the cut")
    assert run.returncode == 0, hosts.told()
    assert_frame_equal(rows_of(tmp_path / "out"), undisturbed, rel_tol=0, abs_tol=1e-6)
