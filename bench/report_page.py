"""How long a report takes to be made and to open: of 22 and of 200 stages, in Chromium.

    python -m bench.report_page [--rounds 5] [--out bench/results/DATE-report-page.json]

Both sizes take turns. ``made`` is the page of plain values, ``opened`` from asking for it until it stands (the end of the load event), each
time in a new tab of one browser; ``painted`` until its first contents are seen. The bar is 2 seconds for 200 stages.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from statistics import median
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from bench.machine import describe  # noqa: E402
from gpupipe.report import html_page  # noqa: E402
from tests.browser import open_browser  # noqa: E402

KINDS = ("row", "key", "table", "fit", "learner", "apply", "sink", "value")
TIMES = """JSON.stringify((() => { const one = performance.getEntriesByType('navigation')[0];
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  return one && one.loadEventEnd && paint ? {opened: one.loadEventEnd / 1000, painted: paint.startTime / 1000} : null; })())"""


def report(n_stages: int) -> dict[str, Any]:
    """Return a report of stages wired at random, each with 20 columns."""
    chance = random.Random(0)
    schema = [[f"column_{number}", "Float64", True] for number in range(20)]
    stages = []
    for number in range(n_stages):
        inputs = sorted({max(0, number - 1 - int(chance.expovariate(0.25))) for _ in range(min(number, chance.choice((1, 1, 2))))})
        kind = chance.choice(KINDS) if inputs else "source"
        stage = {"id": number, "name": f"Stage{number}", "label": None, "kind": kind, "inputs": inputs, "where": f"flow.py:{number}"}
        stage |= {"rows_in": 1000, "rows_out": 1000, "columns_out": 20, "seconds": 0.1, "bytes": 160_000, "stretch": None, "note": None}
        stages.append(stage | {"pushed": None, "schema": schema, "spans": [[number * 0.1, 0.1]]})
    samples = [[second / 10, 1e9 + 1e6 * (second % 7)] for second in range(500)]
    curve = {"stage": 0, "label": "a", "kind": "roc", "x": [n / 999 for n in range(1000)], "y": [(n / 999) ** 0.3 for n in range(1000)]}
    return {
        "gpupipe": "0", "pipeline": "large", "engine": "cpu", "status": "ok", "started": "2026-11-30T00:00:00+00:00", "file": None,
        "seconds": n_stages / 10, "parameters": {}, "versions": {}, "machine": {}, "cluster": None, "stages": stages, "stretches": [],
        "memory": {"peak_bytes": 10**9, "samples": samples}, "crossings": {"events": []}, "fallbacks": [],
        "outputs": {"auc": {"roc_auc": 0.8}}, "curves": [curve | {"auc": 0.8}], "models": [], "cards": [], "error": None,
    }  # fmt: skip


def measured(sizes: tuple[int, ...], rounds: int) -> dict[int, dict[str, list[float]]]:
    """Return the seconds of each size, round by round."""
    found: dict[int, dict[str, list[float]]] = {
        size: {"made": [], "made_cpu": [], "opened": [], "painted": [], "bytes": []} for size in sizes
    }
    with tempfile.TemporaryDirectory() as folder, open_browser(Path(folder) / "profile") as browser:
        for _ in range(rounds):
            for size in sizes:
                started, cpu = time.perf_counter(), time.process_time()
                page = html_page(report(size))
                found[size]["made"].append(time.perf_counter() - started)
                found[size]["made_cpu"].append(time.process_time() - cpu)
                found[size]["bytes"].append(len(page))
                (Path(folder) / "page.html").write_text(page, encoding="utf-8")
                tab = browser.open((Path(folder) / "page.html").as_uri())
                told = json.loads(tab.wait(f"JSON.parse({TIMES}) && {TIMES}"))
                for name, seconds in told.items():
                    found[size][name].append(seconds)
                tab.close()
    return found


def main() -> None:
    """Measure, print and write."""
    options = ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    found = measured((22, 200), given.rounds)
    sizes = [
        {"stages": size, **{name: {"median": median(values), "min": min(values), "max": max(values)} for name, values in one.items()}}
        for size, one in found.items()
    ]
    for size in sizes:
        print(size["stages"], {name: round(value["median"], 3) for name, value in size.items() if isinstance(value, dict)})
    if given.out:
        command = f"python -m bench.report_page --rounds {given.rounds}"
        record = {"benchmark": "report-page", "command": command, "rounds": given.rounds, "machine": describe(), "sizes": sizes}
        given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
