"""Runs a benchmark: every contender in a fresh process, interleaved, as ratios against the baselines.

    python -m bench.run mortgage-etl --rows 1000000,10000000 --rounds 3

`bench/README.md` says how to read what it prints.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from rich.console import Console

from bench.machine import describe
from bench.process import Measurement, environment, measure_process
from bench.summary import Contender, Rounds, growth, print_growth, print_size, summarize
from bench.workload import BenchmarkError, Command, Workload

BENCH = Path(__file__).resolve().parent


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0, or 1 with the reason on stderr when the benchmark says nothing."""
    options = _options(arguments)
    console = Console()
    try:
        workload = load(options.workload)
        before = describe()
        sizes = {rows: _size(workload, options, rows, console) for rows in options.rows}
    except BenchmarkError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print_growth(console, sizes)
    if options.out:
        _write(options.out, {"benchmark": options.workload, "rounds": options.rounds, "machine": before}, sizes)
    return 0


def load(name: str) -> Workload:
    """The workload of a name: `mortgage-etl` is `bench/workloads/mortgage_etl.py`.

    Raises
    ------
    BenchmarkError
        There is no such file, or it holds no `workload`.
    """
    stem = name.replace("-", "_")
    files = {file.stem for file in (BENCH / "workloads").glob("*.py") if "workload = Workload(" in file.read_text()}
    if stem not in files:
        near = get_close_matches(stem, files, n=1)
        hint = f"did you mean {near[0].replace('_', '-')}?" if near else "there are " + ", ".join(sorted(files)).replace("_", "-")
        raise BenchmarkError(f"expected a workload, a file of bench/workloads that makes one, got {name!r}: {hint}")
    found = import_module(f"bench.workloads.{stem}").workload
    assert isinstance(found, Workload)
    return found


def interleave(names: Sequence[str], n_rounds: int) -> Iterator[list[str]]:
    """The order of each round; it rotates, so that no contender always follows the same one.

    >>> list(interleave(["a", "b", "c"], 2))
    [['a', 'b', 'c'], ['b', 'c', 'a']]
    """
    for start in range(n_rounds):
        turn = start % len(names)
        yield [*names[turn:], *names[:turn]]


def check_agreement(rounds: Rounds, facts: Sequence[str]) -> None:
    """Nothing, if every run of every contender found the same.

    Raises
    ------
    BenchmarkError
        A fact differs or is missing: the ratio of two programs that compute different things says nothing.
    """
    for fact in facts:
        found = {name: [run.facts.get(fact) for run in runs] for name, runs in rounds.items()}
        values = [value for of_contender in found.values() for value in of_contender]
        if any(value is None or value != values[0] for value in values):
            seen = "; ".join(f"{name} {' '.join(map(str, of_contender))}" for name, of_contender in found.items())
            raise BenchmarkError(f"expected one value of {fact!r} in all contenders, got {seen}: they do not compute the same")


def _options(arguments: Sequence[str] | None) -> Namespace:
    parser = ArgumentParser(prog="python -m bench.run", description="Run a benchmark of bench/workloads.")
    parser.add_argument("workload", help="its file's name, as in mortgage-etl")
    parser.add_argument("--rows", type=_sizes, default=[1_000_000], metavar="N,N", help="sizes of the data (default 1000000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each contender (default 3)")
    parser.add_argument("--contenders", metavar="A,B", help="only these")
    parser.add_argument("--data", type=Path, default=BENCH / "data", metavar="DIR", help="where generated data is kept")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the result as JSON, as in bench/results/NAME.json")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds: expected 1 or more, got {options.rounds}")
    return options


def _sizes(text: str) -> list[int]:
    return sorted({int(part.replace("_", "")) for part in text.split(",")})


def _size(workload: Workload, options: Namespace, rows: int, console: Console) -> dict[str, Contender]:
    data = options.data / f"{options.workload}-{rows}"
    if workload.prepare is not None:
        _prepare(workload.prepare, rows, data, console)
    rounds = _measure(workload, options, data, console)
    check_agreement(rounds, workload.agree)
    title = f"{options.workload}, {rows:,} rows" if workload.prepare else options.workload
    contenders = summarize(rounds, workload.baselines)
    print_size(console, title, contenders, workload.baselines)
    return contenders


def _prepare(prepare: Callable[[int, Path], Command], rows: int, data: Path, console: Console) -> None:
    if not data.exists():
        # Made under another name, so that the data of a killed run is never taken for whole.
        part = data.with_name(data.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        data.parent.mkdir(parents=True, exist_ok=True)
        console.print(f"making {data.name}", highlight=False)
        made = subprocess.run(prepare(rows, part), env=environment(), stdout=subprocess.DEVNULL, check=False)
        if made.returncode != 0:
            raise BenchmarkError(f"expected {rows:,} rows in {data}, got exit status {made.returncode}; see its error above")
        part.rename(data)
    for file in data.rglob("*"):  # read once, so that the first contender does not pay for a cold disk
        if file.is_file():
            with file.open("rb") as stream:
                while stream.read(1 << 22):
                    pass


def _measure(workload: Workload, options: Namespace, data: Path, console: Console) -> dict[str, list[Measurement]]:
    names = _chosen(workload, options, data)
    rounds: dict[str, list[Measurement]] = {name: [] for name in names}
    for number, order in enumerate(interleave(names, options.rounds), 1):
        for name in order:
            with tempfile.TemporaryDirectory(prefix="gpupipe-bench-") as out:
                run = measure_process(name, workload.contenders(data, Path(out))[name])
            rounds[name].append(run)
            console.print(
                f"round {number} {name}: {run.seconds:.4g} s, {run.run_cpu_seconds:.4g} cpu s, {_peak(run) / 2**20:,.0f} MiB",
                highlight=False,
            )
    return rounds


def _peak(run: Measurement) -> float:
    return run.on_cluster.get("worker_peak_rss_bytes", run.peak_rss_bytes)


def _chosen(workload: Workload, options: Namespace, data: Path) -> list[str]:
    names = list(workload.contenders(data, data))
    chosen = options.contenders.split(",") if options.contenders else names
    for name in set(chosen) - set(names):
        raise BenchmarkError(f"expected contenders out of {', '.join(names)}, got {name!r}")
    return chosen


def _write(file: Path, head: Mapping[str, object], sizes: Mapping[int, Mapping[str, Contender]]) -> None:
    result = {**head, "sizes": [{"rows": rows, "contenders": found} for rows, found in sizes.items()], "growth": growth(sizes)}
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1) + "\n")
    part.rename(file)


if __name__ == "__main__":
    sys.exit(main())
