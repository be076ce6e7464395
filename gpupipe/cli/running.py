"""One run of a pipeline file, from the words of the call to its outcome, whether it ends well or not."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from gpupipe.cli.failure import exit_code
from gpupipe.cli.progress import telling
from gpupipe.cli.watch import note_watched
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import UsageError, listing, nearest
from gpupipe.core.holding import Holding
from gpupipe.core.ledger import Ledger
from gpupipe.core.secret import MASK, masked
from gpupipe.core.stage import RowStage
from gpupipe.core.whole_files import make_folder
from gpupipe.definition import load_definition
from gpupipe.pipeline import Pipeline, Result
from gpupipe.report.record import error_as_json
from gpupipe.report.run_report import RunReport
from gpupipe.run import HEAD_ROWS

_WIRED = ("id", "name", "label", "kind", "inputs", "where")
_STAGE_KEYS = (*_WIRED, "rows_in", "rows_out", "columns_out", "seconds", "bytes", "stretch", "note", "checkpoint", "facts")


@dataclass(frozen=True)
class Keeping:
    """What was asked for of checkpoints.

    Parameters
    ----------
    again
        The command that continues this run should it fail.
    """

    folder: str | None = None
    resume: bool = False
    again: str | None = None


@dataclass(frozen=True)
class Call:
    """What was asked for on the command line."""

    target: str
    given: tuple[str, ...]
    engine: str
    folder: Path | None
    options: EngineOptions = field(default_factory=EngineOptions)
    keeping: Keeping = field(default_factory=Keeping)
    profile: bool = field(default=False, kw_only=True)
    preview: bool = field(default=True, kw_only=True)
    quiet: bool = field(default=False, kw_only=True)


def options_of(
    crossings: str, crossings_budget: int, fallbacks: str, *, confirm_crossings: bool = False, allow_differences: bool = False
) -> EngineOptions:
    """Return the engine's options of the command's words.

    Raises
    ------
    UsageError
        A policy is none.
    """
    for option, value, known in (("crossings", crossings, ("allow", "warn", "raise")), ("fallbacks", fallbacks, ("refuse", "host"))):
        if value not in known:
            msg = f"--{option} takes one of {listing(known)}, got {value!r}.{nearest(value, known)}"
            raise UsageError(msg)
    return EngineOptions(
        crossings=crossings,  # type: ignore[arg-type]  # checked
        crossings_budget=crossings_budget,
        fallbacks=fallbacks,  # type: ignore[arg-type]  # checked
        confirm_crossings=confirm_crossings,
        allow_differences=allow_differences,
    )


@dataclass(frozen=True)
class RunEnding:
    """How a run ended.

    Parameters
    ----------
    answer
        The object that ``--json`` prints.
    report
        The whole report; empty where the run did not begin.
    page
        The HTML report, where one was written.
    again
        The command that continues a run that failed and had kept checkpoints.
    heads
        The first rows of each table among the outputs, by name.
    """

    answer: dict[str, Any]
    report: dict[str, Any]
    page: Path | None
    error: BaseException | None
    again: str | None = None
    heads: Mapping[str, pa.Table] = field(default_factory=dict)


@dataclass
class _Course:
    """How far a call has come."""

    started: float
    pipeline: Pipeline | None = None
    result: Result | None = None
    report: dict[str, Any] = field(default_factory=dict)
    page: Path | None = None


def carry_out(call: Call) -> RunEnding:
    """Return how the run of a call ended; errors are in it, and not raised."""
    course = _Course(time.perf_counter())
    error: BaseException | None = None
    try:
        _run(call, course)
        _save_fitted(call, course)
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001  (the ending holds it, and the command exits with its code)
        error = failure
        course.report = course.report or getattr(failure, "report", {})
    again = masked(call.keeping.again) if error is not None and "checkpoints" in course.report else None
    try:
        _write_report(call, course, error, again)
    except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001  (as above; the first failure is the one to tell of)
        error = error or failure
    heads = {} if error is not None or call.quiet or course.result is None else dict(_heads(course.result))
    return RunEnding(_answer(call, course, error, again), course.report, course.page, error, again, heads)


def _heads(outputs: Mapping[str, Any], inside: str = "") -> Iterator[tuple[str, pa.Table]]:
    """Yield the first rows of each table among the outputs; those inside a mapping are called by both names."""
    for name, value in outputs.items():
        if isinstance(value, Mapping):
            yield from _heads(value, f"{inside}{name}.")
        elif isinstance(value, pa.Table):
            yield f"{inside}{name}", value.slice(0, HEAD_ROWS)
        elif not isinstance(value, Holding) and hasattr(value, "head") and isinstance(getattr(value, "shape", None), tuple):
            yield f"{inside}{name}", value.head(HEAD_ROWS).to_arrow()


def _run(call: Call, course: _Course) -> None:
    """Load, build and run the pipeline."""
    with telling(quiet=call.quiet) as tell:
        definition = load_definition(call.target)
        note_watched(definition.path, None)
        values = definition.values(call.given)
        course.pipeline = definition.build(values)
        note_watched(definition.path, course.pipeline)
        if call.folder is not None:
            make_folder(call.folder)
        secret = {parameter.name for parameter in definition.parameters if parameter.secret}
        kept = {name: MASK if name in secret and value is not None else _kept(value) for name, value in values.items()}
        course.result = course.pipeline.run(
            call.engine,
            options=call.options,
            profile=call.profile,
            preview=call.preview,
            gather=False,
            tell=tell,
            file=definition.shown,
            parameters=kept,
            checkpoints=call.keeping.folder,
            resume=call.keeping.resume,
        )
    course.report = course.result.report


def _kept(value: Any) -> Any:
    """Return a parameter's value as the report holds it."""
    return value if value is None or isinstance(value, bool | int | float | str | list | tuple) else str(value)


def _save_fitted(call: Call, course: _Course) -> None:
    """Save every fitted output into the report's folder, and enter where."""
    if call.folder is None or course.result is None:
        return
    for name, value in course.result.items():
        if isinstance(value, RowStage | Holding):
            from gpupipe.artefact import save  # local: runs that keep no fitted stage do without

            path = call.folder / file_name(name)
            save(value, path)
            entry = course.report["outputs"][name]
            course.report["outputs"][name] = {**(entry if isinstance(entry, Mapping) else {}), "path": str(path)}


def file_name(output: str) -> str:
    """Return the name of the folder that an output is saved in.

    Examples
    --------
    >>> file_name("model"), file_name("../a b")
    ('model', '_.._a_b')
    """
    safe = re.sub(r"[^\w.-]", "_", output)
    return f"_{safe}" if safe.startswith(".") else safe


def _write_report(call: Call, course: _Course, error: BaseException | None, again: str | None) -> None:
    """Write the report as JSON and as a page, where a folder was named and the run began."""
    if again is not None and course.report.get("error"):
        course.report["error"] |= {"resume": again}
    if call.folder is None or not course.report:
        return
    if error is not None and course.report["status"] == "ok":  # the run went well, and saving what it made did not
        course.report |= {"status": "failed", "error": error_as_json(error)}
    course.page = RunReport(course.report).save(call.folder)


def _answer(call: Call, course: _Course, error: BaseException | None, again: str | None) -> dict[str, Any]:
    """Return the object that ``--json`` prints: the same keys however the run ended, and the error where there is one."""
    report = course.report
    status = "ok" if error is None else "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    answer = {
        "pipeline": course.pipeline.name if course.pipeline is not None else None,
        "engine": report.get("engine", call.engine),
        "status": status,
        "seconds": round(time.perf_counter() - course.started, 4),
        "outputs": report.get("outputs", {}),
        "stages": [{key: stage.get(key) for key in _STAGE_KEYS} for stage in report.get("stages", ())],
        "crossings": report.get("crossings", Ledger().as_json()),
        "report": None if course.page is None else str(course.page),
    }
    if "checkpoints" in report:
        answer["checkpoints"] = report["checkpoints"]
    if error is None:
        return answer
    resume = {} if again is None else {"resume": again}
    return answer | {"error": {**error_as_json(error), "exit_code": exit_code(error), **resume}}
