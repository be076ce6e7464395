"""Engine `gpu` against engine `cpu` on one machine: the mortgage pipeline, the db-benchmark's questions, estimators.

    python -m bench.gpu --out results.json [--minutes 2.4] [--questions mortgage "group-by q1"]

Each question is put to both engines, one after the other, each in a process of its own, and is in the file as soon as it has ended.
Called again with the same file, it asks what is missing and what failed. Without a GPU it says what is missing and ends with exit code 3.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.machine import describe
from bench.measured import add_sizes
from bench.pair import FAILED, OK, OUT_OF_TIME, Limits, ask, lacks_memory, lines_of, prepared
from bench.process import ROOT
from bench.question import Question
from bench.questions import Sizes, asked_questions
from gpupipe.engines._cuda import why_not

TESTS = {
    "tests of the device": ["tests/gpu"],
    "stages": ["tests/stages", "-k", "gpu"],
    "models": ["tests/models", "-k", "gpu"],
    "mortgage": ["tests/pipelines/test_mortgage.py", "-k", "gpu"],
    "engines": ["tests/engines/test_load.py", "tests/testing", "-k", "gpu"],
}
ON_CORES = ("-n", "14", "--dist", "worksteal")  # where pytest-xdist is there
LEAST_SECONDS = 10  # below that, nothing is begun
NO_GPU = 3
NOT_REACHED = "not reached"


@dataclass
class Results:
    """What is in the file; written whenever something is added."""

    path: Path
    content: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.content = json.loads(self.path.read_text())

    def enter(self, kind: str, name: str, found: Mapping[str, Any]) -> None:
        """Enter what was found under a name."""
        self.content.setdefault(kind, {})[name] = dict(found)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(f".{self.path.name}.tmp")
        unfinished.write_text(json.dumps(self.content, indent=1) + "\n")
        unfinished.rename(self.path)

    def found(self, kind: str, name: str) -> dict[str, Any]:
        """Return what is there under a name; nothing where there is nothing."""
        known: dict[str, Any] = self.content.get(kind, {}).get(name, {})
        return known


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask what the file lacks, as long as there is time, and return the exit code: 0 where all that was asked for is there."""
    options = _options(arguments)
    lacks = why_not() if "gpu" in options.engines else None
    if lacks is not None:
        print(f"There is no GPU to run on: {lacks}", file=sys.stderr)
        return NO_GPU
    ends = time.monotonic() + 60 * options.minutes
    results = Results(options.out)
    results.content["machine"] = describe()
    if options.tests:
        return run_tests(results, ends)
    options.data.mkdir(parents=True, exist_ok=True)
    asking = Asking(options, Limits(options.limit, ends), results)
    for question in options.questions:
        asking.put(question)
    asked = {one.name: results.found("questions", one.name) for one in options.questions}
    for line in lines_of(asked, options.engines):
        print(line)
    return 0 if all(is_done(asked[one.name], one, options) for one in options.questions) else 1


@dataclass
class Asking:
    """A call of this program: what is asked, until when, and which data are there."""

    options: argparse.Namespace
    limits: Limits
    results: Results
    there: set[str] = field(default_factory=set)

    def put(self, question: Question) -> None:
        """Put a question to the engines, where the file has no answer yet; on half the rows where the first one's memory is short."""
        known = self.results.found("questions", question.name)
        if is_done(known, question, self.options):
            return
        if self.limits.ends - time.monotonic() < LEAST_SECONDS:
            if "engines" not in known:
                why = {"rows": question.rows, "status": NOT_REACHED, "why": "there was no time left"}
                self.results.enter("questions", question.name, why)
            return
        found = self._answered(question) | {"asked_rows": question.rows}
        self.results.enter("questions", question.name, found)
        print(f"{question.name}: {_told(found)}", file=sys.stderr, flush=True)
        first = found.get("engines", {}).get(self.options.engines[0])
        if first is not None and lacks_memory(first) and question.smaller is not None:
            self.put(question.smaller())
            again = self.results.found("questions", question.name)
            note = f"of {question.rows:,} rows: {first['why'][:300]}"
            self.results.enter("questions", question.name, again | {"asked_rows": question.rows, "note": note})

    def _answered(self, question: Question) -> dict[str, Any]:
        """Return what the engines took and found, on data that are made where they are not there."""
        arguments = _arguments(self.options, question)
        prepare = repr(question.prepare)
        took: dict[str, float] = {}
        if prepare not in self.there:
            seconds = prepared(question, arguments, self.limits)
            if isinstance(seconds, str):
                return {"rows": question.rows, "status": FAILED, "why": seconds}
            self.there.add(prepare)
            took = {"prepared_in_seconds": seconds}
        return ask(question, self.options.engines, self.options.data, arguments, self.limits) | took


def is_done(found: Mapping[str, Any], question: Question, options: argparse.Namespace) -> bool:
    """Whether the file has an answer of every engine on as many rows, or one of them ran out of no less time than it has now."""
    if found.get("asked_rows", found.get("rows")) != question.rows or "engines" not in found:
        return False
    entries = [found["engines"].get(engine, {"status": NOT_REACHED}) for engine in options.engines]
    return all(
        entry["status"] == OK or (entry["status"] == OUT_OF_TIME and entry["limit_seconds"] >= options.limit - 1e-3) for entry in entries
    )


def run_tests(results: Results, ends: float) -> int:
    """Run the tests that need a device, part by part, and return the exit code."""
    workers = ON_CORES if importlib.util.find_spec("xdist") is not None else ()
    for name, which in TESTS.items():
        left = ends - time.monotonic()
        if results.found("tests", name).get("status") == OK or left < LEAST_SECONDS:
            continue
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:benchmark", *workers, *which]
        results.enter("tests", name, run_part(command, left))
        print(f"{name}: {results.found('tests', name)['status']}", file=sys.stderr, flush=True)
    return 0 if all(results.found("tests", name).get("status") == OK for name in TESTS) else 1


def run_part(command: Sequence[str], seconds: float) -> dict[str, Any]:
    """Return how one part of the tests ended, with the end of what it printed."""
    started = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return {"status": OUT_OF_TIME, "seconds": time.monotonic() - started}
    made = {"status": OK if done.returncode == 0 else FAILED, "seconds": time.monotonic() - started}
    last = done.stdout.strip().splitlines()[-1:] or [""]
    return made | {"summary": last[0]} | ({} if done.returncode == 0 else {"told": (done.stdout + done.stderr)[-8000:]})


def _told(found: Mapping[str, Any]) -> str:
    """Return what became of a question, in one line."""
    if "engines" not in found:
        return f"{found['status']}: {found['why'][:300]}"
    parts = [f"{engine} {entry.get('best_seconds', entry['status'])}" for engine, entry in found["engines"].items()]
    wrong = [f"{engine}: {entry['why'][:300]}" for engine, entry in found["engines"].items() if "why" in entry]
    return "; ".join([", ".join(parts), *wrong])


def _arguments(options: argparse.Namespace, question: Question) -> list[str]:
    """Return what a process of `bench.measured` is told of sizes; a question on fewer rows than asked for has its own."""
    rows = question.rows if question.name.startswith("mortgage") else options.rows
    sizes = {"--rows": rows, "--table-rows": options.table_rows, "--model-scale": options.model_scale}
    sizes |= {"--rounds": options.rounds, "--repeats": options.repeats}
    return ["--data", str(options.data), *(text for name, value in sizes.items() for text in (name, str(value)))]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu-results.json"), help="where the results go")
    parser.add_argument("--minutes", type=float, default=9.5, help="how long it may take")
    parser.add_argument("--limit", type=float, default=60, help="how many seconds one engine may take for one question")
    parser.add_argument("--engines", default="gpu,cpu", help="the first is compared with the second")
    parser.add_argument("--questions", nargs="+", default=[], metavar="NAME", help="only those whose names begin so")
    parser.add_argument("--tests", action="store_true", help="run the tests that need a device, and no questions")
    add_sizes(parser)
    options = parser.parse_args(arguments)
    options.engines = options.engines.split(",")
    try:
        options.questions = asked_questions(Sizes(options.rows, options.table_rows, options.model_scale, options.rounds), options.questions)
    except ValueError as error:
        parser.error(str(error))
    return options


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that processes and folders are cleared away
    sys.exit(main())
