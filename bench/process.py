"""One run of one contender: a fresh process, its JSON line, and what the kernel says it used."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.workload import BenchmarkError, Command

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Measurement:
    """What one process took, and the other facts of its JSON line."""

    seconds: float
    total_seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    facts: dict[str, object]


def measure_process(name: str, command: Command) -> Measurement:
    """What a fresh process of `command` measured and found.

    `seconds` is the process' own word; processor time and peak memory are the kernel's, from wait4(2). Linux starts a process' peak
    with that of its parent, so the caller must stay small: it imports no dataframe library.

    Raises
    ------
    BenchmarkError
        The process fails, or its last line is no JSON object with `seconds` and `total_seconds`.
    """
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors, env={**os.environ, "PYTHONPATH": paths})
        status, usage = _wait(process)
        printed, complaint = _text(output), _text(errors)
    if status != 0:
        last = "\n".join(complaint.splitlines()[-12:])
        raise BenchmarkError(f"contender {name!r}: expected exit status 0, got {status}; the end of its stderr:\n{last}")
    facts = _facts(name, printed)
    seconds, total = (float(str(facts.pop(key))) for key in ("seconds", "total_seconds"))
    facts.pop("peak_rss_bytes", None)
    return Measurement(seconds, total, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, facts)


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


def _facts(name: str, printed: str) -> dict[str, object]:
    last = printed.rpartition("\n")[2]
    try:
        facts = json.loads(last)
    except json.JSONDecodeError:
        facts = None
    if not isinstance(facts, dict) or not {"seconds", "total_seconds"} <= facts.keys():
        raise BenchmarkError(
            f"contender {name!r}: expected a last line of JSON with seconds and total_seconds, got {last[:200]!r}: "
            "print it with bench.contender.report"
        )
    return facts
