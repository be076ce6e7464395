"""TT-LSTM and LSTM on real traffic, beside the last value, the same time yesterday and Holt-Winters: errors by horizon, several seeds.

::

    python -m bench.deep_traffic metr_la_week_speed.csv.gz --out bench/results/NAME.json

Runs ``pipelines/traffic_forecast.py``: an hour of several roads is seen and three hours are forecast, in steps of 5 minutes. All methods
are fitted anew to what came before each window, and the windows are the last ones of the file, one behind the other. Nothing is chosen by
their errors: the settings are the pipeline's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bench.machine import describe
from pipelines.traffic_forecast import pipeline


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the pipeline, print the table, write the record; 1 where a network is worse than the same time yesterday at a horizon."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speeds", type=Path)
    parser.add_argument("--roads", type=int, default=15)
    parser.add_argument("--windows", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    settings = {"n_roads": options.roads, "windows": options.windows, "epochs": options.epochs, "n_seeds": options.seeds}
    started = time.process_time()
    result = pipeline(str(options.speeds), **settings).run("cpu")
    found: dict[str, dict[str, Any]] = {}
    for kind, step, rmse, sd in result["by_horizon"].rows():
        found.setdefault(kind, {})[f"{5 * step} minutes"] = {"rmse": round(rmse, 3), "sd": None if sd is None else round(sd, 3)}
    record = {
        "benchmark": "deep_traffic",
        "machine": describe(),
        "data": options.speeds.name,
        "settings": settings,
        "processor_seconds": round(time.process_time() - started, 1),
        "rmse_mph": found,
    }
    for kind, held in found.items():
        print(f"{kind:20}", *(f"{one['rmse']:6.2f}" + ("" if one["sd"] is None else f" ({one['sd']:.2f})") for one in held.values()))
    if options.out:
        options.out.write_text(json.dumps(record, indent=1) + "\n")
    naive = found["same time yesterday"]
    worse = [(kind, at) for kind in ("lstm", "tt-lstm") for at, one in found[kind].items() if one["rmse"] >= naive[at]["rmse"]]
    print("not better than the same time yesterday:", worse or "none")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
