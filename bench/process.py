"""One run of one contender: a fresh process, its JSON line, and what the kernel says it used."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from bench.workload import BenchmarkError, Command

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ("seconds", "total_seconds", "peak_rss_bytes")
ON_CLUSTER = ("startup_seconds", "worker_cpu_seconds", "driver_cpu_seconds", "worker_peak_rss_bytes")


@dataclass(frozen=True)
class Measurement:
    """What one process took, and the other facts of its JSON line.

    Parameters
    ----------
    on_cluster
        What it says of a cluster that it started, by the names of `ON_CLUSTER`; nothing where there was none.
    """

    seconds: float
    total_seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    facts: dict[str, object]
    on_cluster: dict[str, float] = field(default_factory=dict)

    @property
    def run_cpu_seconds(self) -> float:
        """Processor seconds of the run alone on a cluster that was up; where there is none, of the whole process."""
        if not self.on_cluster:
            return self.cpu_seconds
        return self.on_cluster["worker_cpu_seconds"] + self.on_cluster["driver_cpu_seconds"]


def environment() -> dict[str, str]:
    """The environment of a child, which finds `bench` and `gpupipe` wherever it is started."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}


def measure_process(name: str, command: Command) -> Measurement:
    """What a fresh process of `command` measured and found.

    Processor time is the kernel's, from wait4(2); the rest is the process' own word, since only it knows when its imports are done,
    and since wait4's peak memory is never below that of the caller.

    Raises
    ------
    BenchmarkError
        The process fails, or its last line is no JSON object with the measurements that `bench.contender.report` prints.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment())
        status, usage = _wait(process)
        printed, complaint = _text(output), _text(errors)
    if status != 0:
        last = "\n".join(complaint.splitlines()[-12:])
        raise BenchmarkError(f"contender {name!r}: expected exit status 0, got {status}; the end of its stderr:\n{last}")
    facts = _facts(name, printed)
    seconds, total, peak = (facts.pop(key) for key in MEASURED)
    on_cluster = {key: float(facts.pop(key)) for key in ON_CLUSTER if key in facts}
    return Measurement(float(seconds), float(total), usage.ru_utime + usage.ru_stime, int(peak), facts, on_cluster)


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, resource.struct_rusage]:
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:  # Ctrl-C: the contender must not run on
        process.kill()
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace").strip()


def _facts(name: str, printed: str) -> dict[str, Any]:
    last = printed.rpartition("\n")[2]
    try:
        facts = json.loads(last)
    except json.JSONDecodeError:
        facts = None
    if not isinstance(facts, dict) or not set(MEASURED) <= facts.keys():
        raise BenchmarkError(
            f"contender {name!r}: expected a last line of JSON with {', '.join(MEASURED)}, got {last[:200]!r}: "
            "print it with bench.contender.report"
        )
    return facts
