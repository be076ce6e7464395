"""What a benchmark is: the contenders, what they read, whom they are compared with, and what they must agree on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Command = Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One benchmark. A file in `bench/workloads/` holds one, in a variable named `workload`.

    Parameters
    ----------
    contenders
        Called with the folder of the data and an empty folder to write into; what each contender's name runs. A command prints one
        JSON line, as `bench.contender.report` does.
    baselines
        The contenders that the others are compared with.
    agree
        The facts of the JSON line that must be equal in all contenders and rounds.
    prepare
        The command that makes the data of one size in a folder that does not exist yet; none for a workload without data.
    """

    contenders: Callable[[Path, Path], Mapping[str, Command]]
    baselines: tuple[str, ...]
    agree: tuple[str, ...] = ()
    prepare: Callable[[int, Path], Command] | None = None


class BenchmarkError(Exception):
    """A benchmark that says nothing: a contender failed, printed no result, or found something else than the others."""
