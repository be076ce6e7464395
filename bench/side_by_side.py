"""Programs for one question, side by side in one process: warm, interleaved, by processor and wall seconds, with their answers compared.

A ratio is taken within each round, since a machine's speed drifts more between minutes than programs differ; shown is the median.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import pyarrow as pa

from bench.machine import describe
from bench.workload import BenchmarkError

Answer = Any  # a frame of any library, or numbers by name
TOLERANCE = 1e-6
AGAINST = "polars"


@dataclass(frozen=True)
class Taken:
    """What the runs of one program took, a number a round."""

    seconds: list[float]
    cpu_seconds: list[float]


def compared(
    name: str, programs: Mapping[str, Callable[[], Answer]], rounds: int, summary: Callable[[Answer], Answer] | None = None
) -> dict[str, Any]:
    """Return what the programs took, after a first run of each, whose answers must be the same.

    Parameters
    ----------
    summary
        What is compared of a large answer; its time is not counted.

    Raises
    ------
    BenchmarkError
        Two answers differ.
    """
    answers = {program: rows_of(run() if summary is None else summary(run())) for program, run in programs.items()}
    first = next(iter(answers))
    for program, rows in answers.items():
        if not same_rows(answers[first], rows):
            msg = f"{name}: {program} found {len(rows)} rows {rows[:3]}, {first} found {len(answers[first])} rows {answers[first][:3]}"
            raise BenchmarkError(msg)
    taken = {program: Taken([], []) for program in programs}
    order = list(programs)
    for turn in range(rounds):
        for program in order[turn % len(order) :] + order[: turn % len(order)]:
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            programs[program]()
            taken[program].cpu_seconds.append(time.process_time() - cpu)
            taken[program].seconds.append(time.perf_counter() - wall)
    return {"name": name, "rows": len(answers[first]), "programs": {program: _summary(taken[program], taken[AGAINST]) for program in order}}


def _summary(taken: Taken, base: Taken) -> dict[str, Any]:
    """Return the medians of a program, and those of its ratios to the one it is held against."""
    cpu = [mine / theirs for mine, theirs in zip(taken.cpu_seconds, base.cpu_seconds, strict=True)]
    wall = [mine / theirs for mine, theirs in zip(taken.seconds, base.seconds, strict=True)]
    return {
        "cpu_seconds": round(median(taken.cpu_seconds), 5),
        "seconds": round(median(taken.seconds), 5),
        "cpu_ratio": round(median(cpu), 3),
        "ratio": round(median(wall), 3),
        "rounds": [round(value, 5) for value in taken.cpu_seconds],
    }


def rows_of(answer: Answer) -> list[tuple[Any, ...]]:
    """Return an answer as rows, sorted."""
    if isinstance(answer, Mapping):
        return [tuple(answer.values())]
    table = answer if isinstance(answer, pa.Table) else nw.from_native(answer, eager_only=True).to_arrow()
    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return sorted(rows, key=lambda row: [_key(value) for value in row])


def _key(value: Any) -> tuple[int, str]:
    """Return what a value is sorted by: numbers by five of their digits, so that two that hardly differ stand at one place."""
    if value is None:
        return 0, ""
    return 1, str(value) if isinstance(value, str) or not hasattr(value, "__float__") else f"{float(value):.5g}"


def same_rows(one: Sequence[tuple[Any, ...]], other: Sequence[tuple[Any, ...]]) -> bool:
    """Whether rows are the same, numbers up to a millionth of themselves.

    Examples
    --------
    >>> same_rows([(1, "a")], [(1.0 + 1e-9, "a")]), same_rows([(1, "a")], [(2, "a")]), same_rows([], [(1, "a")])
    (True, False, False)
    """
    return len(one) == len(other) and all(_same_row(left, right) for left, right in zip(one, other, strict=True))


def _same_row(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two rows are the same."""
    for left, right in zip(one, other, strict=True):
        if left is None or right is None or isinstance(left, str) or not hasattr(left, "__float__"):
            if left != right:
                return False
        elif not math.isclose(float(left), float(right), rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return False
    return True


def summed(questions: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the sums over questions of each program's medians, and their ratios."""
    programs = list(questions[0]["programs"])
    sums = {
        program: {key: sum(question["programs"][program][key] for question in questions) for key in ("cpu_seconds", "seconds")}
        for program in programs
    }
    return {
        program: {key: round(value, 4) for key, value in of_one.items()}
        | {"cpu_ratio": round(of_one["cpu_seconds"] / sums[AGAINST]["cpu_seconds"], 3)}
        for program, of_one in sums.items()
    }


def table(questions: Sequence[Mapping[str, Any]], extra: str | None = None) -> str:
    """Return the questions as a table for the README: processor seconds, ratios, and a figure of each question's own."""
    programs = list(questions[0]["programs"])
    others = [program for program in programs if program != AGAINST]
    heads = ["question", *(f"{program} cpu s" for program in programs), *(f"{program} / {AGAINST}" for program in others)]
    heads += [extra] if extra else []
    lines = [heads, ["---"] * len(heads)]
    total = {"name": "**sum**", "programs": summed(questions)}
    for question in (*questions, total):
        made = question["programs"]
        cells = [question["name"], *(f"{made[program]['cpu_seconds']:.3f}" for program in programs)]
        cells += [f"{made[program]['cpu_ratio']:.2f}" for program in others]
        lines.append([*cells, *([str(question.get(extra, ""))] if extra else [])])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def options(description: str | None, **defaults: Any) -> argparse.Namespace:
    """Return the options that every such benchmark has, and those of its own with their defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, help="the result as JSON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path("bench/data"))
    parser.add_argument("--only", nargs="*", help="questions whose names begin so")
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_args()


def wanted(name: str, given: argparse.Namespace) -> bool:
    """Whether a question was asked for."""
    return given.only is None or name.startswith(tuple(given.only))


def written(given: argparse.Namespace, record: Mapping[str, Any]) -> None:
    """Write the record, with the machine it was measured on."""
    if given.out is not None:
        machine = describe() | {"duckdb": duckdb.__version__}
        given.out.write_text(json.dumps({"machine": machine, **record}, indent=1) + "\n", encoding="utf-8")
