"""Layers of few parameters against the dense layers that they stand for: forward, and forward and backward, processor seconds.

::

    python -m bench.deep_layers --out bench/results/NAME.json
    python -m bench.deep_layers --only TTLinear,CPConv2d --rounds 30

In each round dense and ours run one after the other, another one first each time; a ratio is of two runs of one round, and the median
over rounds counts. On one thread, float32, with the modes that a layer chooses by itself and about 1 and 10 of 100 parameters. The floor:
at most 1.2 times as long as dense. Where ``counts`` is false it is not asked: of modes that were given, and of a dense layer so small that
starting a few operations takes longer (see `SMALL`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.machine import describe
from gpupipe.deep.layers import TCL, TRL, CPConv2d, CPLinear, TTConv2d, TTLinear, TuckerConv2d, TuckerLinear

MOST = 1.2
SMALL = 4_000_000  # multiplications of a dense layer and a batch below which the floor is not asked
SHARES = (0.01, 0.1)
Case = tuple[str, nn.Module, nn.Module, torch.Tensor, bool]  # name, dense, ours, inputs, whether the floor counts


def cases() -> Iterator[Case]:
    """Yield what is compared."""
    for n_in, n_out, n_rows in ((1024, 1024, 64), (1024, 1024, 8), (1024, 1024, 512), (784, 256, 64), (4096, 1024, 64)):
        rows, dense = torch.randn(n_rows, n_in), nn.Linear(n_in, n_out)
        for share in SHARES:
            for layer in (TTLinear, TuckerLinear, CPLinear):
                yield f"{layer.__name__} {n_in} to {n_out}, {n_rows} rows, {share:g}", dense, layer(n_in, n_out, share), rows, True
    for layer in (TTLinear, CPLinear):
        given = layer(1024, 1024, 0.1, in_modes=(32, 32), out_modes=(32, 32))
        yield f"{layer.__name__} 1024 to 1024 as 32 x 32, 64 rows, 0.1", nn.Linear(1024, 1024), given, torch.randn(64, 1024), False
    for channels, more, size, n_images in ((64, 64, 16, 16), (32, 64, 28, 8), (128, 128, 8, 16)):
        images = torch.randn(n_images, channels, size, size)
        for share in SHARES:
            for conv in (TTConv2d, TuckerConv2d, CPConv2d):
                name = f"{conv.__name__} {channels} to {more}, 3 x 3, {n_images} of {size} x {size}, {share:g}"
                yield name, nn.Conv2d(channels, more, 3, padding=1), conv(channels, more, 3, share, padding=1), images, True
    for shape, n_out, n_images in (((64, 7, 7), 10, 64), ((128, 8, 8), 100, 64), ((512, 7, 7), 1000, 16)):
        tensors = torch.randn(n_images, *shape)
        flat = nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), n_out))
        for share in SHARES:
            counts = n_images * prod(shape) * n_out >= SMALL
            yield f"TRL {shape} to {n_out}, {n_images} tensors, {share:g}", flat, TRL(shape, n_out, share), tensors, counts
    for shape, ranks in (((64, 7, 7), (32, 4, 4)), ((128, 8, 8), (32, 4, 4))):
        flat = nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), prod(ranks), bias=False))
        yield f"TCL {shape} to {ranks}, 64 tensors", flat, TCL(shape, ranks), torch.randn(64, *shape), True


def timed(work: Callable[[], Any]) -> float:
    """Return processor seconds of a run."""
    started = time.process_time()
    work()
    return time.process_time() - started


def ratios(dense: Callable[[], Any], ours: Callable[[], Any], rounds: int) -> tuple[list[float], float]:
    """Return how many times as long ours took, in each round, and the dense layer's median in milliseconds; short runs are repeated."""
    for _ in range(3):
        dense(), ours()
    repeats = max(1, round(0.004 / max(timed(dense), 1e-6)))

    def many(work: Callable[[], Any]) -> float:
        return timed(lambda: [work() for _ in range(repeats)]) / repeats

    found, seconds = [], []
    for number in range(rounds):
        if number % 2:
            mine, theirs = many(ours), many(dense)
        else:
            theirs, mine = many(dense), many(ours)
        found.append(mine / theirs)
        seconds.append(theirs)
    return found, 1e3 * statistics.median(seconds)


def forward(layer: nn.Module, inputs: torch.Tensor) -> Callable[[], Any]:
    """Return a forward pass without gradients."""

    def work() -> None:
        with torch.no_grad():
            layer(inputs)

    return work


def both(layer: nn.Module, inputs: torch.Tensor) -> Callable[[], Any]:
    """Return a forward and a backward pass, to the inputs as well."""
    given = inputs.clone().requires_grad_()

    def work() -> None:
        layer.zero_grad()
        given.grad = None
        layer(given).square().mean().backward()

    return work


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each case, write the record; 1 where a floor is not reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="", help="beginnings of names")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    record: dict[str, Any] = {"benchmark": "deep_layers", "machine": describe(), "rounds": options.rounds, "most": MOST, "cases": []}
    reached = True
    for name, dense, ours, inputs, counts in cases():
        if options.only and not name.startswith(tuple(options.only.split(","))):
            continue
        row: dict[str, Any] = {"case": name, "space_saving": round(ours.space_saving, 4), "counts": counts}  # type: ignore[arg-type]
        row |= {side: list(getattr(ours, side)) for side in ("in_modes", "out_modes") if isinstance(getattr(ours, side, None), tuple)}
        for what, way in (("forward", forward), ("forward and backward", both)):
            found, milliseconds = ratios(way(dense, inputs), way(ours, inputs), options.rounds)
            median = statistics.median(found)
            row[what] = {
                "times": round(median, 3),
                "least": round(min(found), 3),
                "most": round(max(found), 3),
                "dense_ms": round(milliseconds, 3),
            }
            reached = reached and (median <= MOST or not counts)
        record["cases"].append(row)
        print(
            f"{name:62} saves {row['space_saving']:.3f}: {row['forward']['times']:.2f}x, {row['forward and backward']['times']:.2f}x",
            flush=True,
        )
    record["floors_reached"] = reached
    if options.out:
        options.out.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
