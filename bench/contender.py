"""What a contender prints: one JSON line on stdout, the last line, with its seconds, its peak memory and what it found."""

from __future__ import annotations

import glob
import json
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

Etl = Callable[[list[str], list[str], str | None, str], Mapping[str, object]]


def parser() -> ArgumentParser:
    """The command line all contenders of the mortgage ETL share; a contender may add options of its own."""
    options = ArgumentParser(description="Run one contender of the mortgage ETL once, and print its JSON line.")
    options.add_argument("--performance", required=True, metavar="GLOB", help="pipe-separated monthly rows")
    options.add_argument("--acquisition", required=True, metavar="GLOB", help="pipe-separated loans")
    options.add_argument("--names", metavar="FILE", help="seller_name|new")
    options.add_argument("--out", required=True, metavar="FILE", help="the parquet file to write")
    return options


def measure(etl: Etl, options: Namespace) -> None:
    """One call of `etl`, timed, and its JSON line on stdout. What was imported before the call is not counted in `seconds`.

    Raises
    ------
    SystemExit
        A glob matches no file.
    """
    performance, acquisition = files(options.performance), files(options.acquisition)
    started = time.perf_counter()
    facts = etl(performance, acquisition, options.names, options.out)
    report(time.perf_counter() - started, facts)


def report(seconds: float, facts: Mapping[str, object]) -> None:
    """The JSON line of this process on stdout: `seconds`, `total_seconds` since it started, `peak_rss_bytes`, and `facts`."""
    measured = {"seconds": seconds, "total_seconds": _seconds_since_start(), "peak_rss_bytes": _peak_rss_bytes()}
    print(json.dumps({**facts, **measured}), file=sys.stdout, flush=True)


def _seconds_since_start() -> float:
    # Field 22 of proc(5)'s stat, counted after the parenthesised name, which may hold spaces.
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _peak_rss_bytes() -> int:
    # Not getrusage's ru_maxrss: Linux starts that with the peak of the process that started this one. VmHWM is this program's own.
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def files(pattern: str) -> list[str]:
    """The files of a glob, in order.

    Raises
    ------
    SystemExit
        There is none.
    """
    found = sorted(glob.glob(pattern))  # noqa: PTH207 - pathlib has no glob for an absolute pattern
    if not found:
        raise SystemExit(f"expected files at {pattern!r}, got none: check the pattern, and quote it to keep it from the shell")
    return found
