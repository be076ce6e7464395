"""Draws what a benchmark measured at several sizes as one SVG: seconds, processor seconds, and the peak memory of the worker that had most.

    python -m bench.curve bench/results/NAME.json --out docs/NAME.svg

Both axes begin at 0, so that a line through the origin is growth in proportion, and a level line is none.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gpupipe.report.charts import ticks
from gpupipe.report.markup import element, escape

WIDTH, HEIGHT, GAP, MARGIN = 260.0, 200.0, 76.0, 60.0
TOP = 58.0
COLOURS = ("#8a8a8a", "#1f6feb", "#b35900", "#2e7d32", "#8e24aa")
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.grid{stroke:#ddd}.axis{stroke:#333;fill:none}"
    ".name{font-weight:600}.end{text-anchor:end}.mid{text-anchor:middle}.line{fill:none;stroke-width:2}.back{fill:#fff}"
)

Sizes = Sequence[Mapping[str, Any]]
Points = list[tuple[float, float]]


def drawn(result: Mapping[str, Any]) -> str:
    """The SVG of a result as `bench.run` writes it."""
    sizes: Sizes = result["sizes"]
    names = list(sizes[0]["contenders"])
    on_cluster = any(size["contenders"][names[0]].get("on_cluster") for size in sizes)
    memory = "MiB, peak of the largest worker" if on_cluster else "MiB, peak of the process"
    quantities = {"seconds": _seconds, "processor seconds, all processes": _cpu_seconds, memory: _peak_mib}
    panels = [
        _panel(title, {name: _points(sizes, name, value) for name in names}, index * (WIDTH + GAP))
        for index, (title, value) in enumerate(quantities.items())
    ]
    width, height = MARGIN + 3 * WIDTH + 2 * GAP + 24, TOP + HEIGHT + 48
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img">'
        f"<style>{STYLE}</style>{element('rect', '', class_='back', width=f'{width:g}', height=f'{height:g}')}"
        f"{_legend(names)}{''.join(panels)}</svg>\n"
    )


def _points(sizes: Sizes, name: str, value: Callable[[Mapping[str, Any]], float]) -> Points:
    return [(size["rows"] / 1e6, value(size["contenders"][name])) for size in sizes]


def _seconds(found: Mapping[str, Any]) -> float:
    return float(found["seconds"]["median"])


def _cpu_seconds(found: Mapping[str, Any]) -> float:
    on_cluster = found.get("on_cluster")
    if not on_cluster:
        return float(found["cpu_seconds"]["median"])
    return float(on_cluster["worker_cpu_seconds"]["median"] + on_cluster["driver_cpu_seconds"]["median"])


def _peak_mib(found: Mapping[str, Any]) -> float:
    peak = found.get("on_cluster", {}).get("worker_peak_rss_bytes", found["peak_rss_bytes"])
    return float(peak["median"]) / 2**20


def _legend(names: Sequence[str]) -> str:
    drawn = ""
    at = MARGIN
    for index, name in enumerate(names):
        drawn += f'<path class="line" stroke="{COLOURS[index % len(COLOURS)]}" d="M{at:g} 18h24"/>'
        drawn += element("text", escape(name), x=f"{at + 30:g}", y="22")
        at += 60 + 7.5 * len(name)
    return drawn


def _panel(title: str, curves: Mapping[str, Points], shift: float) -> str:
    most_x = max(x for points in curves.values() for x, _ in points)
    most_y = 1.08 * max(y for points in curves.values() for _, y in points)
    left, bottom = MARGIN + shift, TOP + HEIGHT

    def place(x: float, y: float) -> tuple[float, float]:
        return round(left + x / most_x * WIDTH, 1), round(bottom - y / most_y * HEIGHT, 1)

    drawn = element("text", escape(title), class_="name", x=f"{left:g}", y=f"{TOP - 12:g}")
    for value in ticks(0.0, most_y):
        _, y = place(0.0, value)
        drawn += f'<path class="grid" d="M{left:g} {y:g}h{WIDTH:g}"/>'
        drawn += element("text", f"{value:,.0f}", class_="end", x=f"{left - 7:g}", y=f"{y + 4:g}")
    for rows in sorted({x for points in curves.values() for x, _ in points}):
        x, _ = place(rows, 0.0)
        drawn += f'<path class="axis" d="M{x:g} {bottom:g}v5"/>'
        drawn += element("text", f"{rows:g}", class_="mid", x=f"{x:g}", y=f"{bottom + 19:g}")
    drawn += f'<path class="axis" d="M{left:g} {bottom:g}h{WIDTH:g}"/>'
    drawn += element("text", "million rows", class_="mid", x=f"{left + WIDTH / 2:g}", y=f"{bottom + 38:g}")
    for index, points in enumerate(curves.values()):
        colour, places = COLOURS[index % len(COLOURS)], [place(x, y) for x, y in points]
        drawn += f'<path class="line" stroke="{colour}" d="M{"L".join(f"{x:g} {y:g}" for x, y in places)}"/>'
        drawn += "".join(f'<circle fill="{colour}" cx="{x:g}" cy="{y:g}" r="3.5"/>' for x, y in places)
    return drawn


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    parser = ArgumentParser(prog="python -m bench.curve", description="Draw a result of bench.run against its sizes.")
    parser.add_argument("result", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    options = parser.parse_args(arguments)
    options.out.write_text(drawn(json.loads(options.result.read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
