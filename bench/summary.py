"""From measurements to medians and ratios, as values for the JSON and as tables for a reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TypedDict

from rich.console import Console
from rich.table import Table

from bench.process import Measurement

Rounds = Mapping[str, Sequence[Measurement]]


class Spread(TypedDict):
    """The middle and the ends of a measured quantity."""

    median: float
    min: float
    max: float


class Contender(TypedDict):
    """One contender at one size: its spreads, its seconds round by round, what it found, and its speed against each baseline.

    `on_cluster` is empty where no cluster was started; `times_the_cpu_of` a baseline counts the run alone where one was.
    """

    seconds: Spread
    total_seconds: Spread
    cpu_seconds: Spread
    peak_rss_bytes: Spread
    each_seconds: list[float]
    facts: dict[str, object]
    times_as_fast_as: dict[str, Spread]
    times_the_cpu_of: dict[str, Spread]
    on_cluster: dict[str, Spread]


def spread(values: Sequence[float]) -> Spread:
    """Median, smallest and largest.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'min': 1.0, 'max': 3.0}
    """
    return {"median": median(values), "min": min(values), "max": max(values)}


def speed(baseline: Sequence[Measurement], contender: Sequence[Measurement]) -> Spread:
    """How many times as fast as the baseline: its seconds divided by the contender's, round by round, since rounds differ most."""
    return spread([base.seconds / own.seconds for base, own in zip(baseline, contender, strict=True)])


def times_cpu(baseline: Sequence[Measurement], contender: Sequence[Measurement]) -> Spread:
    """The processor seconds as a multiple of the baseline's, round by round."""
    return spread([own.run_cpu_seconds / base.run_cpu_seconds for base, own in zip(baseline, contender, strict=True)])


def summarize(rounds: Rounds, baselines: Sequence[str]) -> dict[str, Contender]:
    """All contenders of one size."""
    present = [name for name in baselines if name in rounds]
    return {
        name: {
            "seconds": spread([run.seconds for run in runs]),
            "total_seconds": spread([run.total_seconds for run in runs]),
            "cpu_seconds": spread([run.cpu_seconds for run in runs]),
            "peak_rss_bytes": spread([run.peak_rss_bytes for run in runs]),
            "each_seconds": [run.seconds for run in runs],
            "facts": runs[0].facts,
            "times_as_fast_as": {base: speed(rounds[base], runs) for base in present if base != name},
            "times_the_cpu_of": {base: times_cpu(rounds[base], runs) for base in present if base != name},
            "on_cluster": {fact: spread([run.on_cluster[fact] for run in runs]) for fact in runs[0].on_cluster},
        }
        for name, runs in rounds.items()
    }


def growth(sizes: Mapping[int, Mapping[str, Contender]]) -> dict[str, dict[str, float]]:
    """Median seconds and peak memory (a worker's, on a cluster) at the largest size, as multiples of those at the smallest.

    Empty for one size.
    """
    if len(sizes) < 2:
        return {}
    small, large = sizes[min(sizes)], sizes[max(sizes)]
    return {
        name: {
            "seconds": large[name]["seconds"]["median"] / small[name]["seconds"]["median"],
            "peak_rss_bytes": peak(large[name]) / peak(small[name]),
        }
        for name in large
    }


def peak(found: Contender) -> float:
    """The peak memory of the process, or of the worker that had most where there was a cluster."""
    return found["on_cluster"].get("worker_peak_rss_bytes", found["peak_rss_bytes"])["median"]


def print_size(console: Console, title: str, contenders: Mapping[str, Contender], baselines: Sequence[str]) -> None:
    """One table: a row a contender, fastest first."""
    present = [name for name in baselines if name in contenders]
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("contender")
    clusters = any(found["on_cluster"] for found in contenders.values())
    headings = [*(f"against\n{name}" for name in present), *(f"cpu s against\n{name}" for name in present if clusters)]
    for heading in ("seconds", "cpu s", "peak MiB", *headings, *(["start-up s"] if clusters else [])):
        table.add_column(heading, justify="right")
    for name, found in sorted(contenders.items(), key=lambda item: item[1]["seconds"]["median"]):
        ratios = [_range(found["times_as_fast_as"].get(base), unit="x") for base in present]
        if clusters:
            ratios += [_range(found["times_the_cpu_of"].get(base), unit="x") for base in present]
            ratios.append(_range(found["on_cluster"].get("startup_seconds")))
        table.add_row(name, _range(found["seconds"]), _digits(found["cpu_seconds"]["median"]), f"{peak(found) / 2**20:,.0f}", *ratios)
    console.print(table)


def print_growth(console: Console, sizes: Mapping[int, Mapping[str, Contender]]) -> None:
    """One table: what the largest size costs as a multiple of the smallest; nothing for one size."""
    grown = growth(sizes)
    if not grown:
        return
    table = Table(title=f"{max(sizes):,} rows against {min(sizes):,}", title_justify="left")
    table.add_column("contender")
    table.add_column("seconds", justify="right")
    table.add_column("peak memory", justify="right")
    for name, factor in grown.items():
        table.add_row(name, f"x {factor['seconds']:.2f}", f"x {factor['peak_rss_bytes']:.2f}")
    console.print(table)


def _range(value: Spread | None, unit: str = "") -> str:
    if value is None:
        return "-"
    return f"{_digits(value['median'])}{unit}\n{_digits(value['min'])}..{_digits(value['max'])}"


def _digits(value: float) -> str:
    return f"{value:#.3g}" if value < 100 else f"{value:,.0f}"
