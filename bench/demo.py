"""How long ``make demo`` takes from nothing: a fresh copy of the repository, no environment, all packages downloaded before.

    python -m bench.demo [--rounds 2] [--out bench/results/DATE-demo.json]

What is downloaded is timed apart, since it is the network's. Then pip has no index but that folder, so that what ``make demo`` takes is
its own: an environment, installing, 200,000 generated mortgage rows, training, a report. CPU seconds are those of all its processes; on a
machine with other work they say more than the clock. The bar is 90 seconds.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from bench.machine import describe  # noqa: E402

EXTRAS = "cpu,dask,graph,sql"  # those of the Makefile's demo
BUILDING = ("hatchling>=1.27", "editables~=0.3")


def copied(folder: Path) -> Path:
    """Return a fresh copy of what is committed."""
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder


def timed(command: list[str], folder: Path, **environment: str) -> dict[str, float]:
    """Return the seconds that a command took, by the clock and of CPU."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, env=os.environ | environment, stdout=sys.stderr)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"seconds": seconds, "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def main() -> None:
    """Measure, print and write."""
    options = ArgumentParser()
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    machine, rounds = describe(), []
    with tempfile.TemporaryDirectory() as named:
        folder = Path(named)
        wheels, first = folder / "wheels", copied(folder / "first")
        wanted = ["-c", "constraints.txt", f".[{EXTRAS}]", *BUILDING]
        ask = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(wheels), *wanted]
        download = timed(ask, first)
        for number in range(given.rounds):
            there = copied(folder / f"round-{number}")
            alone = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_NO_CACHE_DIR": "1", "PIP_CONFIG_FILE": os.devnull}
            rounds.append(timed(["make", "demo", f"PYTHON={sys.executable}"], there, **alone))
            if not (there / "demo" / "report" / "report.html").is_file():
                sys.exit("make demo left no report")
    columns = {name: [one[name] for one in rounds] for name in rounds[0]}
    found = {name: {"median": median(values), "min": min(values), "max": max(values)} for name, values in columns.items()}
    print({name: round(value["median"], 1) for name, value in found.items()}, "after a download of", round(download["seconds"], 1), "s")
    if given.out:
        command = f"python -m bench.demo --rounds {given.rounds}"
        record = {"benchmark": "demo", "command": command, "rounds": given.rounds, "machine": machine, "download": download, "demo": found}
        given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
