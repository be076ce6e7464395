"""A small network of digits with a dense classifier and with tensor regression layers: accuracy over parameters saved, several seeds.

::

    python -m bench.deep_digits --out bench/results/NAME.json
    python -m bench.deep_digits --seeds 1 --epochs 4

The network and the classifiers are those of ``pipelines/digits.py``, four of five digits to learn from: scikit-learn's, or MNIST's. The
floor: with a TRL, or a TCL and a TRL, of at least 65 of 100 classifier parameters saved, the mean accuracy over seeds is at most half a
point below that of the dense classifier.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bench.machine import describe
from pipelines.digits import pipeline

LOST, SAVED = 0.005, 0.65


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the pipeline with each seed, print means, write the record; 1 where the floor is not reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--images", help="a file of MNIST's format, with --labels; scikit-learn's digits unless given")
    parser.add_argument("--labels")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found: dict[str, dict[str, Any]] = {}
    for seed in range(options.seeds):
        rows = pipeline(options.images, options.labels, options.epochs, seed).run("cpu")["accuracy"]
        for name, saving, accuracy in zip(rows["classifier"], rows["space_saving"], rows["accuracy"], strict=True):
            found.setdefault(name, {"space_saving": round(saving, 4), "accuracy": []})["accuracy"].append(round(accuracy, 4))
        print(f"seed {seed}:", {name: held["accuracy"][-1] for name, held in found.items()}, flush=True)
    for held in found.values():
        held["mean"] = statistics.mean(held["accuracy"])
        held["lost"] = round(statistics.mean(found["dense"]["accuracy"]) - held["mean"], 4)
    reached = any(held["space_saving"] >= SAVED and held["lost"] <= LOST for held in found.values())
    data = Path(options.images).name if options.images else "scikit-learn's digits"
    record = {
        "benchmark": "deep_digits",
        "machine": describe(),
        "data": data,
        "epochs": options.epochs,
        "classifiers": found,
        "floors_reached": reached,
    }
    print(json.dumps(found, indent=1))
    if options.out:
        options.out.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
