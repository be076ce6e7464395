"""One question put to several engines, one after the other: each in a process of its own, which is ready before the first one is timed."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.process import ROOT, environment
from bench.question import Question, differences

OK, FAILED, OUT_OF_TIME, NOT_ASKED = "ok", "failed", "out of time", "not asked"
_MEMORY = ("memoryerror", "out_of_memory", "out of memory", "bad_alloc", "bad alloc", "cudaerrormemoryallocation")


@dataclass(frozen=True)
class Limits:
    """How long an engine may take for all runs of a question, and when everything must be over, by `time.monotonic`."""

    seconds: float
    ends: float

    @property
    def left(self) -> float:
        """The seconds that an engine has now."""
        return max(min(self.seconds, self.ends - time.monotonic()), 0.0)


class Process:
    """A process of `bench.measured` in a group of its own, and the lines of JSON that it prints."""

    def __init__(self, question: Question, engine: str, arguments: Sequence[str]) -> None:
        self.engine = engine
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
        command = [sys.executable, "-m", "bench.measured", question.name, "--engine", engine, *arguments]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._errors}
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment(), text=True, start_new_session=True, **pipes)
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def answer(self, seconds: float) -> dict[str, Any] | None:
        """Return the next line's facts, or None where there are no more.

        Raises
        ------
        TimeoutError
            It takes longer than `seconds`.
        """
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None
        facts: dict[str, Any] | None = None if line is None else json.loads(line)
        return facts

    def go(self) -> None:
        """Let it begin."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("go\n")
            self._process.stdin.flush()

    def ended(self) -> int:
        """Return the exit code of a process that has nothing more to say."""
        return self._process.wait(timeout=60)

    def told(self) -> str:
        """Return the end of what it wrote to stderr."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-3000:]

    def close(self) -> None:
        """End it and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        for file in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(BrokenPipeError):
                file.close()  # type: ignore[union-attr]


def ask(question: Question, engines: Sequence[str], data: Path, arguments: Sequence[str], limits: Limits) -> dict[str, Any]:
    """Return what the engines took and found, and whether they agree. The data must be there.

    Once an engine has no answer, those after it are not asked.
    """
    with tempfile.TemporaryDirectory(dir=data) as out, contextlib.ExitStack() as stack:
        processes = []
        for engine in engines:
            folder = Path(out) / engine
            folder.mkdir()
            processes.append(Process(question, engine, [*arguments, "--out", str(folder)]))
            stack.callback(processes[-1].close)
        ready = {one.engine: _until_ready(one, limits) for one in processes}
        found: dict[str, dict[str, Any]] = {}
        for one in processes:
            wrong = next((f"{name} {entry['status']}" for name, entry in found.items() if entry["status"] != OK), None)
            if wrong is not None:
                found[one.engine] = {"status": NOT_ASKED, "why": f"there is nothing to compare with: {wrong}"}
            else:
                found[one.engine] = ready[one.engine] if "status" in ready[one.engine] else _measured(one, limits)
    devices = [facts["device"] for facts in ready.values() if "device" in facts]
    made = {"rows": question.rows, "timed": "training" if question.timed else "whole run", "engines": found}
    return made | ({"device": devices[0]} if devices else {}) | compared(found, engines, question)


def _until_ready(process: Process, limits: Limits) -> dict[str, Any]:
    """Return what it says when it is ready, or with a status why it is not."""
    seconds = limits.left
    try:
        facts = process.answer(seconds)
    except TimeoutError:
        return {"status": OUT_OF_TIME, "limit_seconds": seconds, "why": "it was not ready"}
    return _failure(process, facts) if facts is None or "error" in facts else facts


def _measured(process: Process, limits: Limits) -> dict[str, Any]:
    """Return the figures of the runs that ended in time."""
    seconds = limits.left
    ends = time.monotonic() + seconds
    runs: list[dict[str, Any]] = []
    process.go()
    wrong: dict[str, Any] = {}
    try:
        while (facts := process.answer(max(ends - time.monotonic(), 0.0))) is not None:
            if "error" in facts:
                wrong = _failure(process, facts)
                break
            runs.append(facts)
        else:
            wrong = {} if process.ended() == 0 else _failure(process, None)
    except TimeoutError:
        wrong = {"status": OUT_OF_TIME, "limit_seconds": seconds}
    if wrong and (not runs or wrong["status"] == FAILED):
        return wrong
    return _summary(runs) | ({"note": f"stopped after {seconds:.0f} s, in the run after these"} if wrong else {})


def _failure(process: Process, facts: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return how a process failed, by its own words or, where it left none, by its exit code."""
    if facts is not None:
        return {"status": FAILED, "why": f"{facts['error']}: {facts['message']}"}
    return {"status": FAILED, "why": f"exit code {process.ended()}", "told": process.told()}


def _summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    seconds = [run["seconds"] for run in runs]
    last = {name: value for name, value in runs[-1].items() if name not in ("seconds", "whole_seconds")}
    times = {"best_seconds": min(seconds), "first_seconds": seconds[0], "later_seconds": seconds[1:]}
    return {"status": OK, **times, "whole_seconds": [run["whole_seconds"] for run in runs], **last}


def compared(found: Mapping[str, Mapping[str, Any]], engines: Sequence[str], question: Question) -> dict[str, Any]:
    """Return how the first engine's best seconds and answers stand to the second's; None where one of them has none.

    A second engine that ran out of time tells how many times as fast the first one is at least.
    """
    answered = [found[engine] for engine in engines[:2] if found[engine]["status"] == OK]
    if len(answered) < 2:
        seconds = found[engines[1]].get("limit_seconds") if answered and len(engines) > 1 and not question.timed else None
        least = {} if not seconds else {"times_as_fast_at_least": seconds / answered[0]["best_seconds"]}
        return {"times_as_fast": None, "agree": None} | least
    differing = differences(answered[0]["answers"], answered[1]["answers"], question)
    ratio = answered[1]["best_seconds"] / answered[0]["best_seconds"]
    return {"times_as_fast": ratio, "agree": not differing} | ({"differences": differing} if differing else {})


def lacks_memory(found: Mapping[str, Any]) -> bool:
    """Whether an engine failed because its memory did not suffice; being killed is a sign of that, too."""
    told = str(found.get("why", "")).lower()
    return found["status"] == FAILED and (any(word in told for word in _MEMORY) or "exit code -9" in told)


def prepared(question: Question, arguments: Sequence[str], limits: Limits) -> float | str:
    """Return the seconds after which the question's data were there, or why they are not."""
    started = time.monotonic()
    process = Process(question, "cpu", [*arguments, "--only-prepare"])
    try:
        facts = process.answer(max(limits.ends - started, 0.0))
        return time.monotonic() - started if facts is None and process.ended() == 0 else str(_failure(process, facts))
    except TimeoutError:
        return f"the data were not made within {time.monotonic() - started:.0f} s"
    finally:
        process.close()


def lines_of(results: Mapping[str, Any], engines: Sequence[str]) -> Iterator[str]:
    """Yield a line for each question: seconds, how many times as fast, what crossed on the first engine, and whether they agree."""
    one, other = (*engines, "-", "-")[:2]
    yield f"{'question':<52}{'rows':>12}{one + ' s':>12}{other + ' s':>12}{'ratio':>8}{'between ends':>14}  agree"
    for name, found in results.items():
        if "engines" not in found:
            yield f"{name:<52}{found['rows']:>12,}  {found['status']}: {found['why']}"
            continue
        entries = [found["engines"].get(engine, {"status": "-"}) for engine in (one, other)]
        crossed = entries[0].get("crossings", {}).get("between_ends_bytes")
        least, ratio = found.get("times_as_fast_at_least"), found["times_as_fast"]
        ratio = f"{ratio:.2f}x" if ratio is not None else "-" if least is None else f">{least:.2f}x"
        agree = {None: "-", True: "yes", False: "NO"}[found["agree"]]
        cells = "".join(f"{_seconds(entry):>12}" for entry in entries)
        told = f", {len(fallbacks)} on the host" if (fallbacks := entries[0].get("fallbacks")) else ""
        yield f"{name:<52}{found['rows']:>12,}{cells}{ratio:>8}{'-' if crossed is None else format(crossed, ','):>14}  {agree}{told}"


def _seconds(entry: Mapping[str, Any]) -> str:
    return f"{entry['best_seconds']:.3f}" if entry["status"] == OK else str(entry["status"])
