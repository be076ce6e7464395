"""What tensor stages cost beside the array functions that they call: the same work by engine `cpu` and by `gpupipe.tensors`, in turns.

    python -m bench.tensor_stages --out bench/results/NAME.json [--rounds 5]

A ratio is of processor seconds of two calls within one round; shown are the median and the extremes. A stage gets a tensor that is made
already, as it does within a run, and gives what it fitted, labels and all. BLAS has one thread.
"""

# ruff: noqa: E402  (threads are told before NumPy is imported)

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import json
import statistics
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

import gpupipe as gp
import gpupipe.tensors as gt
from bench.machine import describe
from gpupipe.engines.load import load_engine
from gpupipe.kinds.tensor import TensorData

SHAPE = (120, 120, 120)
ROWS = (200_000, 40)
MOST = 1.05  # times the array function's seconds


def labelled(array: np.ndarray) -> TensorData:
    """Return an array as a run holds it."""
    labels = tuple(nw.from_dict({f"d{place}": np.arange(size)}, backend="polars") for place, size in enumerate(array.shape))
    return TensorData(array, None, None, labels, "x")


def questions() -> dict[str, tuple[Callable[[Any], Any], Callable[[], Any]]]:
    """Return, by name, what a stage does on an engine, and the same by arrays."""
    chance = np.random.default_rng(0)
    factors = [chance.random((size, 6)) for size in SHAPE]
    array = np.einsum("ir,jr,kr->ijk", *factors) + 0.1 * chance.random(SHAPE)
    rows = chance.normal(size=ROWS)
    cube, matrix = labelled(array), labelled(rows)
    sweeps: dict[str, Any] = {"n_iter_max": 20, "tol": 0.0}
    return {
        "CP": (lambda engine: engine.solve(gp.CP(6, **sweeps), [cube]), lambda: gt.CP(6, **sweeps).fit(array)),
        "Tucker": (lambda engine: engine.solve(gp.Tucker((6, 6, 6)), [cube]), lambda: gt.Tucker((6, 6, 6)).fit(array)),
        "NonNegativeCP": (
            lambda engine: engine.solve(gp.NonNegativeCP(6, **sweeps), [cube]),
            lambda: gt.NonNegativeCP(6, **sweeps).fit(array),
        ),
        "TensorTrain": (lambda engine: engine.solve(gp.TensorTrain(6), [cube]), lambda: gt.TensorTrain(6).fit(array)),
        "Moments": (lambda engine: engine.solve(gp.Moments(3, along="d0"), [matrix]), lambda: gt.moment(rows, 3)),
    }


def seconds(call: Callable[[], Any]) -> float:
    """Return the processor seconds of a call."""
    before = time.process_time()
    call()
    return time.process_time() - before


def measured(rounds: int) -> dict[str, Any]:
    """Return the ratio of each stage to its array function."""
    engine, found = load_engine("cpu"), {}
    try:
        for name, (stage, arrays) in questions().items():
            stage(engine), arrays()  # imports and first pages are nobody's
            pairs = []
            for number in range(rounds):
                first = seconds(arrays) if number % 2 else None
                of_stage = seconds(lambda stage=stage: stage(engine))  # type: ignore[misc]
                pairs.append((of_stage, seconds(arrays) if first is None else first))
            ratios = [of_stage / of_arrays for of_stage, of_arrays in pairs]
            found[name] = {
                "milliseconds": round(1e3 * statistics.median(of_stage for of_stage, _ in pairs), 2),
                "times_the_array_function": {
                    "median": round(statistics.median(ratios), 3),
                    "min": round(min(ratios), 3),
                    "max": round(max(ratios), 3),
                },
                "within_the_bar": statistics.median(ratios) <= MOST,
            }
            print(name, found[name])
    finally:
        engine.close()
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the record."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args(arguments)
    record = {"benchmark": "tensor_stages", "rounds": given.rounds, "bar": MOST, "machine": describe(), "stages": measured(given.rounds)}
    if given.out is not None:
        given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
