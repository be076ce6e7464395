"""TT-LSTM and LSTM on real traffic, beside the last value, the same time yesterday, Holt-Winters and the mean: errors by horizon.

::

    python -m bench.deep_traffic metr_la_week_speed.csv.gz --out bench/results/NAME.json [--seeds 3] [--most 2]

The networks and their settings are those of ``pipelines/traffic_forecast.py``: an hour of 15 roads is seen and three hours are forecast, in
steps of 5 minutes. They learn once from all days but the last one, of whose end a part tells the best epoch, and forecast from every second
hour of the last day; the other methods are fitted anew to all that came before each of these. Nothing is chosen by the errors. What is in
NAME.json stays; with ``--most`` it stops after so many networks, and goes on when it is called again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.machine import describe
from gpupipe.forecasts import Mean
from pipelines.traffic_forecast import DAY, HOUR, methods, read

PAST, HORIZON, EPOCHS, EVERY = HOUR, 3 * HOUR, 12, 2 * HOUR
SHOWN = (HOUR // 4, HOUR // 2, HOUR, 2 * HOUR, 3 * HOUR)


def speeds_of(path: Path, n_roads: int) -> Any:
    """Return [n_roads, n_times] miles an hour, NaN where a detector was off."""
    return read(str(path), n_roads)["mph"].to_numpy().reshape(-1, n_roads).T.copy()


def errors_of(method: Any, values: Any, origins: Any) -> dict[str, float]:
    """Return the root of the mean squared error at each horizon shown, over all origins and roads."""
    if hasattr(method, "cell"):
        fitted = method.fit(values[:, : origins[0]])
        past = np.stack([values[:, end - PAST : end].T for end in origins])
        said = fitted._go_on(past, np.zeros(len(origins), int), HORIZON).transpose(0, 2, 1)
    else:
        said = np.stack([type(method)(**method.get_params()).fit(values[:, :end]).forecast(HORIZON).mean for end in origins])
    came = np.stack([values[:, end : end + HORIZON] for end in origins])
    squares = np.nanmean((said - came) ** 2, axis=(0, 1))
    return {f"{5 * step} minutes": round(float(np.sqrt(squares[step - 1])), 3) for step in SHOWN}


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Return for each kind and horizon the mean over seeds, and the deviation."""
    kinds: dict[str, list[dict[str, float]]] = {}
    for name, held in found.items():
        kinds.setdefault(name.rstrip("0123456789 "), []).append(held["rmse_mph"])
    return {
        kind: {
            at: [statistics.mean(held), statistics.stdev(held) if len(held) > 1 else None]
            for at in runs[0]
            if (held := [run[at] for run in runs])
        }
        for kind, runs in kinds.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit what is not in the record yet, print the table; 1 where a network is worse than the same time yesterday at a horizon."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speeds", type=Path)
    parser.add_argument("--roads", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    values = speeds_of(options.speeds, options.roads)
    origins = np.arange(values.shape[1] - DAY, values.shape[1] - HORIZON + 1, EVERY)
    settings = {"roads": options.roads, "past": PAST, "horizon": HORIZON, "epochs": EPOCHS, "origins": len(origins)}
    record = json.loads(options.out.read_text()) if options.out.exists() else {"benchmark": "deep_traffic", "methods": {}}
    record |= {"machine": describe(), "data": options.speeds.name, "settings": settings}
    found, done = record["methods"], 0
    for name, method in {**methods(PAST, HORIZON, EPOCHS, options.seeds), "mean": Mean()}.items():
        if name in found or done >= options.most:
            continue
        started = time.process_time()
        errors = errors_of(method, values, origins)
        found[name] = {"rmse_mph": errors, "processor_seconds": round(time.process_time() - started, 1)}
        done += hasattr(method, "cell")
        print(name, found[name], flush=True)
        record["summary"] = summary(found)
        options.out.write_text(json.dumps(record, indent=1) + "\n")
    naive = record["summary"].get("same time yesterday", {})
    worse = [(kind, at) for kind in ("lstm", "tt-lstm") for at in naive if record["summary"][kind][at][0] >= naive[at][0]]
    print("not better than the same time yesterday:", worse or "none")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
