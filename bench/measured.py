"""One question on one engine, in a process of its own: a line of JSON when it is ready, and one for each run.

Libraries are loaded and the pipeline is checked before it says that it is ready; then it waits for a line on stdin. When stdin ends, it
ends: so it does not outlive whoever asked.

    python -m bench.measured "group-by q1" --engine cpu --data DIR --out DIR --rows N --table-rows N --model-scale X --repeats 2
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.question import Question
from bench.questions import Sizes, question_of
from gpupipe.cli.streams import stdout_to_stderr
from gpupipe.core.engine import EngineOptions
from gpupipe.engines.load import ADDRESSES

LONG = 15.0  # seconds from which on a run is not repeated


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was asked for, and return the exit code: 1 where a run failed, with the error as the last line."""
    options = _options(arguments)
    question = _found(options)
    with os.fdopen(os.dup(1), "w") as answers, stdout_to_stderr(), redirect_stdout(answers):  # cuML's log would go to stdout
        return _answered(options, question)


def _answered(options: argparse.Namespace, question: Question) -> int:
    """Make what was asked for, say it on stdout, and return the exit code."""
    try:
        data = question.prepare(options.data)
        if options.only_prepare:
            return 0
        _load(question, options.engine, data, options.out)
        _say({"ready": True, **_device(options.engine)})
        if not sys.stdin.readline():
            return 1  # nobody is there any more
        threading.Thread(target=_end_with_caller, args=(options.out,), daemon=True).start()
        for run in runs(question, options.engine, data, options.out, options.repeats):
            _say(run)
    except Exception as error:  # noqa: BLE001  (whatever it is, the caller tells it)
        _say({"error": type(error).__name__, "message": str(error)[:4000]})
        return 1
    return 0


def runs(question: Question, engine: str, data: Any, out: Path, repeats: int) -> Iterator[dict[str, Any]]:
    """Yield the figures of each run; there is one only where it takes long."""
    for _ in range(repeats):
        pipeline = question.build(data, out)
        started = time.perf_counter()
        result = pipeline.run(engine, options=EngineOptions(crossings="allow", fallbacks=question.fallbacks))  # type: ignore[arg-type]
        whole = time.perf_counter() - started
        yield _figures(question, result, whole)
        del result
        if whole > LONG:
            return


def _figures(question: Question, result: Any, whole: float) -> dict[str, Any]:
    """Return what one run took and found, from its report."""
    report = result.report
    timed = [stage["seconds"] for stage in report["stages"] if stage["kind"] in question.timed]
    return {
        "seconds": sum(timed) if question.timed else whole,
        "whole_seconds": whole,
        "crossings": {name: value for name, value in report["crossings"].items() if name != "events"},
        "fallbacks": report["fallbacks"],
        "memory": {name: value for name, value in report["memory"].items() if name != "samples"},
        "slowest_stages": _slowest(report),
        "answers": dict(_numbers(result)),
    }


def _slowest(report: Mapping[str, Any]) -> list[list[Any]]:
    """Return the three stages, or stretches of fused stages, that took most seconds."""
    stages = [[stage["label"] or stage["name"], stage["seconds"]] for stage in report["stages"]]
    stages += [[f"stretch of {len(stretch['stages'])} stages", stretch["seconds"]] for stretch in report["stretches"]]
    return [[name, round(seconds, 4)] for name, seconds in sorted(stages, key=lambda one: -one[1])[:3]]


def _numbers(found: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the numbers among outputs, by names that say where they stood."""
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            yield f"{prefix}{name}", value


def _load(question: Question, engine: str, data: Any, out: Path) -> None:
    """Load what the run will need, so that its first seconds are not those of imports."""
    import_module(ADDRESSES[engine].partition(":")[0])
    if engine == "gpu" and question.estimator is not None:
        from gpupipe.engines.cudf.counterparts import counterpart_of  # local: of no use without a device

        address = counterpart_of(question.estimator)
        import_module("xgboost" if address is None else address.partition(":")[0])
    question.build(data, out).check()


def _device(engine: str) -> dict[str, Any]:
    """Return what the device is, where the engine has one."""
    if engine != "gpu":
        return {}
    import cupy  # local: there is none without a device

    facts = cupy.cuda.runtime.getDeviceProperties(0)
    version = Path("/proc/driver/nvidia/version")
    return {
        "device": {
            "name": facts["name"].decode(),
            "memory_bytes": facts["totalGlobalMem"],
            "compute_capability": f"{facts['major']}.{facts['minor']}",
            "cuda_of_driver": cupy.cuda.runtime.driverGetVersion(),
            "driver": version.read_text().splitlines()[0] if version.exists() else None,
        }
    }


def _end_with_caller(out: Path) -> None:
    """End this process, and remove what it wrote, when stdin ends."""
    while sys.stdin.readline():
        pass
    shutil.rmtree(out, ignore_errors=True)
    os._exit(1)


def _say(facts: Mapping[str, Any]) -> None:
    print(json.dumps(facts), flush=True)


def _found(options: argparse.Namespace) -> Question:
    sizes = Sizes(options.rows, options.table_rows, options.model_scale, options.rounds)
    return question_of(options.question, sizes)


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how large the data are, and where."""
    defaults = Sizes()
    parser.add_argument("--data", type=Path, default=Path("out/bench-gpu"), help="where generated tables are kept")
    parser.add_argument("--rows", type=int, default=defaults.rows, help="of the mortgage questions")
    parser.add_argument("--table-rows", type=int, default=defaults.table_rows, help="of the group-by and join questions")
    parser.add_argument("--model-scale", type=float, default=defaults.model_scale, help="times the rows that each model has by itself")
    parser.add_argument("--rounds", type=int, default=defaults.rounds, help="boosting rounds of each model of the mortgage pipeline")
    parser.add_argument("--repeats", type=int, default=2, help=f"runs of each; one where it takes more than {LONG:.0f} s")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", help="the whole name")
    parser.add_argument("--engine", default="cpu")
    parser.add_argument("--out", type=Path, help="a new folder to write into")
    parser.add_argument("--only-prepare", action="store_true", help="make the data and end")
    add_sizes(parser)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
