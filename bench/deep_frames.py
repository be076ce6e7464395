"""ConvLSTM and Conv-TT-LSTM on small moving digits: errors beside a black frame and a copy of the last one, and processor seconds.

::

    python -m bench.deep_frames --out bench/results/NAME.json
    python -m bench.deep_frames --seeds 1 --epochs 4

One moving 8 x 8 digit (scikit-learn's) on 16 x 16, 8 frames shown and 8 predicted, 800 sequences, of which 80 tell the best epoch; two
layers of 16 channels and kernel 3; mean squared error, Adam at 4e-3, 16 sequences a step. Tested on 300 sequences of digits that no network
has seen. On one thread. The floors: each network, with every seed, at most 0.8 times the black frame's error and below the copy's, and both
networks of a seed within 600 processor seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from sklearn.datasets import load_digits

import gpupipe as gp
from bench.machine import describe
from gpupipe.deep import Training

NETWORKS = {"ConvLSTM": {"cell": "conv-lstm"}, "Conv-TT-LSTM": {"cell": "conv-tt-lstm", "order": 3, "steps": 3, "rank": 8}}
SMALL = {"channels": (16,), "layers": 2, "kernel_size": 3}
VIDEOS = {"size": 16, "n_digits": 1, "n_frames": 16}


def images() -> Any:
    """Return scikit-learn's digits as a tensor image x row x column."""
    pixels = load_digits().images / 16
    places = np.indices(pixels.shape).reshape(3, -1)
    cells = pl.DataFrame({"image": places[0], "row": places[1], "column": places[2], "ink": pixels.ravel().astype(np.float32)})
    return gp.ToTensor(["image", "row", "column"], "ink").apply(cells)


def trained(options: dict[str, Any], videos: Any, tests: Any, epochs: int, seed: int) -> dict[str, Any]:
    """Return what a network's training took and how well it predicts."""
    started = time.process_time()
    training = Training(epochs, 16, 4e-3, seed=seed, device="cpu")
    fitted = gp.PredictFrames({**options, **SMALL}, n_seen=8, training=training).apply(videos)
    seconds = time.process_time() - started
    scores = fitted.scores().apply(tests)
    by_forecast = {
        name: {column: [float(f"{value:.6g}") for value in rows[column]] for column in rows.columns[2:]}
        for (name,), rows in scores.group_by("forecast", maintain_order=True)
    }
    facts = fitted.describe()["facts"]
    return {"processor_seconds": round(seconds, 1), "parameters": facts["parameters"], "best_epoch": facts["best epoch"], **by_forecast}


def means(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the means over frames of each forecast's scores."""
    kept = {name: held for name, held in found.items() if isinstance(held, dict)}
    return {name: {column: float(np.mean(values)) for column, values in held.items()} for name, held in kept.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train both networks with each seed, print a table, write the record; 1 where a floor is not reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    digits = images()
    videos = gp.MoveDigits(800, **VIDEOS, seed=1, part="train").apply(digits)
    tests = gp.MoveDigits(300, **VIDEOS, seed=2, part="test").apply(digits)
    record: dict[str, Any] = {"benchmark": "deep_frames", "machine": describe(), "epochs": options.epochs, "runs": []}
    reached = True
    for seed in range(options.seeds):
        seconds = 0.0
        for name, network in NETWORKS.items():
            found = trained(network, videos, tests, options.epochs, seed)
            mean = means(found)
            error, zero, copy = (mean[key]["mse_per_pixel_x1000"] for key in ("network", "zero frame", "copy of the last frame"))
            seconds += found["processor_seconds"]
            reached = reached and error <= 0.8 * zero and error < copy
            record["runs"].append({"name": name, "seed": seed, "ratio_to_zero_frame": round(error / zero, 4), "means": mean, **found})
            shown = f"{error:6.2f} per pixel x 1000 (black frame {zero:.2f}, copy {copy:.2f}), SSIM {mean['network']['ssim']:.3f}"
            print(f"{name:13} seed {seed}: {shown}, {found['parameters']:,} parameters, {found['processor_seconds']:.0f} s", flush=True)
        reached = reached and seconds <= 600
    record["floors_reached"] = reached
    if options.out:
        options.out.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
