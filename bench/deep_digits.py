"""A small network of digits with a dense classifier and with tensor regression layers: accuracy over parameters saved, several seeds.

::

    python -m bench.deep_digits --out bench/results/NAME.json                                        scikit-learn's digits, 8 x 8
    python -m bench.deep_digits --images images-idx3-ubyte.gz --labels labels-idx1-ubyte.gz --epochs 3 --more 2 \\
        --ways decomposed --ranks 8x4x4x10 6x3x3x10 --out bench/results/NAME.json                    MNIST

The network and the classifiers are those of ``pipelines/digits.py``. Seven of ten images are learnt from, one of ten tells the best epoch
and which classifier is taken, two of ten are the test. A network with a dense classifier learns for `epochs`. Then ``decomposed``: its
classifier gives way to the nearest one of low rank, and the whole network learns for `more` epochs at a fifth of the rate; or
``scratch``: a network with such a classifier learns for `epochs` and `more` from the beginning. They stand beside the dense network that
has learnt for `more` epochs, too.

The floor: of the classifiers that save at least 65 of 100 parameters, the one with the highest mean accuracy on the images for validation
loses at most half a point of mean accuracy on the test.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import TensorDataset

from bench.machine import describe
from gpupipe.deep import Supervised, Training, train
from gpupipe.deep.layers import TRL
from gpupipe.deep.network import n_parameters
from pipelines.digits import CHANNELS, RANKS, DigitNetwork, read_idx

LOST, SAVED = 0.005, 0.65
RATE = 5e-3
Parts = dict[str, TensorDataset]


def parts_of(images: str | None, labels: str | None) -> Parts:
    """Return the images and classes of each part, the same ones for all seeds."""
    if images is None or labels is None:
        digits = load_digits()
        pixels, target = digits.images / 16, digits.target
    else:
        pixels, target = read_idx(images) / 255, read_idx(labels)
    order = np.random.default_rng(0).permutation(len(pixels))
    edges = [round(len(order) * share) for share in (0.7, 0.8)]
    x, y = torch.as_tensor(pixels, dtype=torch.float32)[:, None], torch.as_tensor(target.astype(np.int64))
    places = zip(("learn", "validation", "test"), np.split(order, edges), strict=True)
    return {name: TensorDataset(x[torch.as_tensor(at)], y[torch.as_tensor(at)]) for name, at in places}


def learnt(network: nn.Module, parts: Parts, epochs: int, rate: float, seed: int) -> nn.Module:
    """Return a network after it has learnt, with the weights of its best epoch."""
    training = Training(epochs, 32, rate, schedule="cosine", seed=seed, device="cpu")
    train(network, Supervised(nn.functional.cross_entropy), parts["learn"], parts["validation"], training=training)
    return network


def made(side: int, seed: int, rank: tuple[int, ...] = ()) -> DigitNetwork:
    """Return a new network."""
    torch.manual_seed(seed)
    return DigitNetwork(side, "TRL" if rank else "dense", rank)


def decomposed(dense: DigitNetwork, rank: tuple[int, ...]) -> DigitNetwork:
    """Return the network with the nearest classifier of low rank."""
    smaller = copy.deepcopy(dense)
    (linear,) = (layer for layer in smaller.classifier if isinstance(layer, nn.Linear))  # type: ignore[union-attr]
    smaller.classifier = TRL.from_linear(linear, (CHANNELS, 4, 4), rank)
    return smaller


def accuracies(network: nn.Module, parts: Parts) -> dict[str, float]:
    """Return the share of right classes in the parts that were not learnt from."""
    found = {}
    with torch.no_grad():
        for name in ("validation", "test"):
            x, y = parts[name].tensors
            found[name] = float((network(x).argmax(1) == y).float().mean())
    return found


def one_seed(parts: Parts, options: argparse.Namespace, seed: int) -> dict[str, tuple[float, dict[str, float]]]:
    """Return for each classifier what it saves and how right it is."""
    side = parts["learn"].tensors[0].shape[2]
    dense = learnt(made(side, seed), parts, options.epochs, RATE, seed)
    size = n_parameters(dense.classifier)  # type: ignore[arg-type]
    networks: dict[str, nn.Module] = {"dense": learnt(copy.deepcopy(dense), parts, options.more, RATE / 5, seed)}
    for rank in options.ranks:
        name = "x".join(map(str, rank))
        if "decomposed" in options.ways:
            networks[f"TRL {name}, decomposed"] = learnt(decomposed(dense, rank), parts, options.more, RATE / 5, seed)  # type: ignore[arg-type]
        if "scratch" in options.ways:
            networks[f"TRL {name}, from scratch"] = learnt(made(side, seed, rank), parts, options.epochs + options.more, RATE, seed)
    return {name: (1 - n_parameters(net.classifier) / size, accuracies(net, parts)) for name, net in networks.items()}  # type: ignore[arg-type]


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--more", type=int, default=5)
    parser.add_argument("--ways", nargs="+", default=["decomposed", "scratch"], choices=("decomposed", "scratch"))
    parser.add_argument("--ranks", nargs="+", type=lambda text: tuple(map(int, text.split("x"))), default=list(RANKS))
    parser.add_argument("--images", help="a file of MNIST's format, with --labels; scikit-learn's digits unless given")
    parser.add_argument("--labels")
    parser.add_argument("--out", type=Path)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train with each seed, print means, write the record; 1 where the floor is not reached."""
    options = options_of(arguments)
    torch.set_num_threads(1)
    parts = parts_of(options.images, options.labels)
    found: dict[str, dict[str, Any]] = {}
    started = time.process_time()
    for seed in range(options.seeds):
        for name, (saving, right) in one_seed(parts, options, seed).items():
            held = found.setdefault(name, {"space_saving": round(saving, 4), "validation": [], "test": []})
            for part, share in right.items():
                held[part].append(round(share, 4))
        print(f"seed {seed}:", {name: (held["validation"][-1], held["test"][-1]) for name, held in found.items()}, flush=True)
    for held in found.values():
        held["mean"] = {part: round(statistics.mean(held[part]), 5) for part in ("validation", "test")}
        held["lost"] = round(statistics.mean(found["dense"]["test"]) - statistics.mean(held["test"]), 5)
    smaller = {name: held for name, held in found.items() if held["space_saving"] >= SAVED}
    chosen = max(smaller, key=lambda name: smaller[name]["mean"]["validation"])
    record = {
        "benchmark": "deep_digits",
        "machine": describe(),
        "data": Path(options.images).name if options.images else "scikit-learn's digits",
        "images": {name: len(part) for name, part in parts.items()},
        "epochs": options.epochs,
        "more": options.more,
        "processor_seconds": round(time.process_time() - started, 1),
        "classifiers": found,
        "chosen_by_validation": chosen,
        "floors_reached": found[chosen]["lost"] <= LOST,
    }
    print(json.dumps({name: record[name] for name in ("classifiers", "chosen_by_validation", "floors_reached")}, indent=1))
    if options.out:
        options.out.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if record["floors_reached"] else 1


if __name__ == "__main__":
    sys.exit(main())
